"""Measure whether bfloat16 is faster than float32 on this machine; processors differ widely."""

import json
import time
from pathlib import Path

import torch

from trainer.config import FitConfig
from trainer.finetune.losses import attribute_loss, multi_output_loss
from trainer.finetune.model import MultiOutput
from trainer.runtime import distributed
from trainer.runtime.files import canonical_json, write_atomically

STEPS = 3


def choose_precision(config: FitConfig, model: MultiOutput, file: Path) -> torch.dtype:
    """Return the precision of a run. The measurement is saved, so a resumed run keeps its precision.

    Args:
        config: The settings.
        model: On its device, in training mode; its weights are unchanged afterwards.
        file: Holds the measurement.
    """
    if config.precision != "auto":
        return torch.bfloat16 if config.precision == "bfloat16" else torch.float32
    if not file.exists() and distributed.rank() == 0:
        seconds = {
            name: _seconds_of_a_step(config, model, dtype)
            for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
        }
        chosen = "bfloat16" if seconds["bfloat16"] < 0.95 * seconds["float32"] else "float32"
        write_atomically(file, canonical_json({"precision": chosen, "seconds of a step": seconds}).encode())
    distributed.wait_for_all()
    return torch.bfloat16 if json.loads(file.read_bytes())["precision"] == "bfloat16" else torch.float32


def _seconds_of_a_step(config: FitConfig, model: MultiOutput, dtype: torch.dtype) -> float:
    """Return the time of the fastest of some forward and backward passes; the weights do not change."""
    device = next(model.parameters()).device
    side = config.image_size
    images = torch.zeros(config.batch_size, 3, side, side, dtype=torch.uint8, device=device)
    labels = {
        name: torch.zeros(config.batch_size, dtype=torch.int64, device=device) for name in model.outputs
    }
    weights = {name: torch.ones(classes, device=device) for name, classes in model.outputs.items()}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    fastest = float("inf")
    for _ in range(STEPS):
        started = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = model(model.prepare(images))
        multi_output_loss(logits, labels, weights, attribute_loss(config)).backward()  # type: ignore[no-untyped-call]
        fastest = min(fastest, time.perf_counter() - started)
    model.zero_grad(set_to_none=True)
    for name, buffer in model.named_buffers():
        buffer.copy_(buffers[name])
    return fastest
