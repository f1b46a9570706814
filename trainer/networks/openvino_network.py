"""A backbone compiled by OpenVINO for the processor: uint8 images in, float32 features out.

The network is traced for one size of images and any number of them, and goes through OpenVINO's PyTorch frontend.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from trainer.networks.backbone import Backbone
from trainer.runtime.openvino_import import import_openvino

# A lasting filter: the filters of `catch_warnings` belong to all threads, and other threads decode images meanwhile.
warnings.filterwarnings("ignore", category=TracerWarning)
warnings.filterwarnings("ignore", r"`torch\.jit", FutureWarning)


class _FromPixels(nn.Module):
    """Normalisation and network in one module."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.backbone(self.backbone.normalise(images))
        return features


def compiled(backbone: Backbone, size: tuple[int, int], threads: int) -> Callable[[Tensor], Tensor]:
    """Compile a backbone for the processor, in float32.

    Args:
        backbone: In evaluation mode, on the CPU. Its weights are copied: later changes have no effect.
        size: (height, width) of the images in pixels.
        threads: Number of threads that compute.

    Returns:
        A function from uint8 (N, 3, *size) RGB to (N, feature_size) float32.

    Raises:
        Exception: OpenVINO is missing, or does not know an operation of the network; of any class.
    """
    openvino = import_openvino()
    from openvino.frontend import FrontEndManager  # noqa: PLC0415 - optional
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    with torch.inference_mode(mode=False), torch.no_grad():
        traced = torch.jit.trace(_FromPixels(backbone).eval(), (example,), check_trace=False)  # type: ignore[no-untyped-call]
        decoder = TorchScriptPythonDecoder(torch.jit.freeze(traced))  # the frontend does not keep it alive
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
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def features(images: Tensor) -> Tensor:
        return torch.from_numpy(request.infer([images.contiguous().numpy()], share_inputs=True)[0])

    return features
