"""Change the schema: preview, apply, write attributes.toml."""
