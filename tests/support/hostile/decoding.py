"""A decoder that does what a file tells it to. Decoding processes load this module, so it imports little."""

import os
import signal
import time
from pathlib import Path

import numpy as np


def do_as_told(path: Path) -> str:
    """Return the file's name, unless its text says otherwise."""
    match path.read_text():
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "memory":
            return str(np.empty(8 * 2**30, np.uint8).size)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "asleep":
            time.sleep(3600)
    return path.name
