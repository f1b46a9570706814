"""The files that are named by their content: images, the photos they were cut from, and their views. Nothing else opens them."""
