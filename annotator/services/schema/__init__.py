"""The active schema, and the people of open attributes."""
