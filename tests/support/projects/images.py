"""Images of a project: drawn, imported and looked up by name."""

from pathlib import Path

from PIL import Image as Picture
from sqlalchemy import select

from annotator.imaging.image_files import Limits
from annotator.models import Image
from annotator.project import ProjectFolder
from annotator.services.importing.images import import_files
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.source_files import list_images

LIMITS = Limits(max_pixels=64_000_000, max_file_bytes=2**27)
"""What an image file of a test may hold."""


def names_of(project: ProjectFolder, *, split: str | None = None) -> list[str]:
    """The names of all images, or of those in one split, in order."""
    with project.database.read() as session:
        query = select(Image.name).order_by(Image.name)
        return list(session.scalars(query if split is None else query.where(Image.split == split)))


def hashes_of(project: ProjectFolder) -> list[str]:
    """The SHA-256 of all images, in the order of their names."""
    with project.database.read() as session:
        return list(session.scalars(select(Image.sha256).order_by(Image.name)))


def image_of(project: ProjectFolder, name: str) -> int:
    """The image's id."""
    with project.database.read() as session:
        return session.scalars(select(Image.id).where(Image.name == name)).one()


def draw_plain_images(folder: Path, count: int) -> None:
    """Small images, each of another colour."""
    folder.mkdir()
    for number in range(count):
        Picture.new("RGB", (16, 16), (number % 256, number // 256, 0)).save(folder / f"{number:04d}.png")


def import_images(
    project: ProjectFolder, paths: list[Path], limits: Limits = LIMITS, *, restore: bool = False
) -> ImageReport:
    """Import every image of the folders and files; returns what became of them."""
    listing = list_images(paths)
    report = ImageReport(found=listing.found, refused=listing.refused, ignored=dict(listing.ignored.counts))
    import_files(project, listing.files, limits, report, restore=restore)
    report.check()
    return report
