"""Importing images that lie in object storage already."""
