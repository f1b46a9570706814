"""The environment of a run: versions, processor, threads. It is saved beside the metrics, not in the model."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from trainer import __version__
from trainer.runtime import distributed
from trainer.runtime.files import canonical_json, write_atomically
from trainer.runtime.processor import processor

PACKAGES = ("numpy", "pillow", "safetensors", "timm", "torch", "torchvision")


def environment() -> dict[str, Any]:
    """Return the current versions, machine and device."""
    cuda = torch.cuda.is_available()
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "facelabel": __version__,
        "packages": {name: version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "processes": distributed.count(),
        "processor": processor(),
        "python": platform.python_version(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": torch.get_num_threads(),
    }


def note_environment(file: Path) -> None:
    """Append the current environment to the starts of a run; a resumed run may have several."""
    starts = json.loads(file.read_bytes())["starts"] if file.exists() else []
    write_atomically(file, canonical_json({"starts": [*starts, environment()]}).encode())
