"""dlib's CNN face detector: it finds faces that look aside, wear hats or are turned on their side, and costs more than HOG.

Seven convolutions slide over a pyramid of the image and give each place a score (King 2015, "Max-Margin Object Detection";
dlib's dnn_mmod_face_detection_ex.cpp describes network and training). The weights are in the public domain and come with
the PyPI package `face-recognition-models`.

The file is read as plain numbers, and the network runs in OpenVINO where that is installed (in bfloat16 where the processor
computes with it), in NumPy elsewhere. dlib itself, whose package has no fast matrix product, needs six times as long as
NumPy and ten to twenty times as long as OpenVINO (`python -m benchmarks faces`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotator.domain.faces.boxes import ScoredBox
from annotator.imaging.openvino_graph import DEVIATION, MEAN, Graph, Network, openvino_loads
from trainer.weights.dlib_file import next_tensor

_CHANNELS = (3, 16, 32, 32, 45, 45, 45, 1)
_KERNELS = (5, 5, 5, 5, 5, 5, 9)
_STRIDES = (2, 2, 2, 1, 1, 1, 1)
_PADDINGS = (0, 0, 0, 2, 2, 2, 4)
_NORM_EPSILON = 1e-4

_WINDOW = 80
"""Pixels of the square window whose middle is scored."""

_STRIDE = 8
_FIRST = 14
"""Column and row of the pixel to which the first score belongs."""

_BORDER = 11
"""Black pixels that dlib puts around each level of the pyramid."""

_FEW_SIDES = 64
"""Sides are rounded up to multiples of this, because OpenVINO keeps what it prepared for each size."""

_SAME_FACE = 0.3382761351109955
"""Boxes that overlap more (intersection over union) show the same face; the number is in dlib's file."""

_FACE = 0.0
_NEIGHBOUR = -0.5
"""Windows with a higher score take part in the box of a face."""


