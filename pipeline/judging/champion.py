"""The table tonight is compared with, as it would have been read during the judged window.

Tonight's fusion is judged at a cut-off two weeks back, so its opponent must not know more than was known then:

1. If the champion was judged at the same cut-off (the same week), the lists it was judged by are taken, which are kept
   with its tables: both sides were made with what was known at the cut-off.
2. Otherwise the table that was in use when the window began: the newest one published for a night not after the
   cut-off. It may know a few days less than tonight's lists, never more.
3. Otherwise only the baseline remains: with the first publication, and where no table from then is kept.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features.read import Cutoff
from pipeline.ground import artifacts
from pipeline.ground.lists import Pool
from pipeline.publication import publish, stores, unshaped
from pipeline.publication.night import FALLBACK
from pipeline.published.contract import ActiveRun
from pipeline.settings.config import Config

JUDGED_THERE, IN_USE = "judged at the same cut-off", "in use when the judged window began"
ON = "judged_on"
"""In the report of an evaluation: Setting.judged_on."""


@dataclass(frozen=True)
class Setting:
    """Where tonight is judged.

    Attributes:
        run_date: tonight.
        cutoff: the judged cut-off.
        user_ids: [T] string, its targets.
        item_ids: [I] string, every item known tonight.
        config: where the tables and the lake are.
    """

    run_date: date
    cutoff: date
    user_ids: pa.Array
    item_ids: pa.Array
    config: Config

    @cached_property
    def judged_on(self) -> str:
        """A hash of who is judged and how deep: of others, and of lists that end sooner, no hit could be seen."""
        return artifacts.text_sha256(self.user_ids.to_pylist(), self.config.evaluate.deepest)


@dataclass(frozen=True)
class Champion:
    """The opponent with its lists.

    Attributes:
        run_id: the published run whose lists these are.
        run_date: its night.
        why: why these lists, in words.
        lists: [T, n] item indices per pool, row t is target t, -1 pads; a pool it did not serve is absent.
    """

    run_id: str
    run_date: date
    why: str
    lists: dict[Pool, np.ndarray]

    def __str__(self) -> str:
        return f"the table of {self.run_date} ({self.why})"

    @property
    def identity(self) -> str:
        """Which lists these are, whatever is in them."""
        return _identity(self.run_id, self.why)


def _identity(run_id: str, why: str) -> str:
    return f"{run_id}, {why}"


def judged_path(folder: Path, pool: Pool) -> Path:
    """Where an evaluate folder keeps the final lists of the judged cut-off."""
    return folder / f"judged.{pool}.parquet"


def placed(table: pa.Table, user_ids: pa.Array, item_ids: pa.Array) -> np.ndarray:
    """Rows of user_id, item_id, rank as lists: int32 [T, n], row t is user_ids[t], -1 pads.

    Users who are not asked for are left out; an item that is not known keeps its rank as -1 and can hit nothing.
    """
    rows = pc.index_in(table.column("user_id").combine_chunks(), value_set=user_ids)
    table = table.filter(rows.is_valid())
    owner = rows.drop_null().to_numpy(zero_copy_only=False).astype(np.int64)
    if not len(owner):
        return np.full((len(user_ids), 1), -1, dtype=np.int32)
    items = pc.index_in(table.column("item_id").combine_chunks(), value_set=item_ids).fill_null(-1)
    order = np.lexsort((table.column("rank").to_numpy(), owner))
    owner = owner[order]
    column = np.arange(len(owner)) - np.searchsorted(owner, owner)
    result = np.full((len(user_ids), int(column.max()) + 1), -1, dtype=np.int32)
    result[owner, column] = items.to_numpy(zero_copy_only=False)[order]
    return result


@dataclass(frozen=True)
class Opponent:
    """Which run tonight is compared with, and by which of its lists.

    Attributes:
        run: a published run.
        why: these lists, in words; JUDGED_THERE: those it was judged by; IN_USE: its table; else it has none.
    """

    run: ActiveRun
    why: str

    @property
    def identity(self) -> str:
        """Which lists these are, whatever is in them."""
        return _identity(self.run.run_id, self.why)


@dataclass(frozen=True)
class Judged:
    """What lists must have been judged on to be compared with tonight's.

    Attributes:
        cutoff: the judged cut-off.
        on: see Setting.judged_on; "": whatever it was.
    """

    cutoff: date
    on: str = ""


def choose(config: Config, run_date: date, judged: Judged, same: Callable[[ActiveRun], bool]) -> Opponent | None:
    """Tonight's opponent; None before the first publication.

    It is the run of an earlier night that was active last. If this very night is published already, and with other
    lists than tonight's, it is that one: a night run again with a changed configuration has to stand up to itself, and
    one run again with nothing changed gives the same bytes as the first time.

    Args:
        config: where the tables are.
        run_date: tonight.
        judged: what tonight is judged on.
        same: whether a run's lists as it was judged are tonight's.
    """
    active = publish.active_run(config)
    if active is not None and active.run_date == run_date and _was_judged(active, judged) and not same(active):
        return Opponent(active, JUDGED_THERE)
    earlier = publish.before(config, run_date)
    if earlier is None:
        return None
    if _was_judged(earlier, judged):
        return Opponent(earlier, JUDGED_THERE)
    cutoff, oldest = judged.cutoff, judged.cutoff - timedelta(days=config.horizon_days)
    read = stores.target(config).ever_active()
    kept = (run for run in publish.published_runs(config) if oldest <= run.run_date <= cutoff and run.run_id in read)
    run = next((run for run in kept if (run.folder / "recommendations.parquet").is_file()), None)  # newest first
    return Opponent(earlier, f"no table is kept that was in use on {cutoff}") if run is None else Opponent(run, IN_USE)


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether a finished evaluation was against the opponent that tonight has now: no rollback changed it since."""
    report, files = manifest["report"], manifest["files"]

    def same(run: ActiveRun) -> bool:
        theirs = [judged_path(run.folder, pool) for pool in config.pools]
        return all(
            path.is_file() and files.get(path.name, {}).get("sha256") == artifacts.file_sha256(path) for path in theirs
        )

    judged = Judged(date.fromisoformat(report["judged_cutoff"]), report.get(ON, ""))
    now = choose(config, date.fromisoformat(manifest["run_date"]), judged, same)
    return bool(report.get("opponent") == (now.identity if now else None))


