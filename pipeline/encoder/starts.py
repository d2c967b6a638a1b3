"""The tuned encoder of another shop, as the start of this one's tunings: `fine_tune.start_from`, PATH@sha256:HASH.

    <home>/starts/<hash>/    what transformers reads of the other home's folder `encoder`, encoder.json, training.json

The hash is of those files, so that a night begins with the same encoder whatever the other home does meanwhile. They
are copied once, so that it may prune its nights, or be gone. The other home is only read, and without a lock: what is
copied is compared with what its manifest says.
"""

import fnmatch
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained
from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config
from pipeline.settings.sections.fine_tune import HASH_OF
from pipeline.store import homes, urls

PART, USE, ENDED, WORDS = "encoder", "encoder.json", "training.json", "lexicon.json"
SHAPE = (
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
    "max_position_embeddings",
)  # fmt: skip
"""What two encoders' config.json must have in common for the one to stand where the other does."""
SHOWN = 5
"""So many encoders of the other home a message names."""


@dataclass(frozen=True)
class Start:
    """Another shop's encoder.

    Attributes:
        folder: where its files are.
        sha256: of its content.
    """

    folder: Path
    sha256: str


@dataclass(frozen=True)
class Found:
    """An encoder in the other home.

    Attributes:
        night: the stage's folder of the first night that has it.
        files: SHA-256 of each of its files, by name.
        tuned_at: the day it was tuned; it has learned of nothing later.
    """

    night: Path
    files: Mapping[str, str]
    tuned_at: str

    @property
    def sha256(self) -> str:
        """Of all files."""
        return content_hash(self.files)


def shelf(config: Config) -> Path:
    """Where the copies are."""
    return config.home / "starts"


def content_hash(files: Mapping[str, str]) -> str:
    """The hash that names an encoder, of the SHA-256 of each of its files by name."""
    return artifacts.text_sha256(sorted(files.items()))


def of(night: date, config: Config) -> Start | None:
    """The encoder that a night's tuning starts from; None: the pretrained one. Copies it where it is not here yet.

    Args:
        night: nothing is started from an encoder that was tuned later.
        config: fine_tune.start_from.
    Raises:
        InputError: the home is not there, has no such encoder, or one that this shop's tunings cannot go on from.
    """
    if config.fine_tune.start_from is None:
        return None
    place, sha256 = config.fine_tune.start
    start = Start(shelf(config) / (sha256 or ""), sha256 or "")
    keeping.bring(shelf(config))
    if sha256 is None or not _is_whole(start):
        _bring(place, start, night, config)
    _require_known(start, night)
    _require_like(start, config)
    return start


def _bring(place: str, start: Start, night: date, config: Config) -> None:
    """Copy an encoder of the other home.

    Raises:
        InputError: the home has no such encoder.
    """
    found = _nights(place, config)
    if not start.sha256:
        raise InputError(
            f"fine_tune.start_from says whose encoder, and not which: write it as {place}{HASH_OF}HASH, with one of "
            f"these hashes: {_listed(found, night)}"
        )
    wanted = next((one for one in found if one.sha256 == start.sha256), None)
    if wanted is None:
        raise InputError(
            f"fine_tune.start_from: {place} has no encoder {HASH_OF[1:]}{start.sha256}: its nights were pruned or made "
            f"again, or the hash is another's. Take one of its own: {_listed(found, night)}"
        )
    with artifacts.lock(shelf(config)):
        if not _is_whole(start):
            _copy(wanted, start)


def _nights(place: str, config: Config) -> list[Found]:
    """The different encoders of the other home, oldest first."""
    home = homes.folder_of(place) if urls.is_url(place) else (config.folder / Path(place).expanduser()).resolve()
    if home == config.home.resolve():
        raise InputError(f"fine_tune.start_from: {place} is this shop's own home: see fine_tune.warm_starts")
    if (mirror := homes.mirror_of(home)) is not None:
        mirror.refresh("lake/fine_tune")
    elif not home.is_dir():
        raise InputError(f"fine_tune.start_from: {home} is not there: name the home of the other shop, or mount it")
    found: dict[str, Found] = {}
    for folder in artifacts.partitions_until(home / "lake", "fine_tune", date.max):
        if (one := _of_night(folder)) is not None:
            found.setdefault(one.sha256, one)
    if not found:
        raise InputError(
            f"fine_tune.start_from: {place} has no night with a tuned encoder below lake/fine_tune: "
            "name a home whose stage 'fine_tune' is finished, of a shop with fine_tune.model and not encode_with static"
        )
    return list(found.values())


