"""What is known of every night: how its table was judged, what came of it, what its logs were like, what it cost.

Of a night that has left the lake the published runs still remember how it was judged; the rest is unknown then.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts
from pipeline.judging.evaluate import REPORT
from pipeline.judging.report.page import title
from pipeline.publication import publish, stores
from pipeline.publication.night import FALLBACK
from pipeline.publication.tables.recommendation_outcomes import TABLE as OUTCOMES
from pipeline.published.contract import ActiveRun
from pipeline.published.run_ids import is_of_day_so_far
from pipeline.settings.config import SO_FAR, Config

SHOWN = 120
"""Nights that the site is about, the newest ones."""
SHARED = ("exposure_gini", "exposure_coverage", "aplt")
"""What the site tells of how attention is shared out, see publication.exposed.Exposed.figures."""
BLOCKED = "stopped"
"""The state of a night whose table the gate held back."""


@dataclass(frozen=True)
class Mean:
    """A mean over users, with its 95 % interval where it is known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Judged:
    """How a surface's lists were judged before they were published.

    Attributes:
        ndcg: of the lists.
        single, single_ndcg: the best single list of the same night, and its NDCG; None: not judged.
        verdict: whether the surface's lists are "better than" it, "worse than" it, significantly, or "as good as" it.
        is_fallback: the surface shows best-sellers, as what was learned was no better.
    """

    ndcg: Mean
    single: str | None = None
    single_ndcg: float | None = None
    verdict: str = "as good as"
    is_fallback: bool = False


@dataclass(frozen=True)
class Logs:
    """What a night's logs were like, in rows; `left_out` are rows that the mapping makes nothing of."""

    events: int
    rejected: int
    duplicates: int
    late: int
    left_out: int


@dataclass(frozen=True)
class Night:
    """One night.

    Attributes:
        date: the last day that it knows.
        run_id: its run that was published last; None: the gate stopped it.
        state: active, kept, dropped, or BLOCKED.
        gate: what the gate said.
        judged: by surface, before publication.
        shared: by surface, SHARED of its lists.
        gap: by surface, how far the best group of users is ahead of the worst in NDCG.
        outcomes: by surface, NDCG on what users did since.
        days: how many days of that there were.
        churn: by surface, the share of a user's first ten that went, against the run before.
        logs: of the night; None: unknown.
        stages: seconds and MiB by stage, of those whose artifacts are there.
        unusual: what checks warned of, in words.
        report: the night's report; None: it is not there any more.
        moment: of a run of a day so far, up to when it knows its day, "HH:MM".
    """

    date: date
    run_id: str | None = None
    state: str = BLOCKED
    gate: str = ""
    judged: Mapping[str, Judged] = field(default_factory=dict)
    shared: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    gap: Mapping[str, Mean] = field(default_factory=dict)
    outcomes: Mapping[str, Mean] = field(default_factory=dict)
    days: int = 0
    churn: Mapping[str, float] = field(default_factory=dict)
    logs: Logs | None = None
    stages: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    unusual: Sequence[str] = ()
    report: Path | None = None
    moment: str = ""

    @property
    def seconds(self) -> float:
        """Of all stages, one after the other."""
        return sum(seconds for seconds, _ in self.stages.values())

    @property
    def peak(self) -> int:
        """MiB of the stage that took the most."""
        return max((mib for _, mib in self.stages.values()), default=0)


def read(config: Config) -> list[Night]:
    """The nights that are known, the oldest first; runs of a day that was not over are none."""
    runs = _runs(config)
    blocked = {_date(path): path for path in (config.home / "blocked").glob(f"{artifacts.PARTITION}*/{REPORT}")}
    outcomes = _outcomes(config)
    chosen = sorted({*runs, *blocked})[-SHOWN:]
    return [
        _night(config, night, lake=config.lake, run=runs.get(night), blocked=blocked.get(night), outcomes=outcomes)
        for night in chosen
    ]


def current(config: Config, run: ActiveRun) -> Night:
    """What is known of the active run, which may be one of a day so far."""
    known = next(row for row in publish.runs(config).to_pylist() if row["run_id"] == run.run_id) | {"state": "active"}
    night = _night(config, run.run_date, lake=_lake(config, run), run=known, outcomes={})
    return replace(night, moment=f"{run.run_id[11:13]}:{run.run_id[13:15]}") if is_of_day_so_far(run.run_id) else night


def _lake(config: Config, run: ActiveRun) -> Path:
    """Where the artifacts of a run's night are, or were."""
    return config.home / SO_FAR if is_of_day_so_far(run.run_id) else config.lake


def _date(report: Path) -> date:
    return artifacts.run_date_of(report.parent)


def _runs(config: Config) -> dict[date, dict[str, Any]]:
    """The run of each night: the active one, else the one of those kept that was loaded last, else any that was."""
    active = publish.active_run(config)
    kept = [run.run_id for run in publish.published_runs(config)]
    order = {run_id: n for n, run_id in enumerate([*([active.run_id] if active else []), *kept])}
    found: dict[date, dict[str, Any]] = {}
    for row in publish.runs(config).to_pylist():
        if is_of_day_so_far(row["run_id"]):
            continue
        state = (
            "active" if active and row["run_id"] == active.run_id else "kept" if row["run_id"] in kept else "dropped"
        )
        before = found.get(row["run_date"])
        if before is None or order.get(row["run_id"], len(order)) < order.get(before["run_id"], len(order)):
            found[row["run_date"]] = row | {"state": state}
    return found


