"""Several processes, started by torchrun, that train and score together; a single process is a group of one.

Every process reads the same snapshot. The images of a batch are divided among the processes, gradients are summed, and
answers are gathered in the order of the images, so that no image is lost or counted twice. Only process 0 writes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, distributed, nn


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun started, if it did, and leave them at the end."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        yield
        return
    own = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        torch.cuda.set_device(device())
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() and own else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device() -> torch.device:
    """Return the device of this process: a CUDA device, shared if there are fewer devices than processes, or the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def image_workers() -> int:
    """Return the default number of processes that prepare images.

    On a CPU it is 0: a worker would take a core from the training that waits for it (`python -m benchmarks throughput`).
    """
    if device().type == "cpu":
        return 0
    cores = (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(4, cores - 1))


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def count() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def gathered(parts: dict[int, Any]) -> dict[int, Any]:
    """Return the parts of all processes by their numbers, in every process."""
    if count() == 1:
        return parts
    everyone: list[dict[int, Any] | None] = [None] * count()
    distributed.all_gather_object(everyone, parts)
    return {number: part for some in everyone if some for number, part in some.items()}


def summed(values: Tensor) -> Tensor:
    """Return the sum of a tensor over all processes."""
    if count() > 1:
        distributed.all_reduce(values)
    return values


def add_gradients(model: nn.Module) -> None:
    """Replace every gradient by the sum of all processes' gradients."""
    if count() > 1:
        for parameter in model.parameters():
            if parameter.requires_grad:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)


def average_statistics(model: nn.Module) -> None:
    """Replace floating-point buffers (such as the statistics of batch normalisation) by their mean over the processes."""
    if count() > 1:
        for buffer in model.buffers():
            if buffer.is_floating_point():
                distributed.all_reduce(buffer)
                buffer.div_(count())


def wait_for_all() -> None:
    """Wait until all processes have reached this point."""
    if count() > 1:
        distributed.barrier()
