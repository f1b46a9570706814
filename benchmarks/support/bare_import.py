"""`python -m benchmarks.support.bare_import FOLDER [TO]`: what an import is measured against, a program of its own.

It reads, hashes and decodes every image of a folder and makes the same view, in as many processes as an import has. It
checks nothing, syncs nothing to the disk and keeps no database; with TO it writes both files there, as an import does.
"""

import hashlib
import io
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps


def import_bare(to: Path | None, path: Path) -> None:
    content = path.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (1024, 1024))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    view = io.BytesIO()
    upright.save(view, "JPEG", quality=90)
    if to is not None:
        to = to / str(os.getpid())  # in one folder the processes would wait for each other
        to.mkdir(exist_ok=True)
        (to / f"{name}.bin").write_bytes(content)
        (to / f"{name}.jpg").write_bytes(view.getvalue())


def main(folder: str, to: str | None = None) -> None:
    if to is not None:
        Path(to).mkdir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["PIL.ImageOps", "PIL.JpegImagePlugin"])
    work = partial(import_bare, Path(to) if to else None)
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        for _ in pool.map(work, sorted(Path(folder).glob("*.jpg")), chunksize=16):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
