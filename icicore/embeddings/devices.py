"""What encoding needs of an accelerator. One for CUDA, and one that does the same on the CPU for tests."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor


class Device(Protocol):
    """A processor beside the CPU, with a memory of its own."""

    place: torch.device

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Host memory that the device reads and writes by itself."""

    def lane(self) -> contextlib.AbstractContextManager[None]:
        """Work inside the block is done in order, and beside that of other lanes."""

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """The same work on the same tensors, cheaper to start; called inside a lane."""

    def finish(self) -> None:
        """Wait for the work of this lane."""


class HostDevice:
    """The CPU in the role of an accelerator; what was recorded is run as it is."""

    def __init__(self) -> None:
        self.place = torch.device("cpu")

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Ordinary memory."""
        return torch.empty(shape, dtype=dtype)

    @contextlib.contextmanager
    def lane(self) -> Iterator[None]:
        """Nothing to arrange."""
        yield

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Run once as a recording would, then hand it back."""
        work()
        return work

    def finish(self) -> None:
        """Nothing is left to wait for."""


class CudaDevice:
    """One CUDA device: pinned staging memory, a stream per lane, CUDA graphs."""

    _WARM_UP = 3

    def __init__(self, name: str) -> None:
        self.place = torch.device(name)
        self._streams: list[Any] = []

    def staging(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Pinned memory."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    @contextlib.contextmanager
    def lane(self) -> Iterator[None]:
        """Take a stream that nobody uses."""
        stream = self._streams.pop() if self._streams else torch.cuda.Stream(self.place)  # type: ignore[no-untyped-call]
        try:
            with torch.cuda.device(self.place), torch.cuda.stream(stream):
                yield
        finally:
            self._streams.append(stream)

    def recorded(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record the work as a CUDA graph; a network that cannot be recorded is run as it is."""
        for _ in range(self._WARM_UP):  # libraries choose their kernels and take their memory before the recording
            work()
        self.finish()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=torch.cuda.current_stream(), capture_error_mode="thread_local"):
                work()
        except RuntimeError:
            return work
        return graph.replay

    def finish(self) -> None:
        """Wait for the current stream."""
        torch.cuda.current_stream(self.place).synchronize()


def device_of(name: str) -> Device | None:
    """The accelerator of that name; None for the CPU and for kinds that have no path of their own."""
    return CudaDevice(name) if torch.device(name).type == "cuda" else None
