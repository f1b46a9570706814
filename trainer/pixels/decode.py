"""The decoder of image files: the same pixels for the labeller's view, the face search and the trainer.

A file may be hostile. Its kind is told by its first bytes, its size is checked before a pixel is decoded, and whatever a
decoder raises becomes a refusal with a reason. What is not the picture cannot spoil it: damaged metadata are ignored.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from trainer.pixels.colour import to_srgb
from trainer.pixels.containers import lacks_end, missing_bytes
from trainer.pixels.errors import UndecodableImageError
from trainer.pixels.kinds import HEAD_BYTES, RAW, sniff_image, unreadable_kind
from trainer.pixels.pages import describe_pages, describe_tiff, is_camera_raw
from trainer.pixels.repair import LACKS_END, open_tolerantly, repair

Image.MAX_IMAGE_PIXELS = None  # every size is checked here, against the limit that the caller gives

_NAMES = {"HEIF": "HEIC", "JPEG2000": "JPEG 2000", "PPM": "PNM", "WEBP": "WebP"}
"""What people call a format, if it is not Pillow's name."""

_MISSING_SHARE = 0.01
"""Proportion of a WebP, HEIF or AVIF file that may be missing at its end."""

_SIZED_UPRIGHT = {"TIFF", "HEIF"}
"""Formats whose size Pillow and pi-heif already tell of the upright image."""

_LYING = 5
"""From this EXIF orientation on, width and height are exchanged."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,  # Pillow turns counterclockwise
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image of an EXIF orientation upright."""

_FLIPPED = {2: (1, 0), 3: (1, 1), 4: (0, 1), 6: (1, 0), 7: (1, 1), 8: (0, 1)}
"""Whether the upright image of an EXIF orientation counts x and y from the other end of what is stored."""


@dataclass(frozen=True)
class DecodedImage:
    """An upright image in 8-bit sRGB.

    Args:
        pixels: in mode RGB, without metadata; smaller than the image if the caller allowed it.
        width: of the upright image in full.
        height: of the upright image in full.
        notes: what was unusual, each as a clause about the file.
        reduction: how many pixels of the full image on each side became one.
        inset: x and y of the full image's upper left corner in `pixels`: a decoder that averages pixels fills up the last
            column and row that are stored, which are the first ones if the image is turned.
    """

    pixels: Image.Image
    width: int
    height: int
    notes: tuple[str, ...]
    reduction: int = 1
    inset: tuple[float, float] = (0.0, 0.0)


def open_image(content: bytes, max_pixels: int) -> "OpenedImage":
    """Recognise an image file by its content and check its size, without decoding a pixel.

    Raises:
        UndecodableImageError: It is not an image that is decoded, is damaged, or has more pixels.
    """
    head = content[:HEAD_BYTES]
    kind = sniff_image(head)
    if kind is None:
        known = unreadable_kind(PurePath(), head)
        raise UndecodableImageError(
            f"is {known}"
            if known
            else "is not an image that can be read (JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, "
            "BMP, JPEG 2000 or PNM)"
        )
    with _refusals(kind, content):
        return OpenedImage(content, kind, max_pixels)


def decode_image(content: bytes, max_pixels: int, side: int | None = None) -> DecodedImage:
    """Decode an image file; see `open_image` and `OpenedImage.decode`.

    Raises:
        UndecodableImageError: It is not an image that is decoded, is damaged, or has more pixels.
    """
    return open_image(content, max_pixels).decode(side)


