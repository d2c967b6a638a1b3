"""Item factors that branches fitted together (pipeline.federated), as those of `als`: `als.item_factors_from`.

    <home>/federated/<hash>/items.json       the ids, sorted, of all branches' items
    <home>/federated/<hash>/fit.json         what was fitted of what: see Fit
    <home>/federated/<hash>/YYYY-MM-DD.npy   float32 [I, d], what was known of the items at the end of that day

The hash is of those files, so a night made again has the same factors. No fit is newer than the night, and a cut-off
takes the newest factors that know of nothing after it; a user's own are then solved as ever. Items that no branch had
by then have none, and are on no list of `als` until the next fit.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.settings.config import Config

SHA256 = "sha256:"
"""Before the hash in the setting."""
ALIKE = ("values", "alpha", "floor", "factors", "reg")
"""Settings of [als] that the factors were fitted with, and that users have to be solved with."""
SHOWN = 5
"""So many fits a message names."""


@dataclass(frozen=True)
class Fit:
    """What was fitted.

    Attributes:
        run_date: the last day that any of it knows of.
        cutoffs: the days it was fitted as of, ascending.
        branches: how many took part to the end.
        lost: how many were there at the beginning, and not at the end.
        secure: whether the sums were masked.
        als: the settings that all branches had alike, see ALIKE.
    """

    run_date: str
    cutoffs: list[str]
    branches: int
    lost: int
    secure: bool
    als: dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """Factors that are here.

    Attributes:
        folder: where.
        fit: what was fitted.
        ids: [I] of the items.
    """

    folder: Path
    fit: Fit
    ids: list[str]

    def as_of(self, cutoff: date, ids: list[str]) -> np.ndarray:
        """[N, d] float32 factors of a night's items as of a cut-off; zero where the fit did not know one.

        Raises:
            InputError: all of them know of something after it.
        """
        known = [one for one in self.fit.cutoffs if one <= str(cutoff)]
        if not known:
            raise InputError(
                f"als.item_factors_from: the oldest factors of {self.folder} were fitted as of {self.fit.cutoffs[0]}, "
                f"and the cut-off {cutoff} may read nothing that came after it: name a fit of an older night"
            )
        factors = np.load(self.folder / f"{known[-1]}.npy", allow_pickle=False)
        row = {one: number for number, one in enumerate(self.ids)}
        places = np.array([row.get(one, -1) for one in ids], dtype=np.int64)
        found = np.zeros((len(ids), factors.shape[1]), dtype=np.float32)
        found[places >= 0] = factors[places[places >= 0]]
        return found


def shelf(config: Config) -> Path:
    """Where fits are kept."""
    return config.home / "federated"


def write(folder: Path, fit: Fit, ids: list[str], factors: Mapping[str, np.ndarray]) -> str:
    """Keep a fit: below `folder`, under its hash, which is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    with artifacts.lock(folder):
        partial = folder / ".partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        (partial / "items.json").write_text(json.dumps(ids, ensure_ascii=False) + "\n", encoding="utf-8")
        (partial / "fit.json").write_text(json.dumps(asdict(fit), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        for cutoff in fit.cutoffs:
            np.save(partial / f"{cutoff}.npy", np.asarray(factors[cutoff], dtype=np.float32))
        sha256 = content_hash(partial)
        if not (folder / sha256).exists():
            partial.rename(folder / sha256)
        shutil.rmtree(partial, ignore_errors=True)
    return sha256


def content_hash(folder: Path) -> str:
    """The hash that names a fit, of its files."""
    return artifacts.text_sha256(sorted((path.name, artifacts.file_sha256(path)) for path in folder.iterdir()))


def named(config: Config, setting: str | None) -> Shared | None:
    """The fit that a night's `als` takes its items' factors from; None: its own.

    Args:
        config: the home that has it.
        setting: als.item_factors_from.
    Raises:
        InputError: it is not there, or damaged; or [privacy] asks for noise, which these factors have none of.
    """
    if setting is None:
        return None
    if config.privacy.enabled:
        raise InputError(
            "als.item_factors_from takes factors that no noise covers, and privacy.epsilon_per_fit promises noise: "
            "leave one of the two out"
        )
    keeping.bring(shelf(config))
    sha256 = setting.removeprefix(SHA256)
    folder = shelf(config) / sha256
    if not folder.is_dir():
        raise InputError(
            f"als.item_factors_from: {folder} is not there. A branch writes it at the end of a fit that it takes part "
            f"in: copy it from one that did, or name one of these: {_listed(config)}"
        )
    if content_hash(folder) != sha256:
        raise InputError(
            f"als.item_factors_from: {folder} is not what its name says: copy it again from another branch"
        )
    try:
        fit = Fit(**json.loads((folder / "fit.json").read_text(encoding="utf-8")))
        days = [str(date.fromisoformat(one)) for one in (*fit.cutoffs, fit.run_date)]
        ids = json.loads((folder / "items.json").read_text(encoding="utf-8"))
        whole = days == sorted(days) and isinstance(ids, list) and all(isinstance(one, str) for one in ids)
    except (OSError, TypeError, ValueError):
        whole = False
    if not whole:
        raise InputError(f"als.item_factors_from: {folder} is not what a fit writes: name another one")
    return Shared(folder, fit, ids)


def require_known(shared: Shared, night: date) -> None:
    """Raise InputError where a fit was made after a night: also of older days it knows what arrived later."""
    if shared.fit.run_date > str(night):
        raise InputError(
            f"als.item_factors_from: {shared.folder} was fitted on {shared.fit.run_date}, and the night is {night}: a "
            "night reads nothing that came after it. Name an older fit"
        )


def require_alike(shared: Shared, section: object) -> None:
    """Raise InputError where users would be solved with other settings than the items were."""
    for name in ALIKE:
        theirs, ours = shared.fit.als.get(name), getattr(section, name)
        if theirs != ours:
            raise InputError(
                f"als.item_factors_from: {shared.folder} was fitted with als.{name} = {theirs!r}, and this shop has "
                f"{ours!r}: set als.{name} = {theirs!r}, or fit again"
            )


def _all(config: Config) -> list[tuple[str, str]]:
    """Run date and hash of every fit that is here, oldest first."""
    found = shelf(config).glob("[!.]*/fit.json")
    return sorted((json.loads(path.read_text(encoding="utf-8"))["run_date"], path.parent.name) for path in found)


def _listed(config: Config) -> str:
    shown = [f"{SHA256}{sha256} (of {run_date})" for run_date, sha256 in _all(config)[::-1][:SHOWN]]
    return ", ".join(shown) or "there is none yet"


def older(config: Config) -> set[str]:
    """The hashes of fits that are older than the one in use; a newer one waits to be named."""
    setting = getattr(config, "als").item_factors_from  # noqa: B009 (sources are not fields that a type checker knows)
    fits, name = _all(config), (setting or "").removeprefix(SHA256)
    used = next((run_date for run_date, sha256 in fits if sha256 == name), "")
    return {sha256 for run_date, sha256 in fits if run_date < used}


def report(shared: Shared | None) -> dict[str, Any]:
    """What the manifest says of factors from elsewhere: scalars."""
    if shared is None:
        return {}
    return {"item_factors_from": SHA256 + shared.folder.name, "item_factors_as_of": shared.fit.run_date}
