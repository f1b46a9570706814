"""Routes of the label, sweep and people pages."""
