"""Numbers as people read them: with the nouns that they count, and as percentages."""


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun, which may be followed by a verb: "1 file was", "312 files were"."""
    return f"{number:,} {one if number == 1 else many}"


def percent(share: float) -> str:
    """Return a share as a percentage with as many digits as it needs, three at most: "0.5 %"."""
    return f"{100 * share:.3g} %"
