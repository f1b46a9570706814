"""The faces that are measured on: the development data where it is, drawn ones elsewhere."""

from pathlib import Path

from annotator.sample_faces import draw_faces

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
EXAMPLES = ROOT / "docs" / "examples"
CELEBA = SHARED / "celeba"
CELEBA_SCHEMA = EXAMPLES / "celeba" / "attributes.toml"
DRAWN = 600


def faces(folder: Path, drawn: int | None = None) -> tuple[Path, Path]:
    """A folder of faces, and the CSV of their true labels.

    Args:
        folder: where faces are drawn if need be.
        drawn: draw so many in any case.
    """
    if drawn is None and CELEBA.is_dir():
        return CELEBA / "images", CELEBA / "derived.csv"
    return folder / "faces", draw_faces(folder / "faces", drawn or DRAWN, size=128)
