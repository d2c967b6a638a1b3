"""What drawn slots added to what users did, against what the same draw withheld: every night is a randomised trial.

Of surfaces with `explore.record` each run has a record of what its slots could have shown (publication.withheld). A
pair of user and item is treated where the item stood in the published list, whether or not it was shown (intention to
treat); the next nights draw anew, for both sides alike. What came of it are the days after the night, once they are
over: whether the user acted on the item, or on how many days the user came back.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.intake.inputs import EVENTS
from pipeline.policies import intervals, trials
from pipeline.policies.estimators import Terms
from pipeline.policies.intervals import Estimate
from pipeline.policies.trials import Expected, Pairs, Support
from pipeline.publication import arms, stores, thompson, withheld
from pipeline.published.archive import EXPERIMENT
from pipeline.published.run_ids import is_of_day_so_far, run_date_of
from pipeline.settings.arms import surface_of
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface

By = Literal["actions", "clicks", "visits"]
MOST = 1_000_000
"""Pairs of a surface that are looked at; of more, those of a share of the users, by a hash of their ids."""
PAIRS = pa.schema(
    [
        pa.field("user_id", pa.string()),
        pa.field("run_date", pa.date32()),
        pa.field("chance", pa.float64()),
        pa.field("is_listed", pa.bool_()),
        pa.field("score", pa.float32()),
        pa.field("place", pa.int16()),
        pa.field("acted", pa.float32()),
        pa.field("times", pa.int16()),
        pa.field("age", pa.float32()),
        pa.field("items", pa.int32()),
        pa.field("idle", pa.float32()),
        pa.field("outcome", pa.float64()),
        pa.field("arm", pa.string()),
    ]
)
RECORDED = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("run_date", pa.date32()),
        pa.field("in_arms", pa.bool_()),
        pa.field("rows", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Outcome:
    """What came of a pair.

    Attributes:
        by: "actions": 1 if the user did with the item what the surface is for. "clicks": 1 if the user clicked it, on
            whatever list (outcomes.click_types). "visits": on how many days the user did anything, after the list's
            first day, whatever the item.
        days: within so many; the list's first day is the first one of actions and clicks.
    """

    by: By
    days: int

    def __str__(self) -> str:
        whose = {
            "actions": "pairs whose user acted on the item",
            "clicks": "pairs whose user clicked the item",
            "visits": "days on which the pair's user came back",
        }
        return f"{whose[self.by]}, within {self.days} day{'s' * (self.days != 1)}, per pair"

    @property
    def last(self) -> int:
        """The last day that counts, in days after the list's first one."""
        return self.days if self.by == "visits" else self.days - 1

    def types(self, surface: Surface, config: Config) -> list[str]:
        """The event types that count."""
        if self.by == "clicks":
            return list(config.outcomes.click_types)
        known = config.features.event_types
        if self.by == "visits":
            return list(known)
        return list(surface.goal) or [name for name, kind in known.items() if kind.label]


@dataclass(frozen=True)
class Ranked:
    """How well a score finds the pairs that listing adds most to.

    Attributes:
        area: between its Qini curve and the line of listing pairs by chance, in outcomes per pair.
        shares, gains: the curve, see policies.trials.curve.
    """

    area: Estimate
    shares: list[float]
    gains: list[float]

    @property
    def verdict(self) -> str:
        """In words."""
        if self.area.low > 0:
            return "finds whom listing helps"
        return "puts those first whom it helps less" if self.area.high < 0 else "is not told from chance"


@dataclass(frozen=True)
class Tried:
    """What one surface's slots added, for all users or those of an arm.

    Attributes:
        surface, arm: names; "": all users.
        support: how far the record can tell.
        without, given: outcomes per pair that was withheld, and that was listed, had all been so.
        average: how much listing adds per pair, by inverse chances (Hajek).
        modelled: the same, doubly robust.
        score: the published score; uplift: what a model foretells that listing adds, learned of other users.
        better: by how much the area of `uplift` is above that of `score`.
    """

    surface: str
    arm: str
    support: Support
    without: float
    given: float
    average: Estimate
    modelled: Estimate
    score: Ranked
    uplift: Ranked
    better: Estimate

    @property
    def name(self) -> str:
        """The surface, and the arm where it is of one."""
        return f"{self.surface}, {self.arm}" if self.arm else self.surface

    @property
    def verdict(self) -> str:
        """In words: what listing adds, and what the scores know of it; or why there is no verdict."""
        if (refusal := self.support.refusal()) is not None:
            return f"no verdict: {refusal}"
        told = "listing makes no difference that can be told"
        if self.modelled.low > 0 or self.modelled.high < 0:
            told = f"listing {'adds' if self.modelled.low > 0 else 'takes away'}"
        return f"{told}; the score {self.score.verdict}; the foretold uplift {self.uplift.verdict}"


@dataclass(frozen=True)
class Log:
    """What is known of what users did.

    Attributes:
        nights: the partitions of the events.
        last: the last day that is known.
    """

    nights: Sequence[Path]
    last: date


def wanted(config: Config) -> list[Surface]:
    """The surfaces whose draws are recorded, for everybody or in an arm of an experiment, by name."""
    found = []
    for surface in config.surfaces:
        each = (surface, *(surface_of(surface, arm) for arm in config.experiment.arms))
        if any(one.explore is not None and one.explore.record > 0 for one in each):
            found.append(surface)
    return sorted(found, key=lambda surface: surface.name)


