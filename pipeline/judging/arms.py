"""What came of an experiment's arms: per user and day, added up since it began, looked at every night.

Counted are all users of an arm who had a list, also those who did nothing: whether somebody acts is what an arm may
change. A day belongs to the run whose lists were shown on it, that of the newest published night before it, and counts
once, as far as it has arrived by the night after it; what arrives later is missing for all arms alike. A night goes on
from what the one before it knew; where that is not kept (pruned, or somebody was erased), from the runs that are.
Nights whose arms were others than those of tonight's settings do not count.

    out/arms.json            of which experiment, and up to which day
    out/arms.parquet         LOOKS, one row per day that was looked at, surface, arm and measure
    out/arm_users.parquet    USERS, what is known of each user so far
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, sql
from pipeline.policies import sequences
from pipeline.policies.sequences import Sums
from pipeline.publication import arms, stores
from pipeline.publication.tables.recommendations import TABLE as RECOMMENDATIONS
from pipeline.published.archive import EXPERIMENT
from pipeline.published.run_ids import run_date_of
from pipeline.settings.config import Config
from pipeline.settings.sections.experiment import Experiment

STATE_FILE, LOOKS_FILE, USERS_FILE = "arms.json", "arms.parquet", "arm_users.parquet"
MEASURES = ("actions", "hits", "clicks")
LEVEL = 0.95
USERS = pa.schema(
    [pa.field(name, pa.string()) for name in ("surface", "user_id", "arm")]
    + [pa.field(name, pa.int64()) for name in ("days", *MEASURES)]
)
SPANS = pa.schema(
    [
        pa.field("run_id", pa.string()),
        pa.field("first_day", pa.date32()),
        pa.field("last_day", pa.date32()),
        pa.field("days", pa.int64()),
    ]
)
SUMS = pa.schema(
    [pa.field(name, pa.string()) for name in ("surface", "arm", "measure")]
    + [pa.field(name, pa.int64()) for name in ("users", "active")]
    + [pa.field(name, pa.float64()) for name in ("n", "nn", "s", "ss", "sn")]
)
LOOKS = pa.schema(
    [pa.field("day", pa.date32())]
    + [pa.field(name, pa.string()) for name in ("surface", "arm", "measure")]
    + [pa.field(name, pa.int64()) for name in ("users", "user_days", "total")]
    + [pa.field(name, pa.float64()) for name in ("mean", "difference", "low", "high", "first")]
)
"""Means and differences are per user and day; of the control, and where nothing can be said yet, the last are null."""


@dataclass(frozen=True)
class Known:
    """What a night knows of an experiment.

    Attributes:
        experiment: as Experiment.made_of has it.
        through: the last day that counts; None: none does yet.
        looks: LOOKS, oldest first.
        folder: the stage's, whose USERS it is.
    """

    experiment: Mapping[str, Any]
    through: date | None
    looks: pa.Table
    folder: Path


def read(folder: Path, experiment: Experiment) -> Known | None:
    """What a finished stage `outcomes` knows of an experiment; None where it is of none, or of another."""
    if not experiment.arms or not (folder / STATE_FILE).is_file():
        return None
    said = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    if not experiment.is_of(said["experiment"]):
        return None
    through = date.fromisoformat(said["through"]) if said["through"] else None
    return Known(experiment.made_of, through, pq.ParquetFile(folder / LOOKS_FILE).read(), folder)


def latest(config: Config, night: date) -> Known | None:
    """What the newest night up to one knows of the experiment of the settings; None: nothing."""
    for folder in reversed(artifacts.partitions_until(config.lake_of_nights, "outcomes", night)):
        if (found := read(folder, config.experiment)) is not None:
            return found
    return None


def write(connection: Any, judged: Collection[str], run_date: date, config: Config, out: Path) -> None:
    """Write what tonight knows of the experiment, where there is one.

    Args:
        connection: with the tables of the stage: since, surfaces, wishes, wished_items.
        judged: the runs whose days `since` covers.
        run_date: tonight.
        config: the experiment, `evaluate.k`.
        out: the stage's folder.
    """
    experiment = config.experiment
    if not experiment.arms or experiment.since is None or run_date <= experiment.since or config.until is not None:
        return
    before = latest(config, run_date - timedelta(days=1))
    known = before.through if before else None
    counted = [span for span in spans(config, run_date, known) if span["run_id"] in judged]
    through = max((span["last_day"] for span in counted), default=known)
    users, looks = _users(connection, counted, before, config), before.looks if before else LOOKS.empty_table()
    if counted and through is not None:
        looks = pa.concat_tables([looks, _look(connection, users, looks, through, experiment)])
    said = {"experiment": experiment.made_of, "through": through.isoformat() if through else None}
    (out / STATE_FILE).write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    pq.write_table(looks, out / LOOKS_FILE, compression="zstd")
    pq.write_table(users, out / USERS_FILE, compression="zstd")


def spans(config: Config, run_date: date, through: date | None) -> list[dict[str, Any]]:
    """SPANS: the days up to tonight, after `through`, that lists of the experiment's runs were shown on, by run."""
    target, archive = stores.target(config), stores.archive(config)
    ever = target.ever_active()
    shown: dict[date, str] = {}  # by night the run that was loaded last
    for run_id in target.loaded():
        if run_id in ever and run_date_of(run_id) < run_date:
            shown.setdefault(run_date_of(run_id), run_id)
    nights = sorted(shown)
    found = []
    for night, following in zip(nights, [*nights[1:], run_date], strict=True):
        first = max(night, through or night) + timedelta(days=1)
        said = archive.path(shown[night]) / EXPERIMENT
        if first <= following and said.is_file() and _same(said, config.experiment):
            span = {"run_id": shown[night], "first_day": first, "last_day": following}
            found.append(span | {"days": (following - first).days + 1})
    return found


