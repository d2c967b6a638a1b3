"""Large arrays a block of rows at a time, so that memory is bounded whatever their number."""

from collections.abc import Iterator

import numpy as np


def indptr_of(counts: np.ndarray) -> np.ndarray:
    """[R + 1] int64, where the rows of a CSR matrix with so many entries each begin."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


# Users times items of an array held at a time, per thread: 64 MiB of float32.
CELLS = 2**24


def rows_for(width: int, most: int, cells: int = CELLS) -> int:
    """How many rows of `width` elements are worked on at a time: at most `most`, and `cells` elements if they fit."""
    return max(1, min(most, cells // max(width, 1)))


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover `rows`."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