@dataclass
class _Outcome:
    """What came of a run: the days that there were, and by surface its NDCG on them."""

    days: int = 0
    ndcg: dict[str, Mean] = field(default_factory=dict)


def _outcomes(config: Config) -> dict[str, _Outcome]:
    """By judged run, what the newest runs that are kept say: each run speaks of the weeks before it."""
    archive, found = stores.archive(config), dict[str, _Outcome]()
    everybody = (pc.field("source") == "all") & (pc.field("bucket_kind") == "overall")
    columns = ["judged_run_id", "surface", "days", "ndcg", "ndcg_low", "ndcg_high"]
    for run in sorted(publish.published_runs(config), key=lambda run: run.run_id):
        path = archive.path(run.run_id) / OUTCOMES.file
        rows = pq.read_table(path, columns=columns, filters=everybody, partitioning=None) if path.is_file() else None
        for row in rows.to_pylist() if rows is not None else []:
            outcome = found.setdefault(row["judged_run_id"], _Outcome())
            outcome.days = row["days"]
            outcome.ndcg[row["surface"]] = Mean(row["ndcg"], row["ndcg_low"], row["ndcg_high"])
    return found


def _night(
    config: Config,
    night: date,
    *,
    lake: Path,
    run: dict[str, Any] | None,
    blocked: Path | None = None,
    outcomes: Mapping[str, _Outcome],
) -> Night:
    manifests = _manifests(lake, night)
    ingest = manifests.get("ingest", {}).get("report", {})
    stages = {
        name: (float(m["seconds"]), int(m["peak_memory_mb"])) for name, m in manifests.items() if m.get("seconds")
    }
    known: dict[str, Any] = {"logs": _logs(ingest), "stages": stages}
    if run is None:
        return Night(night, **known, gate="blocked", unusual=_unusual(ingest), report=blocked)
    metrics, came = json.loads(run["metrics"]), outcomes.get(run["run_id"], _Outcome())
    published = manifests.get("publish", {}).get("report", {})
    mine = published if published.get("run_id") == run["run_id"] else {}
    report = artifacts.stage_dir(lake, "evaluate", night) / REPORT
    return Night(
        night,
        run["run_id"],
        run["state"],
        str(metrics.get("gate", "")),
        judged={s.name: j for s in config.surfaces if (j := _judged(config.pool(s), metrics))},
        shared={s.name: _shared(f"{config.pool(s)}.{s.name}", metrics) for s in config.surfaces},
        gap={s.name: gap for s in config.surfaces if (gap := _mean(f"{config.pool(s)}.final.group_gap", metrics))},
        outcomes=came.ndcg,
        days=came.days,
        churn={s.name: mine[key] for s in config.surfaces if (key := f"churn_{s.name}") in mine},
        unusual=[*_unusual(ingest), *_unusual(mine)],
        report=report if report.is_file() else None,
        **known,
    )


def _manifests(lake: Path, night: date) -> dict[str, dict[str, Any]]:
    """By stage, in the order in which they were finished."""
    found = {}
    for stage in sorted(p for p in lake.glob("*") if p.is_dir() and not p.name.startswith(".")):
        folder = artifacts.stage_dir(lake, stage.name, night)
        if artifacts.is_finished(folder):
            found[stage.name] = artifacts.read_manifest(folder)
    return found


def _logs(report: Mapping[str, Any]) -> Logs | None:
    quality = report.get("quality")
    if not quality:
        return None
    rejected = report.get("rejects", 0)
    return Logs(quality["events"], rejected, quality["duplicates"], quality["late"], quality["left_out"])


def _unusual(report: Mapping[str, Any]) -> list[str]:
    """What the checks of a stage warn of: {check: [words]}."""
    said: Mapping[str, Any] = report.get("unusual") or {}
    return [f"{name}: {text}" for name, texts in said.items() for text in _listed(texts)]


def _listed(texts: Any) -> Iterable[str]:
    return [texts] if isinstance(texts, str) else [str(text) for text in texts]


def _judged(pool: str, metrics: Mapping[str, Any]) -> Judged | None:
    ndcg = _mean(f"{pool}.final.ndcg", metrics)
    if ndcg is None:
        return None
    difference, single = metrics.get(f"{pool}.best_single.difference"), metrics.get(f"{pool}.best_single")
    fallback = pool in str(metrics.get(FALLBACK, "")).split(",")
    if single is None or difference is None:
        return Judged(ndcg, is_fallback=fallback)
    low, high = (metrics.get(f"{pool}.best_single.{end}", 0.0) for end in ("low", "high"))
    verdict = "better than" if low > 0 else "worse than" if high < 0 else "as good as"
    return Judged(ndcg, title(str(single)), ndcg.value - difference, verdict, fallback)


def _mean(key: str, metrics: Mapping[str, Any]) -> Mean | None:
    return Mean(metrics[key], metrics.get(f"{key}.low"), metrics.get(f"{key}.high")) if key in metrics else None


def _shared(of: str, metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: metrics[f"{of}.{name}"] for name in SHARED if f"{of}.{name}" in metrics}


def catalogue(config: Config, run: ActiveRun) -> pa.Table:
    """Items as a run's night knew them; no rows once it has left the lake."""
    path = artifacts.stage_dir(_lake(config, run), "features", run.run_date) / "items.parquet"
    return pq.read_table(path) if path.is_file() else pa.table({})
