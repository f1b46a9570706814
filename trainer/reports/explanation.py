"""Why a network answers an image as it does: probabilities, feature maps stage by stage, first filters, Grad-CAM.

Grad-CAM is that of Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization"
(ICCV 2017), on the last map of the backbone.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from trainer.data.images import load_image
from trainer.finetune.saved_model import SavedModel
from trainer.reports.charts import bar_chart
from trainer.reports.page import figure, page, picture, text
from trainer.rounds.load_model import open_network
from trainer.runtime.files import write_atomically

MAPS = 12
"""Feature maps that are shown of a stage: those that are most active."""


def explain(model: Path, image: Path, to: Path, names: dict[str, list[str]] | None = None) -> Path:
    """Write a page about one image and return its path.

    Args:
        model: The folder of a fine-tuned network or a probe.
        image: The file.
        to: The folder to write `explanation.html` into; is made if need be.
        names: Attribute → names of its values; codes without it.

    Raises:
        ModelError: The model folder is not whole.
        ImageError: The image cannot be decoded.
    """
    saved = open_network(model)
    pixels = load_image(image, saved.config.image_size, crop=saved.config.crop)
    names = names or {name: [f"code {code}" for code in codes] for name, codes in saved.codes.items()}
    sections = [
        ("Answers", _answers(saved, pixels, names)),
        ("First filters", _filters(saved)),
        ("Feature maps", _feature_maps(saved, pixels)),
    ]
    shown = picture(pixels.permute(1, 2, 0).numpy(), alt="the image as the network sees it", width=192)
    lead = f'<p class="dim">{text(image.name)}</p>{shown}'
    to.mkdir(parents=True, exist_ok=True)
    file = to / "explanation.html"
    write_atomically(file, page("Why this answer", sections, lead=lead).encode())
    return file


def _answers(saved: SavedModel, pixels: Tensor, names: dict[str, list[str]]) -> str:
    heat, logits = grad_cams(saved, pixels)
    parts = []
    for name, values in logits.items():
        p = saved.calibrated(name, values[None])[0]
        bars = bar_chart(name, dict(zip(names[name], p.tolist(), strict=True)), most=1.0)
        where = picture(_overlay(pixels, heat[name]), alt=f"where the answer to {name} comes from", width=192)
        caption = f"{text(name)}: Grad-CAM of {text(names[name][int(p.argmax())])}"
        parts.append(f'<div class="row">{figure(bars.html)}{figure(where, caption)}</div>')
    return "".join(parts)


def grad_cams(
    saved: SavedModel, pixels: Tensor
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """Return attribute → (side, side) heat of its most probable class, 0 to 1, and attribute → (classes,) logits.

    Args:
        saved: The model.
        pixels: (3, side, side) uint8.
    """
    network = saved.network
    with torch.no_grad():
        maps = network.backbone.map(network.prepare(pixels[None]))
    maps.requires_grad_(True)
    logits = network.answer(maps)
    heat = {}
    for name, values in logits.items():
        (slope,) = torch.autograd.grad(values[0].max(), maps, retain_graph=True)
        weighted = (slope.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1, keepdim=True).relu().detach()
        wide = nn.functional.interpolate(weighted, pixels.shape[1:], mode="bicubic", align_corners=False)
        wide = (
            wide - wide.min()
        )  # of a small map, all of which speaks for the class, the differences are seen
        heat[name] = (wide[0, 0] / wide.max().clamp_min(1e-12)).numpy()
    return heat, {name: values[0].detach().numpy() for name, values in logits.items()}


def _overlay(pixels: Tensor, heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image with warm colours where the heat is."""
    warm = np.stack([np.ones_like(heat), 0.55 * (1 - heat) + 0.2, np.zeros_like(heat)], axis=2) * 255
    share = 0.65 * heat[:, :, None]
    mixed: NDArray[np.uint8] = (pixels.permute(1, 2, 0).numpy() * (1 - share) + warm * share).astype(np.uint8)
    return mixed


def _feature_maps(saved: SavedModel, pixels: Tensor) -> str:
    backbone = saved.network.backbone
    with torch.no_grad():
        stages = backbone.forward_stages(saved.network.prepare(pixels[None]))
    parts = []
    for name, maps in stages.items():
        if maps.ndim != 4:
            continue  # the rows of a transformer have no place
        chosen = maps[0].abs().mean(dim=(1, 2)).argsort(descending=True)[:MAPS]
        shown = "".join(_gray(maps[0, int(channel)], f"{name}, channel {int(channel)}") for channel in chosen)
        size = " × ".join(map(str, maps.shape[1:]))
        parts.append(f'<h3>{text(name)} <span class="dim">{size}</span></h3><div class="maps">{shown}</div>')
    return "".join(parts)


def _filters(saved: SavedModel) -> str:
    first = next(
        (m for m in saved.network.modules() if isinstance(m, nn.Conv2d) and m.in_channels == 3), None
    )
    if first is None:
        return "<p>The network has no convolution that sees colours.</p>"
    shown = []
    for number, weights in enumerate(first.weight.detach()[:64]):
        scaled = (weights - weights.min()) / (weights.max() - weights.min()).clamp_min(1e-12)
        pixels = (scaled.permute(1, 2, 0) * 255).to(torch.uint8).numpy()
        enlarged = np.asarray(Image.fromarray(pixels).resize((40, 40), Image.Resampling.NEAREST))
        shown.append(picture(enlarged, alt=f"filter {number}", width=40, lossless=True))
    return f'<div class="maps">{"".join(shown)}</div>'


def _gray(values: Tensor, alt: str) -> str:
    scaled = (values - values.min()) / (values.max() - values.min()).clamp_min(1e-12)
    pixels = (scaled * 255).to(torch.uint8).numpy()
    return picture(pixels, alt=alt, width=92, lossless=True)
