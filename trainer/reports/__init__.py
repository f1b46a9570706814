"""Pages for people: what a run came to, and why a model answers an image as it does.

Every page is one file that needs nothing else: styles, charts (SVG) and pictures are inside.
"""
