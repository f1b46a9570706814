"""Routes of the team page, accounts and tokens."""
