"""Views: what a model sees of an image, cut from the pixels of the original around the face."""

from trainer.views.geometry import BY_NAME, FACE, HEAD, WHOLE, View, transform
from trainer.views.loading import load_views

__all__ = ["BY_NAME", "FACE", "HEAD", "WHOLE", "View", "load_views", "transform"]
