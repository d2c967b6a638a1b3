"""One work shared among tasks of an orchestrator that see one folder and never meet: handed out, made, put together.

A stage runs the same code three times over. It *begins*, up to the works that are shared, and what it made until then
is kept. Each *shard* runs from what is kept to the same works and makes every n-th task of them. It *ends* with the
parts that the shards made where it would make the blocks itself, and makes what is missing or damaged. So nothing is
sent but the number of a shard, and the bytes are those of a stage that runs in one piece.
"""

import contextlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.engine.work import TASKS_PER_WORKER, Arrays, Part, Work, cut, read_part, write_part
from pipeline.ground.errors import InputError

log = logging.getLogger(__name__)

Blocks = Iterator[tuple[slice, Arrays]]
Named = tuple[str, Work]
"""A work and what is being done, for the log."""


FOLDERS = ("kept", "parts")
"""What is handed over: what every process would work out alike, and what the shards made."""


class Done(BaseException):
    """The stage has come as far as it is wanted; no error, so nothing that handles errors may catch it."""


@dataclass(frozen=True)
class Shared(ABC):
    """What a process does with the works of a stage that are shared.

    Attributes:
        folder: what is handed over; all tasks see it under this name.
        shards: how many there are.
    """

    folder: Path
    shards: int

    @abstractmethod
    def mapped(self, works: Iterable[Named], parts: list[slice], threads: int) -> Iterator[Blocks]:
        """The blocks of each work in order.

        Raises:
            Done: there is nothing more to do here.
        """

    def _tasks(self, parts: list[slice]) -> list[tuple[slice, ...]]:
        return cut(parts, self.shards * TASKS_PER_WORKER)

    def _kept(self, number: int) -> Path:
        """A folder for what every process would work out alike for a work."""
        return self.folder / FOLDERS[0] / str(number)

    @property
    def _parts(self) -> Path:
        return self.folder / FOLDERS[1]

    def _record(self, number: int, task: tuple[slice, ...]) -> Path:
        """What says which part a task of a work became."""
        return self._parts / f"{number}-{task[0].start:012d}.json"


class Begins(Shared):
    """Keeps what the works need."""

    def mapped(self, works: Iterable[Named], parts: list[slice], threads: int) -> Iterator[Blocks]:
        """See Shared."""
        self._parts.mkdir()
        for number, (_, work) in enumerate(works):
            self._kept(number).mkdir(parents=True)
            work.worked_out(self._kept(number))
        raise Done


@dataclass(frozen=True)
class Makes(Shared):
    """Makes the tasks of one shard; after a kill, those that are missing.

    Attributes:
        number: of the shard, from 0.
    """

    number: int

    def mapped(self, works: Iterable[Named], parts: list[slice], threads: int) -> Iterator[Blocks]:
        """See Shared."""
        for number, (what, work) in enumerate(works):
            tasks = self._tasks(parts)[(self.number - number) % self.shards :: self.shards]
            wanted = [task for task in tasks if _read_record(self._record(number, task), task) is None]
            log.info("%s: %d of %d tasks for shard %d", what, len(wanted), len(tasks), self.number)
            if not wanted:
                continue
            make = work.worked_out(self._kept(number)).open(threads)
            for task in wanted:
                part = write_part(self._parts, task, make)
                _write_record(self._record(number, task), task, part)
        raise Done


class Ends(Shared):
    """Reads what the shards made, and makes what is missing."""

    def mapped(self, works: Iterable[Named], parts: list[slice], threads: int) -> Iterator[Blocks]:
        """See Shared."""
        for number, (what, work) in enumerate(works):
            yield self._blocks(number, what, work.worked_out(self._kept(number)), parts, threads)

    def _blocks(self, number: int, what: str, work: Work, parts: list[slice], threads: int) -> Blocks:
        make = None
        for task in self._tasks(parts):
            part = _read_record(self._record(number, task), task)
            if part is not None:
                with contextlib.suppress(InputError):
                    yield from read_part(self._parts, task, part)
                    continue
            log.warning(
                "%s: users %d to %d were not made by a shard, or are damaged", what, task[0].start, task[-1].stop
            )
            make = make or work.open(threads)
            for block in task:
                yield block, make(block)


_current: ContextVar[Shared | None] = ContextVar("shared", default=None)


def current() -> Shared | None:
    """What this process does with shared works; None: they are not shared."""
    return _current.get()


@contextlib.contextmanager
def sharing(shared: Shared | None) -> Iterator[None]:
    """Let the works of the stage that runs meanwhile be shared; Done ends the block."""
    token = _current.set(shared)
    try:
        yield
    finally:
        _current.reset(token)


def _write_record(path: Path, task: tuple[slice, ...], part: Part) -> None:
    text = json.dumps({"blocks": [[block.start, block.stop] for block in task], "part": asdict(part)})
    unfinished = path.with_name(f"{part.name}.record")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)


def _read_record(path: Path, task: tuple[slice, ...]) -> Part | None:
    """The part that a task became; None: it was not made, or of other blocks."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        same = found["blocks"] == [[block.start, block.stop] for block in task]
        return Part(**found["part"]) if same else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
