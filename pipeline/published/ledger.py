"""What was published, line by line in a chain: <tables>/ledger.jsonl, which is only ever added to.

    {"number": 7, "what": "published", "runs": {"2011-10-02-1f0c9a7e": {"recommendations.parquet": "<SHA-256>", ...}},
     "made_of": {"ensemble": "<hash of the stage's files>", ...}, "before": "<SHA-256 of line 6>",
     "key": "<public key>", "signature": "<of the line without it>"}

"published" has the files of one run; "approved", where a person was asked, has them again, with who let them be
published and when ("approved": {"by": ..., "at": ...}); "forgetting" stands before people are taken out of the runs
that are kept, and "forgotten" after it, with the files of every run that it changed. A process that dies between the
two leaves the first, and the next `forget` completes it. A line can be changed only by changing all lines after it,
which a signature, or anybody who noted a line's hash, gives away. Of a run that is not kept any more nothing but its
lines is left.

Callers hold the publication's lock.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from pipeline.ground.errors import PublishError
from pipeline.published import signing
from pipeline.published.archive import RUN, Archive

log = logging.getLogger(__name__)

FILE = "ledger.jsonl"
PUBLISHED, APPROVED, FORGETTING, FORGOTTEN = "published", "approved", "forgetting", "forgotten"
FIRST = "0" * 64
"""What stands as the hash of the line before in the first one."""
Files = dict[str, str]
"""The SHA-256 of files, by name."""


@dataclass(frozen=True)
class Line:
    """A line of the ledger.

    Attributes:
        number: its 1-based place.
        what: PUBLISHED, APPROVED, FORGETTING or FORGOTTEN.
        runs: the files of the runs that it is about.
        made_of: of PUBLISHED, the content of the stages that the run was made from, by name (artifacts.content_hash).
        before: the hash of the line before.
        key: the public key of who signed it, and the signature; both empty: nobody did.
        raw: the line as it stands in the file, without its end.
        approved: of APPROVED, `by` whom and `at` which moment.
    """

    number: int
    what: str
    runs: dict[str, Files]
    made_of: dict[str, str] = field(default_factory=dict)
    before: str = FIRST
    key: str = ""
    signature: str = ""
    raw: bytes = b""
    approved: dict[str, str] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, Any]:
        """The line without its signature: what is signed. Only where a person was asked does it say who answered."""
        found = {name: getattr(self, name) for name in NAMES}
        return found | ({"approved": self.approved} if self.approved else {})

    @property
    def content(self) -> bytes:
        """`said` as bytes."""
        return _text(self.said)

    @property
    def hash(self) -> str:
        """The SHA-256 of the line."""
        return hashlib.sha256(self.raw).hexdigest()


NAMES = ("number", "what", "runs", "made_of", "before", "key")


@dataclass(frozen=True)
class State:
    """What the ledger says of now.

    Attributes:
        runs: the files of every run that was ever published, as they are to be.
        forgetting: whether people are being forgotten, or a process died that was at it.
    """

    runs: Mapping[str, Files]
    forgetting: bool

    @classmethod
    def after(cls, lines: list[Line]) -> "State":
        """What holds after some lines."""
        runs: dict[str, Files] = {}
        open_ = False
        for line in lines:
            runs |= line.runs
            open_ = {FORGETTING: True, FORGOTTEN: False}.get(line.what, open_)
        return cls(runs, open_)


def read(tables: Path) -> list[Line]:
    """The lines of a ledger, oldest first; a last one that a dying process did not end is no line.

    Raises:
        PublishError: a line is none of ours; it is named.
    """
    return [_parsed(number, raw, tables / FILE) for number, raw in enumerate(_raw(tables), 1)]


def digests(folder: Path) -> Files:
    """The SHA-256 of every file of a run's folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): artifacts.file_sha256(path) for path in files}


