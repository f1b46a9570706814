"""The name of the processor, on which speeds depend."""

import platform
from pathlib import Path


def processor() -> str:
    """Return the processor's name, if Linux provides it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor()