def find(setting: Setting, tonight: dict[Pool, np.ndarray]) -> Champion | None:
    """Tonight's opponent with its lists, see `choose`.

    Args:
        setting: the night and the judged cut-off.
        tonight: the final lists per pool, [T, n].
    """
    judged = Judged(setting.cutoff, setting.judged_on)
    found = choose(setting.config, setting.run_date, judged, lambda run: _same(_judged(run, setting), tonight))
    if found is None:
        return None
    served: dict[Pool, np.ndarray] = {}
    if found.why == JUDGED_THERE:
        served = _judged(found.run, setting)
    elif found.why == IN_USE:
        served = _published(found.run, setting)
    return Champion(found.run.run_id, found.run.run_date, found.why, served)


def keep(setting: Setting, tonight: dict[Pool, np.ndarray], out: Path) -> None:
    """Write tonight's lists of the judged cut-off, for the nights that are judged on the same.

    Args:
        setting, tonight: as of `find`.
        out: the stage's folder.
    """
    for pool, items in tonight.items():
        path, block_users = judged_path(out, pool), setting.config.block_users
        unshaped.write_lists(path, items, setting.user_ids, setting.item_ids, block_users)


def _same(one: dict[Pool, np.ndarray], other: dict[Pool, np.ndarray]) -> bool:
    """Whether two sets of lists show the same, however wide their padding is."""
    return one.keys() == other.keys() and all(_equal(one[pool], other[pool]) for pool in one)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    width = min(one.shape[1], other.shape[1])
    rest = (one[:, width:], other[:, width:])
    return np.array_equal(one[:, :width], other[:, :width]) and all((part < 0).all() for part in rest)


def _was_judged(run: ActiveRun, judged: Judged) -> bool:
    """Whether a run was judged on the same, and the lists it was judged by are kept beside its tables.

    The night's folder in the lake may hold those of another run of the night. A version before did not say on whom.
    """
    if not any(run.folder.glob("judged.*.parquet")):
        return False
    said = _metrics(run)
    same = not judged.on or said.get(ON, judged.on) == judged.on
    return same and bool(said.get("judged_cutoff") == judged.cutoff.isoformat())


def _metrics(run: ActiveRun) -> dict[str, Any]:
    """What was said of a run when it was published; nothing where that is not kept."""
    described = run.folder / "runs.parquet"
    if not described.is_file():
        return {}
    said = pq.read_table(described, columns=["metrics"], partitioning=None).column(0)[0].as_py()
    found: dict[str, Any] = json.loads(said)
    return found


def gone(tonight: Cutoff, opponent: Champion | None, config: Config) -> list[str]:
    """That what people did is known no more, though the table in use was made from it, in words."""
    if not tonight.untouched or opponent is None or not publish.published_lists(config, opponent.run_id).num_rows:
        return []
    return [f"nobody ever did anything, and {opponent} has lists for people: load the history again"]


def fell_back(config: Config, run_date: date) -> frozenset[str]:
    """The pools for which the table in use before a night has the baseline's lists, see fallback."""
    earlier = publish.before(config, run_date)
    said = _metrics(earlier).get(FALLBACK, "") if earlier is not None else ""
    return frozenset(filter(None, said.split(",")))


def _judged(run: ActiveRun, setting: Setting) -> dict[Pool, np.ndarray]:
    """The lists a run was judged by; a pool that it did not have is absent."""
    return {
        pool: placed(pq.read_table(path, partitioning=None), setting.user_ids, setting.item_ids)
        for pool in setting.config.pools
        if (path := judged_path(run.folder, pool)).is_file()
    }


def _published(run: ActiveRun, setting: Setting) -> dict[Pool, np.ndarray]:
    """The lists of a run as its models made them, where they are kept; else those that it published.

    Of these one surface stands for its pool: one that nothing shapes before others, then one without a predicate. One
    that goes by what a row adds stands last: it is not there to be hit.
    """
    ids = (setting.user_ids, setting.item_ids)
    found: dict[Pool, np.ndarray] = {
        pool: placed(pq.read_table(path, partitioning=None), *ids)
        for pool in setting.config.pools
        if (path := unshaped.path(run.folder, pool)).is_file()
    }
    order = sorted(
        setting.config.surfaces, key=lambda one: (one.added is not None, not one.is_plain, one.where != "true", -one.k)
    )
    if len(found) == len(setting.config.pools):
        return found
    table = publish.published_lists(setting.config, run.run_id)
    for surface in order:
        served = table.filter(pc.field("surface") == surface.name)
        pool = setting.config.pool(surface)
        if served.num_rows and pool not in found:
            found[pool] = placed(served, *ids)
    return found
