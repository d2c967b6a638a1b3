"""Exact top-K against the machine's rate of multiplying matrices: users x items x factors, float32.

    python -m benchmarks.topk --users 1024 --items 100000 --factors 128 --k 120

Prints the seconds of one product of all users by BLAS with its own threads, of the same product in blocks as the
sources make it, of product and selection as they run (pipeline.sources.candidates), and of a selection by partitioning
whole rows. The ratio is that of the fastest product alone to product and selection.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, rows_for
from pipeline.arrays.determinism import blas_threads


def best(function: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of several calls."""
    function()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("users", 1024), ("items", 100_000), ("factors", 128), ("k", 120), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    users = rng.standard_normal((args.users, args.factors), dtype=np.float32)
    items = rng.standard_normal((args.items, args.factors), dtype=np.float32)
    parts = list(blocks(args.users, rows_for(args.items, args.users)))

    def whole() -> np.ndarray:
        return users @ items.T

    def select(scores: np.ndarray) -> None:
        top_k.top_n(scores, args.k)

    def partition(scores: np.ndarray) -> None:
        np.argpartition(scores, args.items - args.k, axis=1)

    def blocked(after: Callable[[np.ndarray], None]) -> None:
        with ThreadPoolExecutor(args.threads) as workers:
            list(workers.map(lambda block: after(users[block] @ items.T), parts))

    with blas_threads(args.threads):
        product = best(whole, args.repeats)
    with blas_threads(1):
        found = {
            "product in blocks": best(lambda: blocked(lambda _: None), args.repeats),
            "product and selection": best(lambda: blocked(select), args.repeats),
            "product and partition of whole rows": best(lambda: blocked(partition), args.repeats),
        }
    rate = 2 * args.users * args.items * args.factors / product / 1e9
    print(f"{args}\n{'product by BLAS':<38}{product:8.3f} s  {rate:.0f} GFLOP/s")
    fastest = min(product, found["product in blocks"])
    for name, seconds in found.items():
        print(f"{name:<38}{seconds:8.3f} s  {fastest / seconds:.0%} of the fastest product")


if __name__ == "__main__":
    main()