def _same(path: Path, experiment: Experiment) -> bool:
    return experiment.is_of(json.loads(path.read_text(encoding="utf-8")))


def _users(connection: Any, counted: list[dict[str, Any]], before: Known | None, config: Config) -> pa.Table:
    """USERS, as far as is known tonight."""
    known = pq.ParquetFile(before.folder / USERS_FILE).read() if before else USERS.empty_table()
    if not counted:
        return known
    sql.execute(connection, "experiment/macros").fetchall()
    given = {"spans": pa.Table.from_pylist(counted, schema=SPANS), "arms": arms.table(config.experiment)}
    archive = stores.archive(config)
    lists = [str(archive.path(span["run_id"]) / RECOMMENDATIONS.file) for span in counted]
    params: dict[str, Any] = {"lists": lists, "k": config.evaluate.k, "salt": config.experiment.key}
    params["surfaces"] = list(config.experiment.surfaces)
    tonight = sql.query(connection, "experiment/arm_days", USERS, given, **params)
    return sql.query(connection, "experiment/so_far", USERS, {"arms_before": known, "arms_tonight": tonight})


def _look(connection: Any, users: pa.Table, earlier: pa.Table, day: date, experiment: Experiment) -> pa.Table:
    """LOOKS of one day."""
    rows = sql.query(connection, "experiment/sums", SUMS, {"arms_so_far": users}).to_pylist()
    names = ("surface", "arm", "measure")
    of = {tuple(row.pop(name) for name in names): Sums(**row) for row in rows}
    first = {
        tuple(row[name] for name in names): row["first"] for row in earlier.to_pylist() if row["first"] is not None
    }
    level = 1 - (1 - LEVEL) / (len(experiment.arms) - 1)  # so that all arms' intervals hold together
    found = []
    for (surface, arm, measure), sums in of.items():
        row = {"day": day, "surface": surface, "arm": arm, "measure": measure, "users": sums.users}
        row |= {"user_days": int(sums.n), "total": int(sums.s), "mean": sums.mean}
        control = of.get((surface, experiment.control.name, measure))
        if arm != experiment.control.name and control is not None:
            row["difference"] = sums.mean - control.mean
            if (look := sequences.look(sums, control, first.get((surface, arm, measure)), level)) is not None:
                row |= {"low": look.low, "high": look.high, "first": look.first}
        found.append(row)
    return pa.Table.from_pylist(found, schema=LOOKS)
