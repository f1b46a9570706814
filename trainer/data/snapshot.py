"""The snapshot: a folder of CSV files with everything that is known about the images (FORMATS.md).

`Snapshot.open` verifies it and reads it column by column: a million images take a few seconds.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from trainer.data.faces import FACES, no_landmarks, read_landmarks
from trainer.data.filled import mask_filled_cells
from trainer.pixels.files import image_file_hash
from trainer.runtime.errors import SnapshotError
from trainer.runtime.files import canonical_json, read_manifest, sha256_text

CANNOT_TELL = -1
"""Class index of a cell that a labeller marked as impossible to tell."""
UNLABELLED = -2
"""Class index of a cell without an answer."""

KEPT = "Nothing was changed."
AGAIN = "Export the snapshot again."


@dataclass(frozen=True)
class Value:
    """One of an attribute's classes.

    `ends`: this answer closes the image's other cells ("no face"). `replaced_by`: codes it was merged or split into.
    """

    code: int
    name: str
    status: str
    ends: bool
    replaced_by: tuple[int, ...] = ()

    @property
    def active(self) -> bool:
        """Whether it can still be chosen."""
        return self.status == "active"


@dataclass(frozen=True)
class Attribute:
    """An attribute of the images; `values` holds active and retired ones in the order of their codes."""

    name: str
    title: str
    kind: str
    required: bool
    values: tuple[Value, ...]

    @property
    def categorical(self) -> bool:
        """Whether the values form a closed list, so that a model can answer the attribute."""
        return self.kind == "categorical"

    @property
    def codes(self) -> list[int]:
        """The codes in class order: class index i has code `codes[i]`."""
        return [value.code for value in self.values]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A verified snapshot. All arrays have one entry per image, in the order of labels.csv.

    Attributes:
        path: The snapshot folder.
        images_root: The folder with the image files.
        manifest: The manifest.
        attributes: All active attributes in schema order, including open ones.
        image_names: Unique, sorted by Unicode code points.
        sha256: Hashes of the image files.
        files: Paths of the image files relative to `images_root`.
        splits: `train`, `val` or `test`.
        groups: Group names; the images of a group are always in the same split.
        labels: Categorical attribute → int64 class indices (see `Attribute.codes`), `CANNOT_TELL` or
            `UNLABELLED`. A cell that a model filled (filled.csv) is unlabelled: no model learns from it or is measured on it.
        landmarks: (images, 5, 2) float32, x and y of the landmarks of each image's largest face in pixels of the
            upright image, as FORMATS.md orders them; NaN for an image without a face.
    """

    path: Path
    images_root: Path
    manifest: dict[str, Any]
    attributes: list[Attribute]
    image_names: list[str]
    sha256: list[str]
    files: list[str]
    splits: NDArray[np.str_]
    groups: NDArray[np.str_]
    labels: dict[str, NDArray[np.int64]]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.image_names)

    @property
    def content_hash(self) -> str:
        """Equal for two snapshots with the same labels and faces of the same images."""
        return str(self.manifest["content_hash"])

    @property
    def schema_hash(self) -> str:
        """Equal for two snapshots in which the same codes mean the same."""
        return str(self.manifest["schema"]["hash"])

    @property
    def categorical(self) -> list[Attribute]:
        """The attributes that a model can answer, in schema order."""
        return [attribute for attribute in self.attributes if attribute.categorical]

    def landmarks_of(self, path: Path) -> NDArray[np.float32] | None:
        """Return the (5, 2) landmarks of an image file that the snapshot holds under any name; None if it holds none."""
        try:
            landmarks: NDArray[np.float32] = self.landmarks[self._rows[image_file_hash(path)]]
        except (OSError, KeyError):  # the file is not there, which its reader reports, or not in the snapshot
            return None
        return landmarks

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {sha256: row for row, sha256 in enumerate(self.sha256)}

    def image_path(self, index: int) -> Path:
        """Return the path of an image's file, which need not exist.

        Raises:
            SnapshotError: The path leads out of the images root.
        """
        file = Path(self.files[index])
        if file.is_absolute() or ".." in file.parts:
            raise SnapshotError(f"{self.image_names[index]} points outside the images: {file}.", KEPT, AGAIN)
        return self.images_root / file

    @classmethod
    def open(cls, path: Path, *, images_root: Path | None = None) -> "Snapshot":
        """Verify a snapshot and read it.

        Args:
            path: The snapshot folder.
            images_root: Current folder of the image files, if it is not the one in the manifest.

        Raises:
            SnapshotError: It is incomplete, a byte was changed, it holds names instead of codes, or its version is
                unknown.
        """
        manifest = read_manifest(
            path / "manifest.json", format_name="facelabel-snapshot", version=1, error=SnapshotError
        )
        try:
            return _read(path, manifest, images_root)
        except (KeyError, TypeError, ValueError, pa.ArrowException, OSError) as cause:
            raise SnapshotError(f"{path} does not follow FORMATS.md: {cause!r}.", KEPT, AGAIN) from cause


