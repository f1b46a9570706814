"""Our own two formats, as FORMATS.md describes them: snapshots and predictions."""
