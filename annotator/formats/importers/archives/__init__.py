"""Zip and tar archives: their members, the names of these, and unpacking them within limits."""
