"""The processes that decode files that may be hostile; they are forked from a process that has loaded the decoders.

Each file has a limit of processor time, of time, and of memory. The kernel keeps them: a decoder that is deep in C code, or
stuck, cannot look at a clock. A file that exceeds a limit of time ends its process; one that needs more memory usually only gets
a MemoryError.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Generic, ParamSpec, TypeVar

from annotator.imaging.image_kinds import MAX_PIXELS

PROCESSOR_SECONDS = 20
"""The processor time that a file may take. A 64-megapixel photo takes up to four seconds, with a face search two more."""
SECONDS = 120
"""The time that a file may take, also on a machine that is busy or reads from a slow disk."""
_BYTES, _BYTES_PER_PIXEL = 256 * 2**20, 32
"""The private memory of a decoding process: of all kinds of files, a PNG with transparency takes most, 23 bytes per pixel."""

Arguments = ParamSpec("Arguments")
Argument = TypeVar("Argument")
Result = TypeVar("Result")


class DecoderKilledError(Exception):
    """A decoder ended without a result; the message is the reason, as a clause after the file's name."""


_STATE = Path("/proc/self/statm")
"""Its sixth number counts the pages that RLIMIT_DATA counts; only Linux has it."""


def decoding_context(work: str) -> ForkServerContext:
    """Return the context of decoding processes, in which Pillow or OpenCV is loaded once and not by every process.

    They do not see Ctrl-C: the process that asked for them does, and they end with it.

    Args:
        work: the module that the processes run. It is loaded before they are forked, unless the server of forks is running
            already: then each process loads what is missing.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work])
    resource_tracker.ensure_running()  # before, because its start ends with unblocking Ctrl-C
    # Blocked signals stay blocked in what is started now; the server of forks would end in the middle of its imports.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def prepare_decoding(work: str) -> None:
    """Start the process that decoding processes are forked from, without waiting until it has loaded `work`."""
    decoding_context(work)


class DecodingPool(ProcessPoolExecutor):
    """A pool of processes that may start one while another is killed.

    When a process of a pool is killed, a thread of Python ends the others and closes what leads to them. A process that is started
    at the same moment is missed, waits for work forever, and the end of the pool waits for it; or its start fails (seen with
    Python 3.11).
    """

    def submit(
        self, work: Callable[Arguments, Result], /, *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Future[Result]:
        """Let a process call a function, as of the base class.

        Raises:
            BrokenProcessPool: if a process was killed.
        """
        try:
            return super().submit(work, *arguments, **named)
        except OSError:
            if not self._broken:
                raise
            raise BrokenProcessPool("a process was killed while another one was started") from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, as of the base class; of a broken pool at once."""
        if self._broken:
            for process in list((self._processes or {}).values()):
                process.kill()
        super().shutdown(wait, cancel_futures=cancel_futures)


def decoding_pool(work: str, most: int | None = None) -> DecodingPool:
    """Return a pool with a process per core; functions that it calls are wrapped in `Limited`.

    Args:
        work: the module that the processes run.
        most: the largest number of processes.
    """
    cores = os.cpu_count() or 1
    return DecodingPool(
        max_workers=min(most or cores, cores), mp_context=decoding_context(work), initializer=begin_decoding
    )


class Limited(Generic[Arguments, Result]):
    """A picklable function of one file that ends its process when the file takes too long.

    Args:
        decode: a picklable function.
        max_pixels: the number of pixels that a file may have.
    """

    def __init__(self, decode: Callable[Arguments, Result], max_pixels: int) -> None:
        self._decode = decode
        self._memory = memory_for(max_pixels)
        share = max(1.0, max_pixels / MAX_PIXELS)
        self._processor_seconds = math.ceil(share * PROCESSOR_SECONDS)
        self._seconds = share * SECONDS

    def __call__(self, *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        """Call the function within the limits."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + self._processor_seconds)
        limit_memory(self._memory)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            return self._decode(*arguments, **named)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def decode_alone(work: str, decode: Limited[[Argument], Result], argument: Argument) -> Result:
    """Decode a file in a separate process.

    Args:
        work: the module that the process runs.
        decode: a picklable function.
        argument: the function's argument.

    Raises:
        DecoderKilledError: if the process ended before it had a result.
    """
    context = decoding_context(work)
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(decode, argument, sending), daemon=True)
    process.start()
    sending.close()
    try:
        result: Result | BaseException = receiving.recv()
    except EOFError:
        process.join()
        raise DecoderKilledError(_reason(process.exitcode or 0)) from None
    finally:
        receiving.close()
    process.join()
    if isinstance(result, BaseException):
        raise result
    return result


def _send_result(decode: Callable[[Argument], Result], argument: Argument, sending: Connection) -> None:
    begin_decoding()
    try:
        sending.send(decode(argument))
    except Exception as error:  # noqa: BLE001 - the parent raises it
        sending.send(error)


def _reason(code: int) -> str:
    if code in {-signal.SIGXCPU, -signal.SIGALRM}:
        return "takes too long to decode"
    if code == -signal.SIGKILL:
        return "needs more memory to decode than there is"
    return "cannot be decoded (its decoder crashed)"


def begin_decoding() -> None:
    """Prepare this process: it leaves no core dump, and ends when its parent ends, so that it does not outlive a killed import."""
    _limit(resource.RLIMIT_CORE, 0)
    end_with_parent()


def limit_process(memory: int, processor_seconds: int) -> None:
    """Limit all that this process may use, which decodes one file and ends with its parent.

    Args:
        memory: bytes of private memory beyond those that it has; what asks for more gets a MemoryError.
        processor_seconds: the process is killed after them.
    """
    begin_decoding()
    limit_memory(memory)
    _limit(resource.RLIMIT_CPU, processor_seconds)


def memory_for(max_pixels: int) -> int:
    """The bytes of private memory that decoding a file of so many pixels may take."""
    return _BYTES + _BYTES_PER_PIXEL * max(max_pixels, MAX_PIXELS)


def limit_memory(more: int) -> None:
    """Limit this process to the private memory that it has and `more` bytes: what it was forked from may have loaded a lot."""
    pages = int(_STATE.read_text().split()[5]) if _STATE.exists() else 0
    _limit(resource.RLIMIT_DATA, pages * resource.getpagesize() + more)


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def end_with_parent() -> None:
    """End this process when its parent ends."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
