"""Which images must stay together, and which split they are in."""
