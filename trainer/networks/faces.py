"""Two networks side by side on one image: the default backbone for faces.

One was trained on objects (EfficientNet-Lite0, ImageNet) and knows colours and textures; the other was trained on people
(`dlib_face`) and knows faces. Faces are aligned, so *where* something is matters as much as what it is. The maps of two
late stages of each network are therefore averaged over the cells of a 4×4 grid instead of the whole area.
docs/lab/experiments.md tells what each part contributes.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.networks import dlib_face, efficientnet_lite0
from trainer.networks.backbone import Backbone
from trainer.runtime.errors import ChoiceError

GRID, COARSE = 4, 2
"""Cells along each side of the grid, and of the coarser grid for the last map, whose own side is not larger."""
OBJECT_STAGES, FACE_STAGES = ("stage5", "stage6"), ("stage3", "stage4")
OBJECT_CHANNELS, FACE_CHANNELS = (112, 192), (128, 256)


class GridOfStages(nn.Module):
    """Runs stages one after another and averages the maps of some of them over the cells of a grid.

    Args:
        stages: Stage name → module, from the image to the last stage that is averaged.
        averaged: Names of the stages that are averaged.
    """

    def __init__(self, stages: Mapping[str, nn.Module], averaged: tuple[str, ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleDict(stages)
        self.averaged = averaged

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, channels of the stages, GRID, GRID)."""
        grids = []
        for name, stage in self.stages.items():
            images = stage(images)
            if name in self.averaged:
                grids.append(functional.adaptive_avg_pool2d(images, GRID))
        return torch.cat(grids, dim=1)


def _until(stages: Mapping[str, nn.Module], last: str) -> dict[str, nn.Module]:
    names = list(stages)
    return {name: stages[name] for name in names[: names.index(last) + 1]}


class Faces(Backbone):
    """`objects` and `people` side by side; the features are the grid cells of both."""

    name = "faces"
    channels = sum(OBJECT_CHANNELS + FACE_CHANNELS)
    feature_size = (channels - FACE_CHANNELS[-1]) * GRID**2 + FACE_CHANNELS[-1] * COARSE**2
    input_size = 192
    smallest_side = 55
    mean = efficientnet_lite0.EfficientNetLite0.mean
    std = efficientnet_lite0.EfficientNetLite0.std

    scale: Tensor
    shift: Tensor

    def __init__(self, objects: efficientnet_lite0.EfficientNetLite0, people: dlib_face.DlibFace) -> None:
        super().__init__()
        self.objects = GridOfStages(_until(objects.stage_modules, OBJECT_STAGES[-1]), OBJECT_STAGES)
        self.people = GridOfStages(_until(people.stage_modules, FACE_STAGES[-1]), FACE_STAGES)
        ours, theirs = (self.mean, self.std), (people.mean, people.std)
        # From the normalisation of `objects` to that of `people`: both are linear in the same pixels.
        scale = torch.tensor([s / t for s, t in zip(ours[1], theirs[1], strict=True)])
        shift = torch.tensor([(m - n) / t for m, n, t in zip(ours[0], theirs[0], theirs[1], strict=True)])
        self.register_buffer("scale", scale.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", shift.view(1, 3, 1, 1), persistent=False)

    @property
    def stage_modules(self) -> Mapping[str, nn.Module]:
        """`people` as one stage, then the stages of `objects`, the last of which includes the grid."""
        return {"people": self.people, **dict(self.objects.stages.items())}

    def map(self, images: Tensor) -> Tensor:
        """Return the grids of both, stacked along the channels."""
        return torch.cat([self.objects(images), self.people(images * self.scale + self.shift)], dim=1)

    def pool(self, maps: Tensor) -> Tensor:
        """Return every grid cell separately; the cells of `people`'s last stage are averaged four by four."""
        fine, last = torch.split(maps, [self.channels - FACE_CHANNELS[-1], FACE_CHANNELS[-1]], dim=1)
        return torch.cat([fine.flatten(1), functional.adaptive_avg_pool2d(last, COARSE).flatten(1)], dim=1)


def build(*, pretrained: bool, weights: Path | None = None) -> Faces:
    """Build both networks, with their published weights or with random ones from torch's generator.

    Args:
        pretrained: Load the published weights of both.
        weights: Must be None, because the weights are two files of installed packages.

    Raises:
        ChoiceError: A file is given.
        WeightsError: A package with weights is not installed.
    """
    if weights:
        raise ChoiceError(
            "The backbone faces has the weights of two networks, not of one file.",
            "Nothing was changed.",
            "Remove the setting weights.",
        )
    return Faces(efficientnet_lite0.build(pretrained=pretrained), dlib_face.build(pretrained=pretrained))
