"""Several processes, started by torchrun, that train and score together; a single process is a group of one.

Every process reads the same snapshot. The images of a batch are divided among the processes, torch's
DistributedDataParallel averages the gradients, and answers are gathered in the order of the images, so that no image is lost
or counted twice. Only process 0 writes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

RENDEZVOUS = "FACELABEL_RENDEZVOUS"
"""The environment variable with a new file through which processes of one machine find each other; torchrun uses a port."""

PATIENCE = timedelta(hours=1)
"""How long the processes wait for one that works alone, such as process 0 when it writes the predictions."""


@contextmanager
def process_group() -> Iterator[None]:
    """Join the processes that torchrun or the worker of a project started, if they did, and leave them at the end."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size < 2 or distributed.is_initialized():
        yield
        return
    own = torch.cuda.device_count() >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        torch.cuda.set_device(device())
    distributed.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and own else "gloo",
        init_method=f"file://{os.environ[RENDEZVOUS]}" if RENDEZVOUS in os.environ else "env://",
        rank=int(os.environ["RANK"]),
        world_size=size,
        timeout=PATIENCE,
    )
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


def parallel(model: nn.Module) -> nn.Module:
    """Return a module that answers like the model and averages the gradients of all processes during the backward pass.

    The weights of process 0 become those of all. It holds as long as the same parameters are trained. Buffers are not
    touched: `average_statistics`.
    """
    if count() == 1:
        return model
    return DistributedDataParallel(model, broadcast_buffers=False, static_graph=True)


def average_statistics(model: nn.Module) -> None:
    """Replace the running statistics of batch normalisation, where it is trained, by their mean over the processes."""
    if count() > 1:
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) and m.training]
        buffers = [buffer for norm in norms for buffer in norm.buffers() if buffer.is_floating_point()]
        if buffers:
            mean = summed(torch.cat([buffer.flatten() for buffer in buffers])) / count()
            start = 0
            for buffer in buffers:
                buffer.copy_(mean[start : start + buffer.numel()].view_as(buffer))
                start += buffer.numel()


def wait_for_all() -> None:
    """Wait until all processes have reached this point."""
    if count() > 1:
        distributed.barrier()
