"""Why a user is shown an item, and why not: what each source and each kind of knowledge adds to the score, and which
rule of a surface leaves the item out. Read from the night in the lake that the active run was made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.explanation.drivers import ANYBODY, KINDS
from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.ground.terminal import clean, fit_line, table
from pipeline.intake import ids
from pipeline.operations import being_read, bringing, stages
from pipeline.operations.explaining import reading
from pipeline.operations.explaining.removed import why_not
from pipeline.privacy import pseudonyms
from pipeline.publication import arms, editorial, stores
from pipeline.publication.night import Night
from pipeline.publication.tables import recommendations
from pipeline.published.contract import ActiveRun
from pipeline.published.run_ids import is_of_day_so_far
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface
from pipeline.sources import SOURCES

READ = ("features", *SOURCES, "fusion", "ensemble", "evaluate", "publish")
"""Stages that are read; of a shop with checks of content, that stage too."""
SMALL = 0.005
"""Log-odds of drivers that are told together."""


def item(config: Config, user_id: str, item_id: str, surface: str | None = None) -> str:
    """Why a user is shown an item on each surface, or is not.

    Args:
        config: the configuration, of the same settings as the night's.
        user_id, item_id: the outside ids, any text.
        surface: only this list.
    Raises:
        InputError: nothing is published, the night has left the lake or was run again since, it was run with other
            settings, there is no such surface, or no such user or item in that night.
    """
    names = [one.name for one in config.surfaces]
    if surface is not None and surface not in names:
        raise InputError(f"there is no surface '{surface}'; the surfaces are {', '.join(names)}")
    bringing.nights(config, _read(config))
    active = being_read.run(config)
    if is_of_day_so_far(active.run_id):
        raise InputError(f"{being_read.described(active)}, is of a day that was not over: its night can be explained")
    folders = _folders(config, active)
    with sql.connect(config.threads, config.memory_limit_mb, timezone=config.timezone) as connection:
        night = _night(config, active, folders, connection)
        pair = _Pair.of(night, user_id, item_id)
        title = night.items.column("title")[pair.item].as_py()
        lines = [
            fit_line(f"user {clean(user_id)} · item {clean(pair.item_id)} {clean(title or '')}"),
            f"from {being_read.described(active)}",
        ]
        lines += [fit_line(said) for said in _aside(night, active, folders, pair)]
        rows = _published(config, active, pair)
        for one in config.surfaces:
            if surface in (None, one.name):
                lines += ["", *_of_surface(night, one, pair, rows[one.name])]
    return "\n".join(lines)


def _night(config: Config, active: ActiveRun, folders: dict[str, Path], connection: duckdb.DuckDBPyConnection) -> Night:
    """The night as publication read it; published outcomes have no say in a list."""
    return Night(
        features=folders["features"],
        sources={name: folders[name] for name in SOURCES},
        ensemble=folders["ensemble"],
        outcomes=folders["publish"],
        evaluate=folders["evaluate"],
        run_date=active.run_date,
        run_id=active.run_id,
        config=config,
        connection=connection,
        scratch=folders["publish"],
        rules=editorial.read(config, active.run_date),
        fusion=folders["fusion"],
        words={"content": folders["content"]} if "content" in folders else {},
    )


@dataclass(frozen=True)
class _Pair:
    """Who and what is asked about.

    Attributes:
        user_id: as it is stored; user: its index, target: its row among the targets.
        item_id: as it is stored; item: its index.
    """

    user_id: str
    user: int
    target: int
    item_id: str
    item: int

    @classmethod
    def of(cls, night: Night, user_id: str, item_id: str) -> "_Pair":
        known, item = _found(night.items.column("item_id"), [*dict.fromkeys([ids.canonical(item_id), item_id])])
        if item < 0:
            raise InputError(f"item '{clean(item_id)}' is unknown to the night of {night.run_date}")
        forms = [pseudonyms.stored(night.config, form) for form in [ids.canonical(user_id), *ids.forms(user_id)]]
        stored, user = _found(night.users.column("user_id"), list(dict.fromkeys(forms)))
        targets = night.cutoff.targets()
        target = int(np.searchsorted(targets, user)) if user >= 0 else -1
        if user < 0 or target == len(targets) or targets[target] != user:
            raise InputError(
                f"user '{clean(user_id)}' is unknown to the night of {night.run_date}, or had no history then, and "
                "gets what is popular: nightjar show --user says what"
            )
        return cls(stored, user, target, known, item)


def _aside(night: Night, active: ActiveRun, folders: dict[str, Path], pair: _Pair) -> list[str]:
    """What has a say in a list and is not looked at."""
    said = []
    if (arm := arms.of_user(active, pair.user_id)) is not None:
        said.append(f"{arm}: settings of an arm are not looked at, and another list of its own is not explained")
    if night.rules.digest != artifacts.read_manifest(folders["publish"])["report"].get("editorial", ""):
        said.append("editors have changed their rules since: those of now are told")
    return said


def _found(column: pa.ChunkedArray, wanted: list[str]) -> tuple[str, int]:
    """The first of the wanted ids that a column has, and its row; "" and -1: none."""
    for one in wanted:
        if (row := pc.index(column, one).as_py()) >= 0:
            return one, row
    return "", -1


def _read(config: Config) -> tuple[str, ...]:
    return (*READ, "content") if config.content.enabled else READ


def _folders(config: Config, active: ActiveRun) -> dict[str, Path]:
    """The folders of the stages that the active run was made of."""
    lake = being_read.lake(config, active)
    folders = {name: artifacts.stage_dir(lake, name, active.run_date) for name in _read(config)}
    missing = [folder for folder in folders.values() if not _is_whole(folder)]
    if missing:
        raise InputError(
            f"{missing[0]} is not there or not whole, so the run cannot be explained: retention, prune and forget "
            f"remove what old nights were made of (run the night {active.run_date} again)"
        )
    run_id = artifacts.read_manifest(folders["publish"])["report"].get("run_id")
    if run_id != active.run_id:
        raise InputError(
            f"the lake holds what run {run_id} was made of, and {active.run_id} is active: publish the night "
            f"{active.run_date} again, or go back to that run (nightjar rollback --to {run_id})"
        )
    _require_settings(config, folders)
    return folders


def _is_whole(folder: Path) -> bool:
    """Whether a stage's folder is finished, and has every file that it was finished with."""
    return artifacts.is_finished(folder) and all(
        (folder / name).is_file() for name in artifacts.read_manifest(folder)["files"]
    )


