"""A folder with a bounded sample of a shop's raw files, under their names, which is read as the shop's own is."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.ground import keeping
from pipeline.ground.errors import InputError
from pipeline.intake import inputs, log_files, logs
from pipeline.intake.databases import answers
from pipeline.intake.logs import LogFile
from pipeline.operations.checking import cuts
from pipeline.operations.checking.cuts import Size, Stretch
from pipeline.settings.config import Config
from pipeline.store import urls

ROWS = 150_000
"""Of the log, about: a third from its beginning, its middle and its end."""
BESIDE = 4
"""So many times as many of an input beside it: a catalogue says little of which only a part was read."""
LONG, LONG_PACKED = 1 << 30, 1 << 27
"""Bytes of a file from which only its beginning is looked at, as finding its end takes too long."""
ENDLESS = Size(1 << 60)
PACKED = {".gz", ".zst"}


@dataclass(frozen=True)
class Sampled:
    """What was taken of one file.

    Attributes:
        file: the shop's.
        kind: csv, jsonl or parquet.
        stretches: of its rows.
        is_whole: whether all of them.
    """

    file: LogFile
    kind: str
    stretches: Sequence[Stretch]
    is_whole: bool

    @property
    def number(self) -> int:
        """Lines, without a header, or rows that were taken."""
        return sum(stretch.number for stretch in self.stretches)

    def place(self, row: int) -> int:
        """The number in the file of the line (of a Parquet file, the row) that is the sample's n-th."""
        for stretch in self.stretches:
            if row <= stretch.number:
                return stretch.first + row - 1
            row -= stretch.number
        return self.stretches[-1].end - 1 if self.stretches else row


@dataclass(frozen=True)
class InputSample:
    """What was taken of one input.

    Attributes:
        files: all that match, in the order of their names.
        sampled: those of which something was taken, by their names.
        bytes: of all of them, on the disk.
    """

    files: Sequence[LogFile]
    sampled: Mapping[str, Sampled]
    bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return len(self.sampled) == len(self.files) and all(one.is_whole for one in self.sampled.values())

    @property
    def rows(self) -> int:
        """Lines or rows that were taken."""
        return sum(one.number for one in self.sampled.values())


@dataclass
class Sample:
    """The sample, and the configuration by which it is read.

    Attributes:
        shop: the shop's configuration.
        config: the same with the sample's folder, and an empty home beside it.
        inputs: by their tables' names.
    """

    shop: Config
    config: Config
    inputs: dict[str, InputSample] = field(default_factory=dict)

    def own(self, text: str) -> str:
        """A message about the sample as one about the shop's own files, as far as it names files."""
        for ours, theirs in ((self.config.asked, self.shop.asked), (self.config.folder, self.shop.folder)):
            text = text.replace(str(ours), str(theirs))
        return text

    def copy_of(self, file: LogFile) -> Path:
        """Where the copy of a file stands."""
        name = log_files.name_of(self.shop, file.path)
        return (self.config.asked if file.path.is_relative_to(self.shop.asked) else self.config.folder) / name


def begin(config: Config, scratch: Path) -> Sample:
    """A sample with nothing in it.

    Args:
        config: the shop's.
        scratch: an empty folder.
    Raises:
        InputError: a mapping cannot be read.
    """
    sources = [source for table in inputs.nightly() if (source := table.files(config)) is not None]
    names = [name for source in sources for name in (*source.globs, source.sql)]
    if stored := next((name for name in names if urls.is_url(name)), None):
        raise InputError(f"check looks at files in a folder, not at {stored}: copy some days of it, and check those")
    up = max((name.split("/").count("..") for name in names), default=0)
    folder = scratch.joinpath("sample", *["in"] * up)  # so that ../ does not lead out of the scratch folder
    folder.mkdir(parents=True)
    (scratch / "home").mkdir()
    for source in sources:
        if not (mapping := config.folder / source.sql).is_file():  # which is said where it is read
            continue
        try:
            (folder / source.sql).parent.mkdir(parents=True, exist_ok=True)
            (folder / source.sql).write_bytes(mapping.read_bytes())
        except OSError as error:
            raise InputError(f"{mapping} cannot be read: {error}") from None
    return Sample(config, config.model_copy(update={"home": scratch / "home", "folder": folder}))


