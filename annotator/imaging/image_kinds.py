"""Which files are images: the annotator's door to the kinds that the shared decoder reads."""

from trainer.pixels.kinds import HEAD_BYTES, IMAGE_ENDINGS, MAX_PIXELS, sniff_image, unreadable_kind

__all__ = ["HEAD_BYTES", "IMAGE_ENDINGS", "MAX_PIXELS", "sniff_image", "unreadable_kind"]
