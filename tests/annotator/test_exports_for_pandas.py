"""What docs/export.md tells users of pandas: exported tables are read with one call, and hold the same codes."""

from pathlib import Path

import pandas as pd
import pytest

from annotator.project import ProjectFolder
from tests.support.commands import call


@pytest.fixture
def labelled(filled: ProjectFolder, faces: Path) -> ProjectFolder:
    """40 images; all labelled but the last two."""
    lines = (faces / "answers.csv").read_text().splitlines(keepends=True)
    labels = filled.path.parent / "labels.csv"
    labels.write_text("".join(lines[:-2]))
    call("import", labels, "-p", filled.path).assert_done()
    return filled


def test_a_snapshot_and_parquet_tables_are_the_same_frame(labelled: ProjectFolder):
    folder = labelled.path.parent
    call("export", "--to", folder / "snapshot", "-p", labelled.path).assert_done()
    call("export", "--format", "parquet", "--to", folder / "parquet", "-p", labelled.path).assert_done()
    labels = pd.read_csv(
        folder / "snapshot" / "labels.csv", index_col="image_name", dtype={"image_name": str}
    )
    tables = pd.read_parquet(folder / "parquet" / "labels.parquet", dtype_backend="pyarrow")
    assert labels.shape == (40, 7)
    assert labels["glasses"].isna().sum() == 2
    pd.testing.assert_frame_equal(
        labels.astype("Int32"), tables.set_index("image_name").astype("Int32"), check_index_type=False
    )
