"""dlib's face descriptor in OpenVINO, where it needs a fraction of the time that it needs in dlib.

trainer.networks.dlib_face is the same network in PyTorch, up to its last map, and describes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.imaging.openvino_graph import Graph, Network
from trainer.weights.dlib_file import next_tensor

SIDE = 150
"""Pixels of the side of the aligned face."""

_STAGES = ((32, 32, 3), (32, 64, 4), (64, 128, 3), (128, 256, 3), (256, 256, 1))
"""Input channels, output channels, number of blocks; every stage but the first halves the side."""

_NUMBERS = 128


class _Reader:
    """The convolutions of the file, from the image on, each with the affine layer that follows it folded in."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0

    def convolution(
        self, inputs: int, outputs: int, side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight (out, in, k, k) and bias (out)."""
        values = self.tensor(outputs * inputs * side**2 + outputs)
        affine = self.tensor(2 * outputs)
        factor, summand = affine[:outputs], affine[outputs:]
        weight = values[:-outputs].reshape(outputs, inputs, side, side) * factor[:, None, None, None]
        return weight, values[-outputs:] * factor + summand

    def tensor(self, *sizes: int) -> NDArray[np.float32]:
        """The next tensor, flat."""
        values, self._position = next_tensor(self._content, self._position, *sizes)
        return values


def compile_descriptor(weights: Path) -> Network:
    """Return the network that maps the pixels of an aligned face (150, 150, 3) to 128 numbers.

    Raises:
        WeightsError: The file is damaged.
    """
    reader, graph = _Reader(weights.read_bytes()), Graph(SIDE, SIDE)
    first = _STAGES[0][0]
    maps = graph.convolution(graph.normalised_image(), *reader.convolution(3, first, 7), 2, 0)
    maps = graph.max_pool(graph.relu(maps), 3, 2)
    for number, (inputs, outputs, count) in enumerate(_STAGES):
        for block in range(count):
            down = number > 0 and block == 0
            maps = _add_block(graph, reader, maps, inputs if block == 0 else outputs, outputs, down=down)
    matrix = reader.tensor(_STAGES[-1][1], _NUMBERS).reshape(-1, _NUMBERS)
    return graph.compile(graph.product(graph.mean(maps), matrix), exact=True)


def _add_block(graph: Graph, reader: _Reader, maps: Any, inputs: int, outputs: int, *, down: bool) -> Any:
    """Two convolutions beside a shortcut; as in dlib, the one with a stride has no padding."""
    stride, padding = (2, 0) if down else (1, 1)
    inner = graph.relu(graph.convolution(maps, *reader.convolution(inputs, outputs, 3), stride, padding))
    inner = graph.convolution(inner, *reader.convolution(outputs, outputs, 3), 1, 1)
    return graph.relu(graph.add(inner, graph.halve(maps) if down else maps))
