"""The formats of other tools and our own: one module each, with its reader and its writer; no database, no Flask."""
