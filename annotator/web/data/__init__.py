"""Routes of the import, schema, snapshots and export pages."""
