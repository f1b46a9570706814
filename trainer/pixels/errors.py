"""The refusal of a file by the decoder."""


class UndecodableImageError(Exception):
    """A file cannot be decoded; the message is the reason, as a clause after the file's name."""
