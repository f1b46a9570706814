"""The search for the images with one rare value: which come next, and how many of them are found."""
