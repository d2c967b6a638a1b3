"""Where artifacts live, and how they are written whole or not at all.

    <lake>/<stage>/run_date=YYYY-MM-DD/{*.parquet, *.npy, ..., manifest.json}

A stage writes into a hidden folder beside its final one, which is renamed when whole; `manifest.json` is written last.
A folder without a manifest is unfinished. One lock per stage and night serialises two runs of the same night, and the
kernel releases it when a process dies, so what lies under the lock without a manifest is a dead run's and is removed.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.ground import keeping, shipped
from pipeline.ground.errors import InputError

MANIFEST = "manifest.json"
PARTITION = "run_date="
REMADE = "remade"
"""The ending of the hidden folder with new files that replace a folder's, see pipeline.ground.rewriting."""
MEMO_NIGHTS = 14  # before and after, that are searched for a part that can be linked instead of made


def stage_dir(lake: Path, stage: str, run_date: date) -> Path:
    """The folder of one stage's finished artifacts for one night."""
    return lake / stage / f"{PARTITION}{run_date.isoformat()}"


def history(lake: Path, stage: str) -> Path:
    """What to lock for all nights of a stage whose nights are each other's: one of them is written at a time."""
    return lake / stage / "history"


def run_date_of(folder: Path) -> date:
    """The night a stage folder belongs to, finished or still being written."""
    return date.fromisoformat(folder.name.partition(PARTITION)[2][:10])


def stage_of(path: Path) -> str:
    """The stage in whose folder, finished or being written, a path lies; its own name where that is none's."""
    folder = next((part for part in (path, *path.parents) if "run_date=" in part.name), None)
    return folder.parent.name if folder else path.name


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a whole artifact."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished folder.

    Raises:
        InputError: the folder is not finished, or its manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        stage = folder.parent.name
        raise InputError(
            f"{folder} is not finished: run stage '{stage}' for {run_date_of(folder)} first "
            f"(python -m pipeline run --run-date {run_date_of(folder)} --stages {stage})"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}): remove its folder and run the stage again") from None
    return manifest


