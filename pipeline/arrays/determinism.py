"""Numerical libraries told to give the same bytes again: their threads, seeds and kernels."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def blas_threads(threads: int) -> Iterator[None]:
    """Give BLAS exactly this many threads, whatever the environment says.

    implicit runs its own threads and calls BLAS inside them; OpenBLAS must then have one, else it warns and crawls.
    """
    import scipy.linalg  # noqa: F401  # loads SciPy's own OpenBLAS, so that the limit reaches it as well as NumPy's
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, "blas"):
        yield


@contextlib.contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed torch, fix its threads and ask for deterministic kernels; what was set before comes back afterwards.

    By the debug mode: `use_deterministic_algorithms` sets the same, and imports torch's compiler, which takes seconds.
    """
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic products on a GPU need
    before, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode(mode)
