"""Routes of the browse, review and groups pages."""
