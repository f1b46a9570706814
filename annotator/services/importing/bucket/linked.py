"""Importing images that lie in a bucket without copying them: each is read once, hashed and shown, and its object is named.

Only an operator names such an address, on the command line: the server never reads one that a browser sent.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePosixPath

from annotator.errors import WrongUse
from annotator.files import require_room
from annotator.imaging.image_files import Limits
from annotator.imaging.image_store import StoredImage
from annotator.project import ProjectFolder
from annotator.services.common.progress import recount
from annotator.services.grouping.membership import choose_test_share
from annotator.services.importing.bucket.objects import AT_ONCE, GONE, new_objects, usable_images
from annotator.services.importing.bucket.seen import SeenObjects
from annotator.services.importing.image_rows import DecodedFile
from annotator.services.importing.images import Progress, record_files
from annotator.services.importing.reports import ImageReport
from annotator.services.importing.scratch import scratch_folder
from annotator.services.importing.source_files import SourceFile
from annotator.store.bucket import Bucket, Found
from annotator.store.remote import RemoteStores

_BATCH = 512
"""Objects that are on this machine at the same time."""


def import_linked(
    project: ProjectFolder,
    url: str,
    limits: Limits,
    progress: Progress = lambda *_: None,
    *,
    restore: bool = False,
    seen: SeenObjects | None = None,
) -> tuple[ImageReport, list[Found]]:
    """Import the images below an address. Objects that were imported before are not read again.

    Args:
        project: a project whose images are in object storage.
        url: the address, such as s3://bucket/photos.
        limits: files beyond them are refused.
        progress: is told how many objects are done.
        restore: also import what was erased for good.
        seen: what earlier listings of a watched address have dealt with; it is kept for the next one.

    Returns:
        The report, and the objects at the address that are images by their names.

    Raises:
        WrongUse: if the project keeps its images in its folder, or there is no image at an address that is not watched.
        StoreUnreachable: if a store does not answer; what was recorded before is kept, and the next import continues.
    """
    stores = project.stores
    if not isinstance(stores, RemoteStores):
        raise WrongUse(
            "no_store",
            "This project keeps its images in its folder, and an import from object storage copies none into it.",
            do="Make a project with `facelabel init --store`, or copy the files here and import the folder.",
        )
    bucket = Bucket(url)
    objects = bucket.find()
    report = ImageReport(found=len(objects))
    images = usable_images(objects, report)
    if not images and seen is None:
        raise WrongUse(
            "no_images", f"There is no image at {bucket.url}.", do="Name an address that has images."
        )
    rest = images if seen is None else seen.rest_of(images, report)
    for start in range(0, len(rest), _BATCH):
        batch = rest[start : start + _BATCH]
        new = new_objects(project, stores, bucket.url, batch, report)
        told = partial(_tell_part, progress, start, len(rest))
        _import_batch(project, stores, bucket, new, limits, report, told, restore=restore)
        progress(start + len(batch), len(rest))
    if rest:
        with project.database.write() as session:
            choose_test_share(session)
            recount(session)
    report.check()
    if seen is not None:
        seen.keep(images, report)
    return report, images


def _tell_part(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _import_batch(
    project: ProjectFolder,
    stores: RemoteStores,
    bucket: Bucket,
    batch: list[Found],
    limits: Limits,
    report: ImageReport,
    progress: Progress,
    *,
    restore: bool,
) -> None:
    """Read objects, and record their images, views and links."""
    with scratch_folder(project) as scratch:
        require_room(
            scratch, sum(min(one.bytes, limits.max_file_bytes) for one in batch), limits.reserve_bytes
        )
        placed = {
            scratch / f"{number}{PurePosixPath(one.name).suffix}": one
            for number, one in enumerate(batch)
            if one.bytes <= limits.max_file_bytes
        }
        report.refused += [
            (one.name, f"is larger than {limits.max_file_bytes:,} bytes")
            for one in batch
            if one.bytes > limits.max_file_bytes
        ]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            there = dict(
                zip(
                    placed, threads.map(lambda path: bucket.get(placed[path].name, path), placed), strict=True
                )
            )
        report.refused += [(placed[path].name, GONE) for path, is_there in there.items() if not is_there]
        files = [
            SourceFile(path, placed[path].name, bucket.url, original_path=placed[path].name)
            for path, is_there in there.items()
            if is_there
        ]

        def finish(decoded: list[DecodedFile]) -> None:
            stores.finish_linked(
                (image.staged, placed[file.path]) for file, image in decoded if isinstance(image, StoredImage)
            )

        record_files(project, files, limits, report, progress, finish, restore=restore)