def _require_settings(config: Config, folders: dict[str, Path]) -> None:
    """Refuse settings under which the night would have other lists."""
    manifests = {name: artifacts.read_manifest(folder) for name, folder in folders.items()}
    others = [
        name
        for name, manifest in manifests.items()
        if name != "publish" and manifest["config_hash"] != stages.settings_hash(name, config)
    ]
    if manifests["publish"]["config"]["surfaces"] != config.model_dump(mode="json", include={"surfaces"})["surfaces"]:
        others.append("surfaces")
    if others:
        raise InputError(
            f"the night was run with other settings ({', '.join(others)}): explain it with those, NIGHTJAR_PROFILE and "
            "--set included"
        )


def _published(config: Config, active: ActiveRun, pair: _Pair) -> dict[str, list[dict[str, Any]]]:
    """The user's published rows by surface."""
    most = max(one.k for one in config.surfaces)
    read, schema = stores.target(config).read, recommendations.TABLE.schema
    rows = read(active.run_id, "show_lists", schema, user_id=pair.user_id, k=most).to_pylist()
    return {one.name: [row for row in rows if row["surface"] == one.name] for one in config.surfaces}


def _of_surface(night: Night, surface: Surface, pair: _Pair, rows: list[dict[str, Any]]) -> list[str]:
    row = next((one for one in rows if one["item_id"] == pair.item_id), None)
    gave_up = night.config.pool(surface) in night.fallen_back
    found = reading.of_pair(night, surface, pair.target, pair.item, None if row is None else row["score"])
    if row is None:
        shown = pc.index_in(pa.array([one["item_id"] for one in rows], pa.string()), night.items.column("item_id"))
        said = why_not(night, surface, (pair.target, pair.item), pc.fill_null(shown, -1).to_numpy())
        lines = [f"{surface.name}: not shown", *(fit_line(f"  {one}") for one in said)]
    else:
        lines = [
            f"{surface.name}: rank {row['rank']}, score {row['score']:.4f}",
            fit_line(f"  {clean(row['reason'])} ({clean(row['source'])})"),
        ]
    if gave_up:
        lines.append("  the gate found nothing better than best-sellers: everybody's list is theirs")
    elif found.drivers:
        lines += ["", *_drivers(found)]
    elif found.rank:
        lines.append("  nothing could be learned yet: the score is the share of all users who act on it")
    return [*lines, *(fit_line(f"  {one}") for one in _ranks(found))]


def _drivers(found: reading.OfPair) -> list[str]:
    """A table of what each driver adds, the most first."""
    told = {name: value for name, value in found.drivers.items() if abs(value) >= SMALL}
    rest = round(sum(found.drivers.values()), 2) - sum(round(value, 2) for value in told.values())
    order = sorted(told, key=lambda name: (name != ANYBODY, -abs(told[name])))
    cells = [[name, f"{told[name]:+.2f}", KINDS.get(name, "the list of this name")] for name in order]
    if abs(rest) >= SMALL:
        cells.append(["others", f"{rest:+.2f}", "those of less than that each, and what rounding lost"])
    total = sum(found.drivers.values())
    cells.append(["log-odds", f"{total:+.2f}", f"a chance of {1 / (1 + np.exp(-total)):.4f}"])
    return [
        "  " + line for line in table(["driver", "adds", "what it is"], cells, right=["adds"], squeeze="what it is")
    ]


def _ranks(found: reading.OfPair) -> list[str]:
    """Where the lists have the item."""
    final = [f"place {found.rank} of the final list"] if found.rank else ["not in the final list"]
    listed = ", ".join(f"{name} {rank}" for name, rank in sorted(found.ranks.items(), key=lambda one: one[1]))
    return [*final, f"lists that have it: {listed}" if listed else "no source's list has it"]
