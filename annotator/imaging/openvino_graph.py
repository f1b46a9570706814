"""Convolutional networks built with OpenVINO's own operations, from weights that were read as numbers.

OpenVINO is installed with the extra `train`. A graph runs on one thread, because the search for faces runs in one process
per core.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.runtime.openvino_import import import_openvino

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps the pixels of an RGB image (H, W, 3) to what the network says about it."""

MEAN = np.array((122.782, 117.001, 104.298), np.float32)
DEVIATION = np.float32(256)
"""How dlib normalises the pixels: (pixel - MEAN) / DEVIATION."""


def openvino_loads() -> bool:
    """Whether OpenVINO is installed and runs on this machine."""
    try:
        import_openvino()
    except Exception:  # noqa: BLE001 - a library for another processor fails in ways that nobody can list
        return False
    return True


class Graph:
    """The operations of a network; every method adds one and returns its result.

    Args:
        height: of the images; -1 if they differ.
        width: of the images; -1 if they differ.
    """

    def __init__(self, height: int = -1, width: int = -1) -> None:
        self._openvino = import_openvino()  # only a process that detects faces loads it
        self._ops = self._openvino.opset13
        shape = self._openvino.PartialShape([1, height, width, 3])
        self._image = self._ops.parameter(shape, self._openvino.Type.u8)

    def normalised_image(self) -> Any:
        """The image as float numbers, (1, 3, H, W)."""
        maps = self._ops.transpose(self._ops.convert(self._image, "f32"), np.array((0, 3, 1, 2), np.int32))
        return self._ops.multiply(
            self._ops.subtract(maps, MEAN.reshape(1, 3, 1, 1)), np.float32(1 / DEVIATION)
        )

    def convolution(
        self, maps: Any, weight: NDArray[np.float32], bias: NDArray[np.float32], stride: int, padding: int
    ) -> Any:
        """A convolution with square kernels; weight (out, in, k, k), bias (out)."""
        strides, padding_sides = [stride, stride], [padding, padding]
        maps = self._ops.convolution(maps, weight, strides, padding_sides, padding_sides, [1, 1])
        return self._ops.add(maps, bias.reshape(1, -1, 1, 1))

    def relu(self, maps: Any) -> Any:
        """Zero instead of negative numbers."""
        return self._ops.relu(maps)

    def add(self, one: Any, other: Any) -> Any:
        """The sum; the smaller maps are extended by zeros, channels included."""
        whole = np.maximum(one.shape, other.shape)
        return self._ops.add(*(self._extend(maps, whole - maps.shape) for maps in (one, other)))

    def _extend(self, maps: Any, missing: NDArray[np.int64]) -> Any:
        if not missing.any():
            return maps
        return self._ops.pad(maps, [0] * len(missing), list(missing), "constant", np.float32(0))

    def max_pool(self, maps: Any, side: int, stride: int) -> Any:
        """The largest number of each square."""
        return self._ops.max_pool(
            maps, [stride, stride], [1, 1], [0, 0], [0, 0], [side, side], "floor"
        ).output(0)

    def halve(self, maps: Any) -> Any:
        """The means of squares of two by two."""
        return self._ops.avg_pool(
            maps, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True, rounding_type="floor"
        )

    def mean(self, maps: Any) -> Any:
        """The mean of each map, (1, channels)."""
        return self._ops.reduce_mean(maps, np.array((2, 3)), keep_dims=False)

    def product(self, values: Any, matrix: NDArray[np.float32]) -> Any:
        """A matrix product."""
        return self._ops.matmul(values, matrix, transpose_a=False, transpose_b=False)

    def compile(self, result: Any, *, exact: bool) -> Network:
        """Return the network, which maps an image to `result` without its first axis.

        Args:
            result: what a method returned.
            exact: compute in float32; otherwise in bfloat16 where the processor has it.
        """
        hints: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}
        if exact:
            hints["INFERENCE_PRECISION_HINT"] = "f32"
        model = self._openvino.Model([result], [self._image], "face")
        request = self._openvino.Core().compile_model(model, "CPU", hints).create_infer_request()

        def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            output: NDArray[np.float32] = request.infer([np.ascontiguousarray(pixels)[None]])[0][0]
            return output

        return run
