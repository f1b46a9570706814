"""Numbers with the nouns that they count."""


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun, which may be followed by a verb: "1 file was", "312 files were"."""
    return f"{number:,} {one if number == 1 else many}"
