"""Groups of images that must stay together, and their splits."""
