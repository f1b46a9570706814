"""A backbone compiled by OpenVINO for the processor: uint8 images in, float32 features out.

The network is traced for one size of images and any number of them, and goes through OpenVINO's PyTorch frontend. That and
all computing happen in a separate process: long processes in which networks had been converted ended with a segmentation
fault, whose cause is not known. If this process ends early, its caller gets an error and keeps running.
"""

import io
import os
import signal
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context, parent_process
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from trainer.networks.backbone import Backbone
from trainer.runtime.openvino_import import import_openvino

# A lasting filter: the filters of `catch_warnings` belong to all threads, and other threads decode images meanwhile.
warnings.filterwarnings("ignore", category=TracerWarning)
warnings.filterwarnings("ignore", r"`torch\.jit", FutureWarning)

Pixels = NDArray[np.uint8]
"""(N, 3, H, W) RGB."""
Size = tuple[int, int]
"""(height, width) in pixels."""


class _FromPixels(nn.Module):
    """Normalisation and network in one module."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.backbone(self.backbone.normalise(images))
        return features


class OpenVinoNetwork:
    """A backbone that computes float32 features through OpenVINO, in a process that ends with this object or its parent.

    The process compiles the network meanwhile (`is_ready`).

    Args:
        backbone: In evaluation mode, on the CPU. Its weights are copied: later changes have no effect.
        size: Size of the images.
        threads: Number of threads that compute.

    Raises:
        Exception: The network cannot be traced; of any class.
    """

    def __init__(self, backbone: Backbone, size: Size, threads: int) -> None:
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _watch_parent)
        self._compiling = self._process.submit(_compile, _traced(backbone, size), size, threads)

    def is_ready(self) -> bool:
        """Return whether the network is compiled, or an error says that it cannot be.

        Raises:
            Exception: OpenVINO is missing, or does not know an operation of the network; of any class.
        """
        if self._compiling.done():
            self._compiling.result()
        return self._compiling.done()

    def __call__(self, images: Tensor) -> Tensor:
        """Compute the features of uint8 (N, 3, H, W) RGB images, (N, feature_size) float32; wait until the network is compiled.

        Raises:
            BrokenProcessPool: The process has ended.
        """
        return torch.from_numpy(self._process.submit(_compute, images.contiguous().numpy()).result())


def _traced(backbone: Backbone, size: Size) -> bytes:
    """Return the network as TorchScript."""
    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    script = io.BytesIO()
    with torch.inference_mode(mode=False), torch.no_grad():
        module = torch.jit.trace(_FromPixels(backbone).eval(), (example,), check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(torch.jit.freeze(module), script)
    return script.getvalue()


_networks: list[Callable[[Pixels], NDArray[np.float32]]] = []
"""In the process that computes: the compiled network."""


def _watch_parent() -> None:
    """Let the process that computes end with its parent from its first moment on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C concerns the parent
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _compile(script: bytes, size: Size, threads: int) -> None:
    """Compile the network in the process that computes."""
    openvino = import_openvino()
    from openvino.frontend import FrontEndManager  # noqa: PLC0415 - optional
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    module = torch.jit.load(io.BytesIO(script))  # type: ignore[no-untyped-call]
    decoder = TorchScriptPythonDecoder(module)  # the frontend does not keep it alive
    frontend = FrontEndManager().load_by_framework("pytorch")
    model = frontend.convert(frontend.load(decoder))
    model.inputs[0].get_node().set_element_type(openvino.Type.u8)
    model.reshape([-1, 3, *size])
    settings = {
        "ENABLE_CPU_PINNING": False,  # other processes compute on the same cores
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
    }
    request: Any = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    _networks.append(lambda images: request.infer([images], share_inputs=True)[0])


def _compute(images: Pixels) -> NDArray[np.float32]:
    return _networks[0](images)


def _end_with_parent() -> None:
    """Wait until the parent is gone, however it ended, and end this process."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
