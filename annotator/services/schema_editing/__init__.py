"""Change the schema: preview a change, apply it, keep attributes.toml in step."""
