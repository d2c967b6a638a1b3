"""What this machine's copy of a home is a copy of: each part's manifest and its version, as last sent or fetched.

<home>/.store/units/<part>.json
<home>/.store/locks/...          of parts that have no lock of their own among this machine's processes
<home>/.store/fetched/...        files that are being fetched
<home>/.store/owner              a name for this folder
"""

import contextlib
import fcntl
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.ground import artifacts
from pipeline.store.contract import Version
from pipeline.store.units import SEEN, Content, Unit, named

HIDDEN = ".store"


class Record(NamedTuple):
    """A manifest and the version that it is of."""

    version: Version
    content: Content


class Records:
    """The records of a home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / HIDDEN / "units"

    def owner(self) -> str:
        """A name for the folder, given once."""
        path = self.home / HIDDEN / "owner"
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(uuid.uuid4().hex)
            beside.write_text(uuid.uuid4().hex, encoding="ascii")
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(beside)
            beside.unlink()
        return path.read_text(encoding="ascii")

    def read(self, unit: Unit) -> Record | None:
        """What a part was when it was last sent or fetched; None where it never was."""
        try:
            said = json.loads((self.folder / f"{unit.name}.json").read_text(encoding="utf-8"))
            return Record(said["version"], said["content"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def write(self, unit: Unit, version: Version, content: Content) -> None:
        """Note what a part is."""
        path = self.folder / f"{unit.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        said = {"version": dict(version), "content": content | {SEEN: unit.identities()}}
        beside.write_text(json.dumps(said), encoding="utf-8")
        beside.replace(path)

    def forget(self, unit: Unit) -> None:
        """Note that a part is not there."""
        (self.folder / f"{unit.name}.json").unlink(missing_ok=True)

    def below(self, folder: str) -> list[Unit]:
        """The parts below a folder that have a record."""
        paths = (self.folder / folder).rglob("*.json")
        names = (path.relative_to(self.folder).as_posix().removesuffix(".json") for path in sorted(paths))
        return [named(self.home, name) for name in names if not name.rpartition("/")[2].startswith(".")]

    def new_file(self) -> Path:
        """A place for a file that is being fetched, on the disk of the home."""
        path = self.home / HIDDEN / "fetched" / uuid.uuid4().hex
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @contextlib.contextmanager
    def alone(self, unit: Unit, wait: bool = True) -> Iterator[None]:
        """Hold the lock of a part among this machine's processes, which keeps it as it is.

        Raises:
            BlockingIOError: another process has it, and this one shall not wait.
        """
        if unit.is_night:
            with artifacts.lock_here(unit.folder, wait=wait):
                yield
            return
        path = self.home / HIDDEN / "locks" / unit.name.replace("/", "!")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