class Convolution(NamedTuple):
    """A convolution with the normalisation that follows it folded in; weight (out, in, k, k), bias (out)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    padding: int


def detect_faces(network: Network, pixels: NDArray[np.uint8], *, averaged: bool = True) -> list[ScoredBox]:
    """Return the faces in an RGB image (H, W, 3) that are larger than about 60 pixels, highest score first.

    Args:
        network: what `load_network` returned: it gives the windows' scores, one for every 8 pixels.
        pixels: the image.
        averaged: give the mean of a face's windows, weighted by score. Windows are 8 pixels apart and a factor of 1.2 in
            size, so the best one alone, which dlib gives, can be far off the middle of the face.
    """
    windows = sorted(
        (window for level in _pyramid(pixels) for window in _score_windows(network, level, pixels.shape)),
        key=lambda window: -window.score,
    )
    faces: list[ScoredBox] = []
    for window in windows:
        if window.score > _FACE and all(window.overlap(face) <= _SAME_FACE for face in faces):
            faces.append(window)
    return [_mean_window(face, windows) for face in faces] if averaged else faces


def _mean_window(face: ScoredBox, windows: list[ScoredBox]) -> ScoredBox:
    near = np.array([window for window in windows if window.overlap(face) > 0.5])
    box = np.average(near[:, :4], axis=0, weights=near[:, 4] - _NEIGHBOUR)
    left, top, right, bottom = map(float, box)
    return ScoredBox(left, top, right, bottom, face.score)


def _pyramid(pixels: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield the image in sizes that fall by a sixth, as long as a window fits into its longer side."""
    while max(pixels.shape[:2]) >= _WINDOW and min(pixels.shape[:2]) >= _WINDOW // 2:
        yield pixels
        height, width = (5 * side // 6 for side in pixels.shape[:2])
        pixels = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _score_windows(network: Network, level: NDArray[np.uint8], shape: tuple[int, ...]) -> Iterator[ScoredBox]:
    """Yield the windows of a level that may be a part of a face, in pixels of an image of this shape."""
    below, beside = (_BORDER + -(side + 2 * _BORDER) % _FEW_SIDES for side in level.shape[:2])
    scores = network(np.pad(level, ((_BORDER, below), (_BORDER, beside), (0, 0))))
    down, across = (whole / part for whole, part in zip(shape[:2], level.shape[:2], strict=True))
    half = _WINDOW / 2
    for row, column in np.argwhere(scores > _NEIGHBOUR):
        x, y = (_STRIDE * int(place) + _FIRST - _BORDER + 0.5 for place in (column, row))
        yield ScoredBox(
            (x - half) * across, (y - half) * down, (x + half) * across, (y + half) * down,
            float(scores[row, column]),
        )  # fmt: skip


def load_network(weights: Path) -> Network:
    """Load the network from dlib's file, once in each process.

    Raises:
        WeightsError: The file is damaged.
    """
    return _compiled(weights, openvino_loads())


@cache
def _compiled(weights: Path, with_openvino: bool) -> Network:
    layers = read_layers(weights)
    return compile_openvino(layers) if with_openvino else compile_numpy(layers)


def read_layers(weights: Path) -> list[Convolution]:
    """Read the seven convolutions from dlib's file.

    Raises:
        WeightsError: The file is damaged.
    """
    content, position, layers = weights.read_bytes(), 0, []
    shapes = zip(pairwise(_CHANNELS), _KERNELS, _STRIDES, _PADDINGS, strict=True)
    for (inputs, outputs), side, stride, padding in shapes:
        values, position = next_tensor(content, position, outputs * inputs * side**2 + outputs)
        weight, bias = values[:-outputs].reshape(outputs, inputs, side, side), values[-outputs:]
        if outputs > 1:  # dlib keeps the normalisation as it was trained
            affine, position = next_tensor(content, position, 2 * outputs)
            statistics = []  # mean and inverse deviation of the last batch, running mean, running variance
            for _ in range(4):
                numbers, position = next_tensor(content, position, 1, outputs)
                statistics.append(numbers)
            factor = affine[:outputs] / np.sqrt(statistics[3] + np.float32(_NORM_EPSILON))
            weight, bias = (
                weight * factor[:, None, None, None],
                (bias - statistics[2]) * factor + affine[outputs:],
            )
        layers.append(Convolution(np.ascontiguousarray(weight), bias, stride, padding))
    return layers


def compile_openvino(layers: list[Convolution]) -> Network:
    """Return the network in OpenVINO."""
    graph = Graph()
    maps = graph.normalised_image()
    for number, layer in enumerate(layers, start=1):
        maps = graph.convolution(maps, *layer)
        maps = graph.relu(maps) if number < len(layers) else maps
    run = graph.compile(maps, exact=False)
    return lambda pixels: run(pixels)[0]


def compile_numpy(layers: list[Convolution]) -> Network:
    """Return the same network in NumPy."""

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        maps = (pixels.astype(np.float32) - MEAN) / DEVIATION
        for number, layer in enumerate(layers, start=1):
            maps = _convolve(maps, layer)
            maps = np.maximum(maps, 0) if number < len(layers) else maps
        return maps[:, :, 0]

    return run


def _convolve(maps: NDArray[np.float32], layer: Convolution) -> NDArray[np.float32]:
    """Convolve (H, W, in) to (H', W', out) by a matrix product for some rows at a time, which bounds the memory."""
    outputs, _, side, _ = layer.weight.shape
    padding = (layer.padding, layer.padding)
    patches = np.lib.stride_tricks.sliding_window_view(
        np.pad(maps, (padding, padding, (0, 0))), (side, side), axis=(0, 1)
    )[:: layer.stride, :: layer.stride]
    height, width = patches.shape[:2]
    weight = layer.weight.reshape(outputs, -1).T
    result = np.empty((height, width, outputs), np.float32)
    rows = max(1, 8192 // width)
    for top in range(0, height, rows):
        columns = patches[top : top + rows].reshape(-1, len(weight))
        result[top : top + rows] = (columns @ weight + layer.bias).reshape(-1, width, outputs)
    return result
