"""The one way to do something to all users: block by block, in order, on whatever the configuration names."""

import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pipeline.arrays.blocks import blocks
from pipeline.engine import processes, shards
from pipeline.engine.work import TASKS_PER_WORKER, Arrays, Job, Make, Work
from pipeline.ground.progress import track
from pipeline.settings.config import Config


def map_blocks(
    what: str, work: Work, rows: int, config: Config, folder: Path, *, size: int | None = None
) -> Iterator[tuple[slice, Arrays]]:
    """What a work gives for every block of rows, in order; the same wherever it is made.

    Args:
        what: is being done, for the log.
        work: what is done.
        rows: how many there are.
        config: engine, workers, threads, block_users.
        folder: an existing folder for what is handed over, which is removed again.
        size: rows of a block; default: `block_users`.
    Yields:
        The rows of a block and what was made of them.
    Raises:
        PipelineError: as the work says; a worker that was lost, where nobody makes its tasks again.
    """
    said = track(what, rows)
    for block, arrays in _mapped(work, list(blocks(rows, size or config.block_users)), config, folder):
        yield block, arrays
        said(block.stop)


def map_works(
    works: Iterable[shards.Named], rows: int, config: Config, folder: Path, *, shared: bool
) -> Iterator[Iterator[tuple[slice, Arrays]]]:
    """For each of several works on the same rows, made when its turn comes, what `map_blocks` gives.

    Args:
        works: what is done, each with what is said of it in the log.
        rows, config, folder: as of map_blocks.
        shared: the works may be shared among the tasks of an orchestrator (pipeline.engine.shards), and what the stage
            does before them is then done once. A stage has one place at most where it asks for this.
    """
    share = shards.current() if shared else None
    if share is not None:
        yield from share.mapped(works, list(blocks(rows, config.block_users)), config.threads)
        return
    for what, work in works:
        made = map_blocks(what, work, rows, config, folder)
        del work  # what one holds in memory goes before the next is made
        yield made


def _mapped(work: Work, parts: list[slice], config: Config, folder: Path) -> Iterator[tuple[slice, Arrays]]:
    if len(parts) < 2 or (config.engine == "local" and config.workers == 1):
        lanes = min(work.lanes, config.threads, len(parts))
        yield from _in_lanes(work.open(max(1, config.threads // max(1, lanes))), parts, lanes)
        return
    with tempfile.TemporaryDirectory(prefix=".blocks-", dir=folder) as shared:
        work = work.share(Path(shared))
        if config.engine == "spark":
            from pipeline.engine import spark

            session = spark.session(config)
            # executors that have not come yet are not counted: as many tasks as `partitions` keep them busy, too
            slots = max(spark.slots(session, config), config.spark.partitions // TASKS_PER_WORKER)
            job = Job.of(work, parts, Path(shared), slots, 1)
            made = spark.run(session, job)
        else:
            workers = min(config.workers, len(parts))
            job = Job.of(work, parts, Path(shared), workers, max(1, config.threads // workers))
            made = processes.run(job, workers)
        for part in made:
            yield from job.read(part)


def _in_lanes(make: Make, parts: list[slice], lanes: int) -> Iterator[tuple[slice, Arrays]]:
    """What is made of every block, in order; of at most so many blocks at the same time."""
    if lanes <= 1:
        yield from ((block, make(block)) for block in parts)
        return
    in_hand: deque[tuple[slice, Future[Arrays]]] = deque()
    with ThreadPoolExecutor(lanes) as workers:
        for block in parts:
            in_hand.append((block, workers.submit(make, block)))
            if len(in_hand) == lanes:
                first, made = in_hand.popleft()
                yield first, made.result()
        yield from ((block, made.result()) for block, made in in_hand)
