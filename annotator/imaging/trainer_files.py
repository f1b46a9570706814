"""Lets the trainer, which runs in the worker's process, read images that are not on this machine."""

from __future__ import annotations

from annotator.store.base import Stores
from annotator.store.remote import RemoteStores
from trainer.pixels.files import fetch_missing


def let_trainer_fetch(stores: Stores) -> None:
    """Let the trainer in this process read the image files of these stores below `images.local_root`."""
    fetch_missing(stores.images.fetch if isinstance(stores, RemoteStores) else None)