def partitions_until(lake: Path, stage: str, run_date: date) -> list[Path]:
    """Finished folders of a stage up to and including a night, oldest first."""
    last = f"{PARTITION}{run_date.isoformat()}"
    folders = sorted(p for p in (lake / stage).glob(f"{PARTITION}*") if p.name <= last)
    return [folder for folder in folders if is_finished(folder)]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, streamed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_sha256(*parts: object) -> str:
    """SHA-256 over the parts' JSON, for keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def code_version() -> str:
    """The package's version and a hash of its sources, which is part of every key: changed code reuses nothing."""
    digest = hashlib.sha256()
    for name, path in shipped.sources():
        digest.update(name.encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def content_hash(folder: Path) -> str:
    """A hash of what a finished folder contains, timings aside."""
    files = read_manifest(folder)["files"]
    return text_sha256(sorted((name, entry["sha256"]) for name, entry in files.items()))


def history_hash(lake: Path, stage: str, run_date: date) -> str:
    """A hash of all finished partitions of a stage up to a night."""
    return text_sha256([content_hash(folder) for folder in partitions_until(lake, stage, run_date)])


@contextlib.contextmanager
def lock(folder: Path, shared: bool = False) -> Iterator[None]:
    """Hold the lock of one stage and night; waits while another process holds it, of another machine too where the home
    has a keeper (pipeline.ground.keeping).

    Args:
        folder: of the stage and night.
        shared: to read the folder, beside others who do, and keep it from being replaced meanwhile.
    """
    if shared:
        keeping.bring(folder)
    with lock_here(folder, shared), contextlib.nullcontext() if shared else keeping.held(folder):
        yield


@contextlib.contextmanager
def lock_at_once(folder: Path) -> Iterator[None]:
    """`lock`, but not waiting.

    Raises:
        BlockingIOError: another process holds it.
    """
    with lock_here(folder, wait=False), keeping.held(folder, keeping.at_once):
        yield


@contextlib.contextmanager
def lock_here(folder: Path, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """`lock` among this machine's processes alone."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        yield


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(folder: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a hidden folder to write into; on success it becomes `folder`, on an error it is removed.

    The caller holds the folder's lock. An earlier version of `folder` is replaced. Without `durable` the caller makes
    sure that the disk has it all (os.sync) before anything relies on it: for many folders at once.
    """
    partial = folder.parent / f".{folder.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        commit(partial, folder, durable)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def beside(out: Path, ending: str) -> Path:
    """The hidden folder beside a stage's night for what outlives a run that dies; `forget` and `prune` know it."""
    return out.parent / f".{PARTITION}{run_date_of(out)}.{ending}"


def commit(partial: Path, folder: Path, durable: bool = True) -> None:
    """Rename a whole folder to its final name, replacing an earlier version."""
    if durable:
        os.sync()  # all of its files at once: one by one, the hundreds of a night take seconds
    old = folder.parent / f".{folder.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    if durable:
        sync(folder.parent)
    _forget_remade(folder)
    shutil.rmtree(old, ignore_errors=True)


def _forget_remade(folder: Path) -> None:
    """Remove files that were to replace those of a folder that is there no more."""
    shutil.rmtree(folder.parent / f".{folder.name}.{REMADE}", ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a finished folder, so that nobody ever finds half of it; the caller holds its lock."""
    old = folder.parent / f".{folder.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    _forget_remade(folder)
    shutil.rmtree(old)


def describe(folder: Path) -> dict[str, dict[str, Any]]:
    """Name, size in bytes, sha256 and (Parquet) rows of every file below a folder."""
    import pyarrow.parquet as pq

    described: dict[str, dict[str, Any]] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST):
        entry: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        if path.suffix == ".parquet":
            entry["rows"] = pq.read_metadata(path).num_rows
        described[path.relative_to(folder).as_posix()] = entry
    return described


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json, the mark of a whole folder; call it last."""
    text = json.dumps(manifest, indent=2, sort_keys=True, default=str, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


class Memo:
    """The parts of a running stage's folder that are linked from a neighbouring night where it made them already.

    Args:
        out: the folder the stage writes to.
        reuse: whether parts may be linked; a forced run makes everything anew.
        first: a finished folder whose parts are linked in any case.

    Attributes:
        parts: the keys of the parts made or linked so far, by name; the manifest keeps them for other nights;
            linked: the names of those that another night made.
    """

    def __init__(self, out: Path, reuse: bool = True, first: Path | None = None) -> None:
        self.out, self.parts, self.linked, self._first = out, dict[str, str](), set[str](), first
        self._nights = sorted(range(-MEMO_NIGHTS, MEMO_NIGHTS + 1), key=abs) if reuse else ()

    def part(self, name: str, key: str, make: Callable[[Path], None]) -> bool:
        """Link `out/name` from a neighbouring night that made it from the same key, or make it.

        Args:
            name: of a sub-folder, e.g. "cutoff=2011-09-18".
            key: hash of everything the part's bytes depend on; the code version is added here.
            make: writes the part's files into the folder it is given; a pure function of what `key` hashes.
        Returns:
            True if the part was linked, False if it was made.
        """
        key = text_sha256(key, code_version())
        self.parts[name] = key
        night = run_date_of(self.out)
        lake, stage = self.out.parent.parent, self.out.parent.name
        nights = [stage_dir(lake, stage, night + timedelta(days=n)) for n in self._nights]
        for folder in nights if self._first is None else [self._first, *nights]:
            try:
                if is_finished(folder) and _link(folder, self.out, name, key):
                    made_tonight = folder == self._first and name not in read_manifest(folder).get("linked", [])
                    self.linked |= set() if made_tonight else {name}
                    return True
            except (FileNotFoundError, InputError):
                if is_finished(folder):
                    raise
                shutil.rmtree(self.out / name, ignore_errors=True)  # `prune` or `forget` removed the night meanwhile
        (self.out / name).mkdir(parents=True)
        make(self.out / name)
        return False


def _link(folder: Path, out: Path, part: str, key: str) -> bool:
    manifest = read_manifest(folder)
    if manifest.get("parts", {}).get(part) != key:
        return False
    names = [name for name in manifest["files"] if name.startswith(f"{part}/")]
    keeping.fetch(folder.resolve(), names)  # a day so far has links to nights
    if any(not (folder / n).is_file() or file_sha256(folder / n) != manifest["files"][n]["sha256"] for n in names):
        return False  # damaged since: make it again
    for name in names:
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        link(folder / name, target)
    return True


def link(source: Path, target: Path) -> None:
    """Let a file have a second name, or a copy where it cannot."""
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
