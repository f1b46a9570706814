"""Routes of the rounds and insights pages."""
