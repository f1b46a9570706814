"""Image files: decode safely, store by content, hash, find and crop faces."""
