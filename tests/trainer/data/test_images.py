"""Image files as tensors: sizes, crops, and errors that tell what to do."""

from pathlib import Path

import pytest
from PIL import Image

from trainer.data.images import load_image
from trainer.runtime.errors import ImageError


def test_the_middle_of_an_image_is_cropped_and_resized(tmp_path: Path) -> None:
    image = Image.new("RGB", (90, 60), "red")
    image.paste("blue", (30, 20, 60, 40))
    image.save(tmp_path / "a.png")
    tensor = load_image(tmp_path / "a.png", 8, crop=1 / 3)
    assert tensor.shape == (3, 8, 8)
    assert tensor[:, 2:6, 2:6].flatten(1).unique(dim=1).tolist() == [[0], [0], [255]]


def test_too_many_pixels_name_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (200, 100)).save(tmp_path / "a.png")
    monkeypatch.setenv("FACELABEL_MAX_PIXELS", "10000")
    with pytest.raises(ImageError, match=r"has 200×100 pixels.*Set FACELABEL_MAX_PIXELS higher"):
        load_image(tmp_path / "a.png", 8)
    monkeypatch.setenv("FACELABEL_MAX_PIXELS", "20000")
    assert load_image(tmp_path / "a.png", 8).shape == (3, 8, 8)


def test_a_missing_and_a_damaged_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is not there"):
        load_image(tmp_path / "a.png", 8)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ImageError, match=r"b\.png cannot be decoded \(it begins like PNG"):
        load_image(tmp_path / "b.png", 8)
    with pytest.raises(ImageError, match="cannot be read"):
        load_image(tmp_path, 8)