def _read(path: Path, manifest: dict[str, Any], images_root: Path | None) -> Snapshot:
    if manifest["cells"] != "codes":
        raise SnapshotError(
            f"{path} holds names instead of codes: it was exported for people to read.",
            KEPT,
            "Export it again without --names.",
        )
    _check_hashes(path, manifest)
    retired = _retired_values(path / "attributes.csv", manifest)
    attributes = [
        _attribute(entry, retired.get(entry["name"], [])) for entry in manifest["schema"]["attributes"]
    ]
    _check_schema(path, attributes, manifest)
    images = _read_images(path / "images.csv", manifest["files"]["images.csv"]["sha256"])
    integers = {attribute.name: pa.int64() for attribute in attributes}
    labels = _read_csv(path / "labels.csv", integers)
    if labels["image_name"] != images.column or len(set(images.names)) != len(images.names):
        raise SnapshotError(f"labels.csv and images.csv of {path} list different images.", KEPT, AGAIN)
    categorical = [attribute for attribute in attributes if attribute.categorical]
    indices = {a.name: _class_indices(a, labels[a.name], images.names) for a in categorical}
    codes = {attribute.name: labels[attribute.name] for attribute in categorical}
    mask_filled_cells(path, manifest["files"], images.column, codes, indices, UNLABELLED)
    root = Path(manifest["images"]["root"])
    return Snapshot(
        path=path,
        images_root=images_root or (root if root.is_absolute() else path / root),
        manifest=manifest,
        attributes=attributes,
        image_names=images.names,
        sha256=images.sha256,
        files=images.files,
        splits=images.splits,
        groups=images.groups,
        labels=indices,
        landmarks=_read_landmarks(path, manifest["files"], images),
    )


@dataclass(frozen=True, eq=False)
class _Images:
    """The columns of images.csv, as in `Snapshot`; `column`: the names as Arrow has them, `sizes`: (images, 2)."""

    column: pa.ChunkedArray
    sizes: NDArray[np.int64]
    names: list[str]
    sha256: list[str]
    files: list[str]
    splits: NDArray[np.str_]
    groups: NDArray[np.str_]


_LAST_IMAGES: dict[str, _Images] = {}
"""The images.csv that was read last, by its hash: consecutive rounds have snapshots of the same images."""


def _read_images(path: Path, sha256: str) -> _Images:
    """Read images.csv, whose bytes have been verified, unless it equals the one that was read last."""
    if sha256 not in _LAST_IMAGES:
        _LAST_IMAGES.clear()
        table = _read_csv(path, {"width": pa.int64(), "height": pa.int64()})
        columns = {
            name: table[name].to_pylist() for name in ("image_name", "sha256", "file", "split", "group")
        }
        splits, groups = (np.asarray(columns[name], dtype=np.str_) for name in ("split", "group"))
        for shared in (splits, groups):
            shared.flags.writeable = False
        sizes = np.stack([table[name].to_numpy() for name in ("width", "height")], axis=1)
        names, hashes, files = (columns[name] for name in ("image_name", "sha256", "file"))
        _LAST_IMAGES[sha256] = _Images(table["image_name"], sizes, names, hashes, files, splits, groups)
    return _LAST_IMAGES[sha256]


_LAST_LANDMARKS: dict[tuple[str, str], NDArray[np.float32]] = {}
"""The landmarks that were read last, by the hashes of images.csv and faces.csv."""


