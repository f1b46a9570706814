"""Say who is in an image: sets of similar faces, confirmation, renaming and merging people."""