class OpenedImage:
    """An image file whose kind and size are known, and of which no pixel is decoded; `open_image` makes it.

    Attributes:
        kind: Pillow's name of the format.
        size: (width, height) in pixels, perhaps of the image before it is turned upright.
    """

    def __init__(self, content: bytes, kind: str, max_pixels: int) -> None:
        self.kind = kind
        self._max_pixels = max_pixels
        self._missing = missing_bytes(content, kind)
        if self._missing > _MISSING_SHARE * len(content):
            raise UndecodableImageError(f"is damaged (its last {self._missing:,} bytes are missing)")
        self._content = content + bytes(self._missing)
        self._image, self._notes = open_tolerantly(self._content, kind, self._open)
        if self._missing:
            self._notes.append(LACKS_END)
        self.size: tuple[int, int] = self._image.size

    def upright_size(self) -> tuple[int, int]:
        """Return (width, height) of the upright image; only a PNG is decoded for it, whose orientation may come last.

        Raises:
            UndecodableImageError: The PNG is damaged.
        """
        if self.kind == "PNG":
            decoded = self.decode()
            return decoded.width, decoded.height
        with _refusals(self.kind):
            lies_down = self.kind not in _SIZED_UPRIGHT and _orientation(self._image)[0] >= _LYING
        return self.size[::-1] if lies_down else self.size

    def decode(self, side: int | None = None) -> DecodedImage:
        """Decode the image; call this once.

        Args:
            side: A large image may be reduced to a smaller size, but to no less than this number of pixels on each side. Its
                pixels are then averaged, by a JPEG's decoder itself, which is much faster.

        Raises:
            UndecodableImageError: It is damaged.
        """
        with _refusals(self.kind):
            image = self._load(side)
            orientation, exif_notes = _orientation(image)
            pages = describe_pages(self._content, self.kind, image)
            # The decoder of a JPEG has reduced it already.
            size, image = (self.size, image) if self.kind == "JPEG" else (image.size, _reduced(image, side))
            pixels, colour_notes = to_srgb(image)
            if orientation in _TURNS:
                pixels = pixels.transpose(_TURNS[orientation])
            if self.kind == "HEIF" and pixels is image:
                pixels = pixels.copy()  # pi-heif would fill the image again when its size changes
        pixels.info.clear()
        width, height = size[::-1] if orientation >= _LYING else size
        notes = *self._notes, *exif_notes, *pages, *colour_notes
        reduction = round(width / pixels.width)
        flips = _FLIPPED.get(orientation, (0, 0))
        filled = pixels.width - width / reduction, pixels.height - height / reduction
        inset = flips[0] * filled[0], flips[1] * filled[1]
        return DecodedImage(pixels, width, height, notes, reduction, inset)

    def _load(self, side: int | None) -> Image.Image:
        image: Image.Image = self._image
        if side is not None:
            image.draft("RGB", (side, side))
        try:
            image.load()
        except MemoryError:
            raise
        except Exception:
            repaired = repair(self._content, self.kind, self._missing, self._open)
            if repaired is None and self._missing:
                raise UndecodableImageError(
                    f"is damaged (its last {self._missing:,} bytes are missing, and it cannot be decoded without them)"
                ) from None
            if repaired is None:
                raise
            image, notes = repaired
            self._notes += notes
        else:
            if lacks_end(self._content, self.kind):
                self._notes.append(LACKS_END)
        self._check(image.size)  # of a HEIF file, only its decoder knows it for certain
        return image

    def _open(self, content: bytes) -> ImageFile.ImageFile:
        if self.kind == "HEIF":
            _register_heif()
        image = Image.open(io.BytesIO(content), formats=(self.kind,))
        self._check(image.size)
        if self.kind == "TIFF" and is_camera_raw(image):
            raise UndecodableImageError(f"is {RAW}")
        return image

    def _check(self, size: tuple[int, int]) -> None:
        width, height = size
        if width * height > self._max_pixels:
            raise UndecodableImageError(
                f"has {width}×{height} pixels, more than {self._max_pixels:,} (FACELABEL_MAX_PIXELS)"
            )


def _reduced(image: Image.Image, side: int | None) -> Image.Image:
    """Average squares of pixels while `side` of them stay: converting the colours of a whole photo takes a fifth of a second."""
    if side is None or image.mode != "RGB" or "transparency" in image.info:
        return image
    factor = min(min(image.size) // side, side // 2)  # with more, the sizes no longer tell the factor
    return image.reduce(factor) if factor > 1 else image


@cache
def _register_heif() -> None:
    import pi_heif  # noqa: PLC0415 - its library is loaded with the first HEIF file

    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _orientation(image: Image.Image) -> tuple[int, list[str]]:
    """The EXIF orientation that is still to be applied, 1 to 8, and a note if the EXIF data cannot be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - EXIF data hold anything
        return 1, ["its EXIF data are damaged and were ignored"]
    return (orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1), []


@contextmanager
def _refusals(kind: str, content: bytes = b"") -> Iterator[None]:
    """Turn what the decoders raise for damaged and hostile files into refusals."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd metadata, and raises for what matters
        with _errors_refused(kind, content):
            yield


@contextmanager
def _errors_refused(kind: str, content: bytes) -> Iterator[None]:
    try:
        yield
    except UndecodableImageError:
        raise
    except UnidentifiedImageError as error:
        variety = describe_tiff(content) if kind == "TIFF" else None
        raise UndecodableImageError(
            f"is {variety}"
            if variety
            else f"cannot be decoded (it begins like {_NAMES.get(kind, kind)}, but is damaged or of a rare variety)"
        ) from error
    except MemoryError as error:
        raise UndecodableImageError("needs more memory than is available") from error
    except Exception as error:
        raise UndecodableImageError(f"is damaged ({error})") from error