def _read_landmarks(path: Path, files: dict[str, Any], images: _Images) -> NDArray[np.float32]:
    """Read faces.csv, whose bytes have been verified, unless it equals the one that was read last."""
    if FACES not in files:
        return no_landmarks(len(images.names))
    key = files["images.csv"]["sha256"], files[FACES]["sha256"]
    if key not in _LAST_LANDMARKS:
        _LAST_LANDMARKS.clear()
        _LAST_LANDMARKS[key] = read_landmarks(path / FACES, images.column, images.sizes)
    return _LAST_LANDMARKS[key]


def _check_hashes(path: Path, manifest: dict[str, Any]) -> None:
    files = manifest["files"]
    missing = {"labels.csv", "attributes.csv", "images.csv"} - files.keys()
    lines = "".join(f"{files[name]['sha256']}  {name}\n" for name in sorted(files) if name.endswith(".csv"))
    if missing or manifest["content_hash"] != sha256_text(lines):
        raise SnapshotError(f"The manifest of {path} does not fit its files.", KEPT, AGAIN)


def _check_schema(path: Path, attributes: list[Attribute], manifest: dict[str, Any]) -> None:
    schema = [
        {
            "codes": [[value.code, value.name] for value in attribute.values if attribute.categorical],
            "kind": attribute.kind,
            "name": attribute.name,
        }
        | _replaced(attribute)
        for attribute in attributes
    ]
    if manifest["schema"]["hash"] != sha256_text(canonical_json(schema)):
        raise SnapshotError(f"The schema of {path} does not fit its hash.", KEPT, AGAIN)


def _replaced(attribute: Attribute) -> dict[str, Any]:
    replaced = [[value.code, list(value.replaced_by)] for value in attribute.values if value.replaced_by]
    return {"replaced": replaced} if replaced else {}


def _retired_values(path: Path, manifest: dict[str, Any]) -> dict[str, list[Value]]:
    """Return attribute → values that attributes.csv lists but the schema of the manifest does not."""
    listed = {(a["name"], v["code"]) for a in manifest["schema"]["attributes"] for v in a["values"]}
    extra: dict[str, list[Value]] = {}
    for row in _read_csv(path, {"code": pa.int64()}).to_pylist():
        if (row["attribute"], row["code"]) not in listed:
            value = Value(code=row["code"], name=row["name"], status=row["status"], ends=False)
            extra.setdefault(row["attribute"], []).append(value)
    return extra


def _attribute(entry: dict[str, Any], retired: list[Value]) -> Attribute:
    values = [
        Value(v["code"], v["name"], v["status"], v["ends"], tuple(v.get("replaced_by", ())))
        for v in entry["values"]
    ] + retired
    return Attribute(
        name=entry["name"],
        title=entry["title"],
        kind=entry["kind"],
        required=entry["required"],
        values=tuple(sorted(values, key=lambda value: value.code)),
    )


def _read_csv(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    """Read a CSV file column by column; a column that is not in `types` is text."""
    with path.open(encoding="utf-8", newline="") as stream:
        header = stream.readline().rstrip("\n").split(",")
    columns = {name.strip('"'): pa.string() for name in header} | types
    convert = pyarrow.csv.ConvertOptions(column_types=columns, null_values=[""], strings_can_be_null=False)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table: pa.Table = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    return table.combine_chunks()


def _class_indices(
    attribute: Attribute, column: pa.ChunkedArray, image_names: list[str]
) -> NDArray[np.int64]:
    codes = np.asarray(attribute.codes, dtype=np.int64)
    cells = column.fill_null(UNLABELLED).to_numpy().astype(np.int64)
    unlabelled = column.is_null().to_numpy(zero_copy_only=False)
    indices: NDArray[np.int64] = np.searchsorted(codes, cells).astype(np.int64)
    valid = (indices < len(codes)) & (codes[np.minimum(indices, len(codes) - 1)] == cells)
    unknown = ~valid & ~unlabelled & (cells != CANNOT_TELL)
    if unknown.any():
        row = int(unknown.argmax())
        raise SnapshotError(
            f"{image_names[row]} has the code {cells[row]} for {attribute.name}, which the schema does not know.",
            KEPT,
            AGAIN,
        )
    indices[~valid] = CANNOT_TELL
    indices[unlabelled] = UNLABELLED
    return indices
