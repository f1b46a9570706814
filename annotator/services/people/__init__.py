"""Who is in an image: sets of similar faces, confirmation of names, renaming and merging of people."""
