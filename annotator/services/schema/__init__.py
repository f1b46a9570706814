"""The active schema, and the values of open attributes (people)."""
