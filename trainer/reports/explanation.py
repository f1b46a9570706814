"""Explain a network's prediction for one image: probabilities, Grad-CAM, feature maps stage by stage, first filters.

Grad-CAM is that of Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization"
(ICCV 2017), on the last map of the backbone, with each place's own slopes (HiResCAM, Draelos and Carin, arXiv 2011.08891). Where
a network averages its map, both are equal; an average would mix the slopes of views side by side.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from trainer.data.snapshot import Snapshot
from trainer.finetune.saved_model import SavedModel
from trainer.reports.canvas import Chart
from trainer.reports.charts import bar_chart
from trainer.reports.pictures import Picture, picture
from trainer.reports.render import render
from trainer.rounds.load_model import open_network
from trainer.runtime.files import write_atomically

MAPS = 12
"""How many feature maps of a stage are shown: the most active ones."""


@dataclass(frozen=True)
class Prediction:
    """The probabilities of an attribute, and where the most probable value comes from."""

    attribute: str
    value: str
    chart: Chart
    overlay: Picture


@dataclass(frozen=True)
class Stage:
    """The most active feature maps of a stage of the backbone, and the (channels, height, width) of all."""

    name: str
    size: str
    maps: list[Picture]


def explain(model: Path, image: Path, to: Path, snapshot: Snapshot | None = None) -> Path:
    """Write a page about one image and return its path.

    Args:
        model: The folder of a fine-tuned network or a probe.
        image: The file.
        to: The folder for `explanation.html`; it is created if it does not exist.
        snapshot: Names the values; without it the page shows codes. If it holds the image, the model sees its face.

    Raises:
        ModelError: The model folder is not complete.
        ImageError: The image cannot be decoded.
    """
    saved = open_network(model)
    pixels = saved.load(image, snapshot.landmarks_of(image) if snapshot else None)
    names = {name: [f"code {code}" for code in codes] for name, codes in saved.codes.items()}
    if snapshot:
        names |= {a.name: [value.name for value in a.values] for a in snapshot.categorical}
    html = render(
        "explanation.html.j2",
        image_name=image.name,
        image=picture(
            pixels.permute(1, 2, 0).numpy(), alt="the image as the network sees it", width=_width(pixels)
        ),
        predictions=_predictions(saved, pixels, names),
        filters=_filters(saved),
        stages=_stages(saved, pixels),
    )
    to.mkdir(parents=True, exist_ok=True)
    file = to / "explanation.html"
    write_atomically(file, html.encode())
    return file


def _predictions(saved: SavedModel, pixels: Tensor, names: dict[str, list[str]]) -> list[Prediction]:
    heat, logits = grad_cams(saved, pixels)
    predictions = []
    for name, values in logits.items():
        p = saved.calibrated(name, values[None])[0]
        bars = bar_chart(name, dict(zip(names[name], p.tolist(), strict=True)), most=1.0)
        alt = f"which regions the prediction of {name} comes from"
        shown = picture(overlay(pixels, heat[name]), alt=alt, width=_width(pixels))
        predictions.append(Prediction(name, names[name][int(p.argmax())], bars, shown))
    return predictions


def grad_cams(
    saved: SavedModel, pixels: Tensor, classes: dict[str, int] | None = None
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """Return attribute → (height, width) heat of a class, 0 to 1, and attribute → (classes,) logits.

    Args:
        saved: The model.
        pixels: (3, height, width) uint8.
        classes: Attribute → index of the class; without it, the most probable class of every attribute.
    """
    network = saved.network
    with torch.no_grad():
        maps = network.backbone.map(network.prepare(pixels[None]))
    maps.requires_grad_(True)
    logits = network.answer(maps)
    heat = {}
    for name in classes or logits:
        score = logits[name][0, classes[name]] if classes else logits[name][0].max()
        (slope,) = torch.autograd.grad(score, maps, retain_graph=True)
        weighted = (slope * maps).sum(dim=1, keepdim=True).relu().detach()
        wide = network.backbone.over_image(weighted, (pixels.shape[1], pixels.shape[2]))
        # The lowest value becomes 0: differences stay visible where a whole map speaks for the class.
        wide = wide - wide.min()
        heat[name] = (wide[0, 0] / wide.max().clamp_min(1e-12)).numpy()
    return heat, {name: values[0].detach().numpy() for name, values in logits.items()}


def _width(pixels: Tensor) -> int:
    """The width of a picture on the page: views side by side need more."""
    return round(192 * pixels.shape[2] / pixels.shape[1])


def overlay(pixels: Tensor, heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image with warm colours where the heat is."""
    warm = np.stack([np.ones_like(heat), 0.55 * (1 - heat) + 0.2, np.zeros_like(heat)], axis=2) * 255
    share = 0.65 * heat[:, :, None]
    mixed: NDArray[np.uint8] = (pixels.permute(1, 2, 0).numpy() * (1 - share) + warm * share).astype(np.uint8)
    return mixed


def _stages(saved: SavedModel, pixels: Tensor) -> list[Stage]:
    backbone = saved.network.backbone
    with torch.no_grad():
        stages = backbone.forward_stages(saved.network.prepare(pixels[None]))
    shown = []
    for name, maps in stages.items():
        if maps.ndim != 4:
            continue  # the rows of a transformer have no place in the image
        chosen = maps[0].abs().mean(dim=(1, 2)).argsort(descending=True)[:MAPS].tolist()
        pictures = [_gray(maps[0, channel], f"{name}, channel {channel}") for channel in chosen]
        shown.append(Stage(name, " × ".join(map(str, maps.shape[1:])), pictures))
    return shown


def _filters(saved: SavedModel) -> list[Picture]:
    """The filters of the first convolution on colours; an empty list if the network has none."""
    first = next(
        (m for m in saved.network.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 3), None
    )
    shown = []
    for number, weights in enumerate(first.weight.detach()[:64] if first is not None else ()):
        scaled = (weights - weights.min()) / (weights.max() - weights.min()).clamp_min(1e-12)
        pixels = (scaled.permute(1, 2, 0) * 255).to(torch.uint8).numpy()
        enlarged = np.asarray(Image.fromarray(pixels).resize((40, 40), Image.Resampling.NEAREST))
        shown.append(picture(enlarged, alt=f"filter {number}", width=40, lossless=True))
    return shown


def _gray(values: Tensor, alt: str) -> Picture:
    scaled = (values - values.min()) / (values.max() - values.min()).clamp_min(1e-12)
    pixels = (scaled * 255).to(torch.uint8).numpy()
    return picture(pixels, alt=alt, width=92, lossless=True)
