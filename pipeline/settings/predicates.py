"""A surface's predicate over the items: one condition, which can reach nothing but the items' columns.

It is checked when the configuration is read, on one item of which nothing is known, and run when a night is published:
each time in a process of its own, as one call of a function can take any time and memory, and DuckDB bounds neither.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ground.errors import InputError

if TYPE_CHECKING:  # else a configuration would be read with Arrow and NumPy
    import numpy as np
    import pyarrow as pa

PROCESS = "pipeline.settings.predicate_process"
MEMORY_MB = 1024
"""MiB that predicates may take beside the items."""
SECONDS, CHECKING = 120, 3
"""Of the processor, for all predicates of a night; to check one."""
PATIENCE = 30
"""Times as long as that a busy machine may take."""


_attributes: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("attributes", default=())


@contextlib.contextmanager
def about(attributes: Mapping[str, str]) -> Iterator[None]:
    """Let `require` know the attributes of the items while a configuration is read: their names, and their kinds."""
    token = _attributes.set(tuple(sorted(attributes.items())))
    try:
        yield
    finally:
        _attributes.reset(token)


def require(surface: str, where: str) -> None:
    """Check a surface's predicate without any data.

    Raises:
        ValueError: it is no condition, reaches beyond the items' columns, or takes too long; names the surface.
    """
    _require(surface, where, _attributes.get())


@cache
def _require(surface: str, where: str, attributes: tuple[tuple[str, str], ...]) -> None:
    try:
        _run({surface: where}, b"", CHECKING, attributes=attributes)
    except InputError as error:
        raise ValueError(str(error)) from None


def passing(items: "pa.Table", wheres: Mapping[str, str], valid_on: date) -> "dict[str, np.ndarray]":
    """Which items pass each surface's predicate: bool [I]; an item it says nothing about does not.

    Args:
        items: schemas.ITEMS, and a column for each attribute.
        wheres: the predicates, by surface.
        valid_on: the day that is asked about, to which predicates may refer as `valid_on` or `$valid_on`.
    Raises:
        InputError: as `require`, or a value it cannot be worked out for.
    """
    import numpy as np
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, items.schema) as writer:
        writer.write_table(items)
    found = np.frombuffer(_run(wheres, sink.getvalue(), SECONDS, valid_on), dtype=bool)
    return dict(zip(wheres, found.reshape(len(wheres), items.num_rows), strict=True))


def _run(
    wheres: Mapping[str, str],
    items: "bytes | pa.Buffer",
    seconds: int,
    valid_on: date | None = None,
    attributes: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Run the process.

    Args:
        wheres: the predicates, by surface.
        items: an Arrow stream; empty: one item of which nothing is known.
        seconds: of the processor.
        valid_on: the day that is asked about.
        attributes: of the item of which nothing is known: names and kinds.
    Returns:
        A byte per surface and item.
    """
    asked = {"wheres": dict(wheres), "memory_mb": MEMORY_MB, "seconds": seconds, "attributes": dict(attributes)}
    asked["valid_on"] = None if valid_on is None else valid_on.isoformat()
    paths = [str(Path(path).resolve()) for path in sys.path]
    # nothing of the environment: it holds secrets
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", PROCESS],
            input=json.dumps(asked).encode() + b"\n" + bytes(items),
            capture_output=True,
            env=environment,
            timeout=PATIENCE * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_much(wheres, seconds) from None
    if done.returncode < 0 or b"MemoryError" in done.stderr:  # a signal of the limits, or Python without memory
        raise _too_much(wheres, seconds)
    if done.returncode:
        raise RuntimeError(f"{PROCESS} failed: {done.stderr.decode(errors='replace')}")
    said, _, content = done.stdout.partition(b"\n")
    if error := json.loads(said)["error"]:
        raise InputError(error)
    return content


def _too_much(wheres: Mapping[str, str], seconds: int) -> InputError:
    said = "; ".join(f"surface {surface!r}: where = {where!r}" for surface, where in wheres.items() if where != "true")
    return InputError(
        f"{said} cannot be worked out within {MEMORY_MB} MiB of memory and {seconds} s of the processor: write it so "
        "that it takes less"
    )