def publish(tables: Path, archive: Archive, run_id: str, made_of: Mapping[str, str]) -> None:
    """Write down that a run was published; the same run with the same files twice is once.

    Args:
        tables: the folder of the ledger.
        archive: which has the run's files.
        run_id: the run.
        made_of: see Line.
    """
    found = digests(archive.path(run_id))
    if _state(tables).runs.get(run_id) != found:
        _add(tables, Line(0, PUBLISHED, {run_id: found}, dict(made_of)))


def approve(tables: Path, run_id: str, by: str, at: str) -> None:
    """Write down who let a run be published; the same answer twice is once.

    Args:
        tables: the folder of the ledger.
        run_id: the run, which a line has.
        by, at: the person and the moment of the answer, as the orchestrator says them.
    Raises:
        PublishError: no line has the run.
    """
    said, lines = {"by": by, "at": at}, _readable(tables)
    if (files := State.after(lines).runs.get(run_id)) is None:
        raise PublishError(f"{tables / FILE} has no line of run {run_id}, which {by} approved")
    if not any(line.what == APPROVED and run_id in line.runs and line.approved == said for line in lines):
        _add(tables, Line(0, APPROVED, {run_id: files}, approved=said))


@contextlib.contextmanager
def forgetting(tables: Path, archive: Archive) -> Iterator[None]:
    """Write down what changes in the files of the runs meanwhile, because people are taken out of them.

    A file that somebody had changed before stays one that was changed, also where it is written anew; only where a
    process died that was at the same nobody can tell the two apart, and what is there is taken.
    """
    if not (tables / FILE).is_file():  # nothing was published since there are ledgers
        yield
        return
    state, before = _state(tables), _kept(archive)
    if not state.forgetting:
        _add(tables, Line(0, FORGETTING, {}))
    yield
    changed = {}
    for run_id, files in _kept(archive).items():
        known, was = state.runs.get(run_id), before.get(run_id, {})
        if known is None:
            continue
        is_theirs = {n for n in known.keys() & files.keys() if state.forgetting or was.get(n) == known[n] != files[n]}
        if now := {name: files[name] for name in is_theirs if files[name] != known[name]}:
            changed[run_id] = known | now
    _add(tables, Line(0, FORGOTTEN, changed))


def _state(tables: Path) -> State:
    """What the ledger says of now."""
    return State.after(_readable(tables))


def _readable(tables: Path) -> list[Line]:
    """The lines; what is damaged among them is no reason to publish or to forget nothing."""
    lines = []
    for number, raw in enumerate(_raw(tables), 1):
        try:
            lines.append(_parsed(number, raw, tables / FILE))
        except PublishError as error:
            log.warning("%s; `verify` says what it means", error)
    return lines


def _kept(archive: Archive) -> dict[str, Files]:
    return {path.name.removeprefix(RUN): digests(path) for path in sorted(archive.folder.glob(f"{RUN}*"))}


def _add(tables: Path, line: Line) -> None:
    """Add a line, which gets its place; what a dying process left behind the last one goes."""
    signer, lines = signing.from_environment(), _raw(tables)
    before = hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST
    line = replace(line, number=len(lines) + 1, before=before, key=signer.public if signer else "")
    raw = _text(line.said | {"signature": signer.sign(line.content) if signer else ""})
    with (tables / FILE).open("ab") as file:
        file.truncate(sum(len(one) + 1 for one in lines))
        file.write(raw + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _raw(tables: Path) -> list[bytes]:
    path = tables / FILE
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def _text(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, separators=(",", ":"), sort_keys=True).encode("ascii")


def _parsed(number: int, raw: bytes, path: Path) -> Line:
    try:
        said = json.loads(raw.decode("ascii"))
        line = Line(**said, raw=raw)
        texts = (line.what, line.before, line.key, line.signature, *line.made_of.values(), *line.approved.values())
        digests = [digest for files in line.runs.values() for digest in files.values()]
        whole = all(isinstance(one, str) for one in (*texts, *digests)) and isinstance(line.number, int)
    except (ValueError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise PublishError(f"line {number} of {path} is damaged: somebody changed it, or the disk did")
    return line
