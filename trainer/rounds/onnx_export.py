"""Export a trained network as ONNX: from pixels to calibrated probabilities in one file, checked against the network."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.evaluation.calibration import prior_in_logits
from trainer.finetune.saved_model import SavedModel
from trainer.rounds.load_model import open_network
from trainer.runtime.errors import ModelError
from trainer.runtime.files import file_entry, replacing, write_manifest

FORMAT, VERSION = "facelabel-onnx", 1
TOLERANCE = 1e-4
"""Largest allowed difference of a probability between the file and the network."""
CHECKED = 5
"""Number of images of random pixels in the check."""


class Answering(nn.Module):
    """The network together with its preprocessing and its calibration.

    Args:
        saved: The model.
    """

    def __init__(self, saved: SavedModel) -> None:
        super().__init__()
        self.network = saved.network
        self.prior_power = prior_in_logits(saved.config)
        self.temperatures = {name: entry["temperature"] for name, entry in saved.calibration.items()}
        for number, name in enumerate(saved.codes):
            prior = torch.tensor(saved.calibration[name]["prior"], dtype=torch.float32)
            self.register_buffer(f"log_prior{number}", prior.log())

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Turn (N, 3, height, width) uint8 RGB into (N, classes) probabilities of every attribute, in the model's order."""
        logits = self.network(self.network.prepare(images))
        answers = []
        for number, (name, values) in enumerate(logits.items()):
            log_prior = self.get_buffer(f"log_prior{number}")
            balanced = values - self.prior_power * log_prior
            answers.append(torch.softmax(balanced / self.temperatures[name] + log_prior, dim=1))
        return tuple(answers)


def export_onnx(model: Path, to: Path) -> dict[str, Any]:
    """Write `model.onnx` and `model.json`, its manifest, into a folder, and return the manifest.

    The input is `images`, uint8 (N, 3, height, width) RGB: the middle `crop` of the upright image, resized to a square. For
    a model that sees views it is a picture of them, side by side, from left to right; the manifest lists them. The file has one
    output per attribute, `p0`, `p1`, …, in the order of the manifest's `attributes`.

    Args:
        model: The folder of a fine-tuned network or a probe.
        to: Created if it does not exist.

    Raises:
        ModelError: The folder is incomplete, the network cannot be written as ONNX, or the file gives other answers.
    """
    saved = open_network(model)
    height, width = saved.input_size
    answering = Answering(saved).eval()
    to.mkdir(parents=True, exist_ok=True)
    file = to / "model.onnx"
    with replacing(file) as temporary:
        _write(answering, len(saved.codes), saved.input_size, temporary)
        difference = _check(saved, temporary)
    manifest = {
        "attributes": [{"codes": codes, "name": name} for name, codes in saved.codes.items()],
        "files": {file.name: file_entry(file)},
        "format": FORMAT,
        "input": {
            "crop": saved.config.crop,
            "height": height,
            "name": "images",
            "side": saved.config.image_size,
            "type": "uint8",
            "views": [view.as_json() for view in saved.views],
            "width": width,
        },
        "largest_difference": difference,
        "model": {"content_hash": saved.manifest["content_hash"], "files": saved.manifest["files"]},
        "version": VERSION,
    }
    return write_manifest(to / "model.json", manifest)


def _write(answering: Answering, attributes: int, size: tuple[int, int], file: Path) -> None:
    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                answering,
                (example,),
                str(file),
                input_names=["images"],
                output_names=[f"p{number}" for number in range(attributes)],
                dynamic_shapes={"images": {0: torch.export.Dim("images_in_batch", min=1)}},
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as cause:
        raise ModelError(
            f"The network cannot be written as ONNX: {str(cause).splitlines()[0]}",
            "Nothing was written.",
            "Use another network, or the model folder itself.",
        ) from cause


def _check(saved: SavedModel, file: Path) -> float:
    """Return the largest difference between the file's probabilities and those of the model."""
    import onnxruntime  # type: ignore[import-untyped] # noqa: PLC0415 - of the extra `onnx`

    pixels = np.random.default_rng(0).integers(0, 256, (CHECKED, 3, *saved.input_size)).astype(np.uint8)
    expected = saved.probabilities(torch.from_numpy(pixels)).values()
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"images": pixels})
    difference = max(
        float(np.abs(ours - theirs).max()) for ours, theirs in zip(expected, answers, strict=True)
    )
    if not difference <= TOLERANCE:
        raise ModelError(
            f"The ONNX file gives other answers than the network: probabilities differ by {difference:.2g}.",
            "Nothing was written.",
            "Use the model folder itself, or another network.",
        )
    return difference
