"""Trials of networks: probes on a snapshot that differ only in the networks whose features they use, to compare them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.rounds.round import run_round
from trainer.runtime.errors import TrainerError
from trainer.runtime.files import canonical_json, write_atomically
from trainer.runtime.progress import Report

FROZEN = "frozen"
"""The folder of the trial without an added network."""


def try_networks(
    snapshot: Path,
    to: Path,
    networks: Sequence[Path],
    *,
    frozen: bool,
    cache: Path,
    images_root: Path | None = None,
    seed: int = 0,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """Train a probe for each network and write its predictions into a folder of the network's name; then `trials.json`.

    Args:
        snapshot: The snapshot folder.
        to: The folder of the trials; created if it does not exist.
        networks: Folders of pinned networks.
        frozen: Whether to try a probe on the frozen backbone alone, too.
        cache: Folder of cached features.
        images_root: Current folder of the image files, if it is not the one in the snapshot.
        seed: Seed of all random draws.
        report: Called with the progress.

    Returns:
        Folder name → `{"error": null}`, or why the network cannot be used.
    """
    to.mkdir(parents=True, exist_ok=True)
    folders: dict[str, Path | None] = {folder.name: folder for folder in networks}
    results: dict[str, Any] = {}
    for name, folder in (({FROZEN: None} if frozen else {}) | folders).items():
        shutil.rmtree(to / name, ignore_errors=True)  # a trial of the network that had this name before
        try:
            run_round(
                snapshot,
                to / name,
                strategy="random",
                cache=cache,
                images_root=images_root,
                seed=seed,
                network=folder,
                progress=report,
            )
            results[name] = {"error": None}
        except TrainerError as error:
            results[name] = {"error": error.what}
    write_atomically(to / "trials.json", canonical_json(results).encode())
    return results
