"""Import OpenVINO without its telemetry.

OpenVINO's package tells Google Analytics that it was imported, unless a file in the home folder forbids it. It goes without
if its package `openvino-telemetry` is missing, so this module lets it be missing. Import OpenVINO nowhere else.
"""

import importlib
import sys
from typing import Any

TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """Return the module `openvino`; afterwards its submodules can be imported as usual.

    Raises:
        Exception: It is not installed or cannot be loaded; of any class.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")
