"""The light table: one change of many images at once, from *Browse*."""