def fill(sample: Sample, rows: int = ROWS) -> None:
    """Copy what is looked at of every input's files.

    Args:
        sample: from `begin`.
        rows: of the log, about.
    Raises:
        InputError: a file cannot be read, or holds more than a night takes.
    """
    config, taken = sample.shop, dict[Path, Sampled]()
    if answers.is_any(config):
        keeping.bring(config.asked)
    for table in inputs.nightly():
        if (source := table.files(config)) is None:
            continue
        files = logs.find(source, config)
        kind = logs.format_of(source) if files else ""
        sizes = _Sizes(kind, config)
        sampled = {log_files.name_of(config, f.path): taken[f.path] for f in files if f.path in taken}
        if not sampled:  # files of several inputs are looked at as the first of them wants it
            chosen = choose([f.path for f in files], sizes, rows if table is inputs.EVENTS else rows * BESIDE)
            wanted = [file for file in files if file.path in chosen]
            found = {f: _take(sample, f, kind, sizes(f.path), chosen[f.path]) for f in wanted}
            sampled = {log_files.name_of(config, f.path): one for f, one in found.items()}
            taken |= {f.path: one for f, one in found.items()}
        sample.inputs[table.name] = InputSample(files, sampled, sum(f.path.stat().st_size for f in files))


class _Sizes:
    """What files hold, each counted once."""

    def __init__(self, kind: str, config: Config) -> None:
        self._kind, self._config = kind, config
        self._found: dict[Path, Size] = {}

    def __call__(self, path: Path) -> Size:
        if path not in self._found:
            limit = LONG_PACKED if path.suffix in PACKED else LONG
            is_long = self._kind != "parquet" and path.stat().st_size > limit
            self._found[path] = ENDLESS if is_long else cuts.size(path, self._kind, self._config.ingest)
        return self._found[path]


def choose(paths: Sequence[Path], size: Callable[[Path], Size], rows: int) -> dict[Path, list[Stretch]]:
    """Which stretches of files are looked at: all, or about a third from the beginning, the middle and the end.

    Args:
        paths: in the order of their names, which is mostly that of their days.
        size: of a file; asked only of files of which something may be taken.
        rows: how many, about.
    """
    counted = 0
    for path in paths:
        counted += size(path).number
        if counted > rows:
            break
    else:
        return {path: [Stretch(1, size(path).number)] for path in paths}
    third = rows // 3
    at, line = _middle(paths, size)
    found = [
        *_forward(paths, size, 1, third),
        *_forward(paths[at:], size, line, third),
        *_backward(paths, size, third),
    ]
    return {path: _united([stretch for of, stretch in found if of == path]) for path in {of for of, _ in found}}


def _forward(paths: Sequence[Path], size: Callable[[Path], Size], first: int, rows: int) -> list[tuple[Path, Stretch]]:
    """So many rows from a line of the first file on."""
    found = []
    for path in paths:
        if rows <= 0:
            break
        if (number := min(size(path).number - first + 1, rows)) > 0:
            found.append((path, Stretch(first, number)))
        first, rows = 1, rows - number
    return found


def _middle(paths: Sequence[Path], size: Callable[[Path], Size]) -> tuple[int, int]:
    """The file in which the middle is, by bytes on the disk, and the line there."""
    half = sum(path.stat().st_size for path in paths) / 2
    for at, path in enumerate(paths):
        if (own := path.stat().st_size) > half:
            found = size(path)
            return at, 1 if found is ENDLESS else int(found.number * half / own) + 1
        half -= own
    return len(paths), 1


def _backward(paths: Sequence[Path], size: Callable[[Path], Size], rows: int) -> list[tuple[Path, Stretch]]:
    """So many rows up to the end."""
    found = []
    for path in reversed(paths):
        if rows <= 0:
            break
        number = min(size(path).number, rows)
        found.append((path, Stretch(1 if size(path) is ENDLESS else size(path).number - number + 1, number)))
        rows -= number
    return found


def _united(stretches: Sequence[Stretch]) -> list[Stretch]:
    """The same lines, in order, each once."""
    found: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: s.first):
        if found and stretch.first <= found[-1].end:
            found[-1] = Stretch(found[-1].first, max(found[-1].end, stretch.end) - found[-1].first)
        else:
            found.append(stretch)
    return found


def _take(sample: Sample, file: LogFile, kind: str, size: Size, wanted: Sequence[Stretch]) -> Sampled:
    copy = sample.copy_of(file)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if not size.is_lined or [Stretch(1, size.number)] == list(wanted):
        shutil.copyfile(file.path, copy)
        data = Stretch(2, max(size.number - 1, 0)) if kind == "csv" else Stretch(1, size.number)
        return Sampled(file, kind, [data], is_whole=True)
    return Sampled(file, kind, cuts.cut(file.path, kind, wanted, copy), is_whole=False)