def _of_night(folder: Path) -> Found | None:
    """The encoder of a night, by its manifest alone; None where it has none."""
    manifest = artifacts.read_manifest(folder)
    files = {
        name.removeprefix(f"{PART}/"): entry["sha256"]
        for name, entry in manifest["files"].items()
        if name.startswith(f"{PART}/") and _is_needed(name.removeprefix(f"{PART}/"))
    }
    tuned_at = manifest.get("report", {}).get("tuned_at")
    return Found(folder, files, tuned_at) if tuned_at and "config.json" in files else None


def _is_needed(name: str) -> bool:
    """Whether a file says what the encoder computes, or how it was trained: none that has the other shop's words, and
    none outside its folder, whatever the other home's manifest calls it."""
    inside = not name.startswith("/") and ".." not in PurePosixPath(name).parts
    return inside and name != WORDS and any(fnmatch.fnmatch(name, pattern) for pattern in pretrained.FILES)


def _listed(found: list[Found], night: date) -> str:
    """The newest encoders that a night may start from, for people."""
    known = sorted((one.tuned_at, one.sha256) for one in found if one.tuned_at <= str(night))[-SHOWN:]
    if not known:
        return f"none, as the oldest was tuned on {min(one.tuned_at for one in found)}, after the night {night}"
    return ", ".join(f"{sha256} (tuned on {tuned_at})" for tuned_at, sha256 in reversed(known))


def _copy(found: Found, start: Start) -> None:
    keeping.fetch(found.night, [f"{PART}/{name}" for name in found.files])
    partial = start.folder.with_name(f".{start.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, sha256 in found.files.items():
        source, target = found.night / PART / name, partial / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise InputError(
                f"{source} cannot be read ({error.strerror}): run that home's stage fine_tune again"
            ) from None
        if artifacts.file_sha256(target) != sha256:
            raise InputError(f"{source} is not what its manifest says: run that home's stage fine_tune again")
    shutil.rmtree(start.folder, ignore_errors=True)
    partial.rename(start.folder)


def _is_whole(start: Start) -> bool:
    """Whether the copy has all files that its hash is of, undamaged."""
    paths = sorted(path for path in start.folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(start.folder).as_posix(): artifacts.file_sha256(path) for path in paths}
    return content_hash(hashes) == start.sha256


def _require_known(start: Start, night: date) -> None:
    tuned_at = json.loads((start.folder / ENDED).read_text())["tuned_at"]
    if tuned_at > str(night):
        raise InputError(
            f"fine_tune.start_from: the encoder was tuned on {tuned_at}, and the night is {night}: a night reads "
            "nothing that came after it. Take an older encoder, or begin later"
        )


def _require_like(start: Start, config: Config) -> None:
    """Refuse an encoder that is no tuning of the shop's own fine_tune.model."""
    section = config.fine_tune
    base = pretrained.resolve(section.model, section.revision)
    for problem in _unlike(start.folder, base, config):
        raise InputError(
            f"fine_tune.start_from: {problem}. It takes an encoder that was tuned from fine_tune.model "
            f"({section.model}): name the model that the other shop names, or another home"
        )


def _unlike(folder: Path, base: Path, config: Config) -> Iterator[str]:
    section, use = config.fine_tune, json.loads((folder / USE).read_text())
    if (folder / encoders.HEAD).is_file() or (folder / encoders.ADAPTER).is_dir():
        yield f"{folder} was trained with mode 'head' or 'prefix', and is not whole without its part"
    theirs, ours = (json.loads((path / "config.json").read_text()) for path in (folder, base))
    ours |= {} if section.layers is None else {"num_hidden_layers": section.layers}
    for name in SHAPE:
        if theirs.get(name) != ours.get(name):
            yield f"{folder / 'config.json'} has {name} {theirs.get(name)}, and the model {ours.get(name)}"
    trained = json.loads((folder / ENDED).read_text())
    if trained.get("base") not in (None, pretrained.weights_hash(base)):
        yield f"{folder / ENDED} says that it was tuned from another model of the same shape"
    pooling = pretrained.pooling_of(base, section.model) if section.pooling == "auto" else section.pooling
    prefix = pretrained.prefix_of(section.model) if section.prefix is None else section.prefix
    for name, wanted in (("pooling", pooling), ("prefix", prefix)):
        if use.get(name) != wanted:
            yield f"{folder / USE} has {name} {use.get(name)!r}, and fine_tune {wanted!r}"


def is_named(name: str, config: Config) -> bool:
    """Whether the configuration starts from the copy of this name."""
    return config.fine_tune.start[1] == name