def recorded(surface: str, through: date, config: Config) -> pa.Table:
    """RECORDED of a surface: the kept runs that readers have seen, of each night the one loaded last, oldest first.

    Args:
        surface: its name.
        through: the last night whose run counts.
        config: the target.
    """
    target, archive = stores.target(config), stores.archive(config)
    loaded, ever, of_night = target.loaded(), target.ever_active(), dict[date, str]()
    for run_id in loaded:
        if run_id in ever and not is_of_day_so_far(run_id) and run_date_of(run_id) <= through:
            of_night.setdefault(run_date_of(run_id), run_id)
    rows = []
    for night in sorted(of_night):
        folder = archive.path(of_night[night])
        if (path := folder / withheld.FILE.format(surface)).is_file():
            rows.append({"file": str(path), "run_date": night, "in_arms": _in_arms(folder, config)})
            rows[-1]["rows"] = pq.read_metadata(path).num_rows
    return pa.Table.from_pylist(rows, schema=RECORDED)


def _in_arms(run: Path, config: Config) -> bool:
    """Whether a run's users were in the arms of today's experiment."""
    path = run / EXPERIMENT
    return path.is_file() and config.experiment.is_of(json.loads(path.read_text(encoding="utf-8")))


def judge(connection: Any, surface: Surface, by: Outcome, log: Log, config: Config) -> list[Tried]:
    """What a surface's slots added: for all users, and of each arm of an experiment.

    Args:
        connection: an in-memory DuckDB.
        surface: whose runs' records are read.
        by: what counts.
        log: what users did.
        config: `evaluate.resamples`, the experiment.
    Returns:
        Nothing where nothing is recorded whose days are over.
    """
    pairs = pairs_of(connection, surface, by, log, config)
    if pairs is None:
        return []
    found = [_tried(surface.name, "", pairs, config)]
    named = [arm.name for arm in config.experiment.arms]
    parts = ((name, pairs.filter(pc.equal(pairs.column("arm"), name))) for name in named)
    return found + [_tried(surface.name, name, part, config) for name, part in parts if len(part)]


def pairs_of(connection: Any, surface: Surface, by: Outcome, log: Log, config: Config) -> pa.Table | None:
    """PAIRS of a surface, by user, night and place; None where none is recorded. Arguments as `judge`.

    Of records that do not say what was known of their pairs before, acted to idle are null.
    """
    runs = recorded(surface.name, log.last - timedelta(days=by.last + 1), config)
    rows = pc.sum(runs.column("rows")).as_py()
    if not rows:
        return None
    sql.execute(connection, "experiment/macros").fetchall()
    tables = {"recorded": runs, "arms": arms.table(config.experiment)}
    given = _counted(surface, by, config) | {
        "records": runs.column("file").to_pylist(),
        "share": min(1.0, MOST / rows),
        "partitions": [str(EVENTS.path(night)) for night in log.nights],
        "oldest": runs.column("run_date")[0].as_py() + timedelta(days=1),
        "last": log.last,
        "salt": config.experiment.key,
    }
    return sql.query(connection, "outcomes/withheld", PAIRS, tables, **given)


def _counted(surface: Surface, by: Outcome, config: Config) -> dict[str, Any]:
    """What `outcomes/withheld.sql` is told of what counts."""
    types, known, visits = by.types(surface, config), config.features.event_types, by.by == "visits"
    neutral = [known[name].neutral if name in known else None for name in types]
    return {"names": types, "neutral": neutral, "visits": visits, "since": int(visits), "until": by.last}


def _tried(surface: str, arm: str, rows: pa.Table, config: Config) -> Tried:
    user = rows.column("user_id").combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    listed = rows.column("is_listed").to_numpy()
    pairs = Pairs(listed, rows.column("outcome").to_numpy(), rows.column("chance").to_numpy(), user)
    score = rows.column("score").to_numpy().astype(np.float64)
    features = np.column_stack([thompson.log_odds(score), rows.column("place").to_numpy()])
    expected = Expected.learned(pairs, features, config.seed, config.threads)
    plain, robust = (trials.effects(pairs, one) for one in (Expected.by_mean(pairs), expected))
    uplift = trials.foretold(pairs, features, config.seed, config.threads)
    by_score, by_uplift = (trials.qini(pairs, robust, by) for by in (score, uplift))
    without, given = pairs.means
    return Tried(
        surface,
        arm,
        Support.of(pairs),
        without=without,
        given=given,
        average=_estimate(trials.average(pairs, plain), config),
        modelled=_estimate(trials.average(pairs, robust), config),
        score=Ranked(_estimate(by_score, config), *_drawn(robust, score)),
        uplift=Ranked(_estimate(by_uplift, config), *_drawn(robust, uplift)),
        better=_estimate(trials.less(by_uplift, by_score), config),
    )


def _drawn(gained: np.ndarray, score: np.ndarray) -> tuple[list[float], list[float]]:
    shares, gains = trials.curve(gained, score)
    return shares.tolist(), gains.tolist()


def _estimate(terms: Terms, config: Config) -> Estimate:
    return intervals.interval(terms, config.evaluate.resamples, config.seed)
