"""Yesterday judged by today: how the runs published before tonight have done on the behaviour that has arrived since.

A run of night D is scored, at night T, on what its users did in the days D+1 .. min(T, D + horizon) and had arrived by
T, for every night T of `outcomes.nights` after it. Its lists are those that were published, with editors' pins and
re-ranking; what had arrived by D was known to the run, and is no outcome of it. So a backfilled night knows neither
later behaviour nor later runs.

    out/outcomes.parquet       the table recommendation_outcomes but for run_id, which `publish` adds
    out/arms.*                 what came of an experiment's arms, see pipeline.judging.arms
    out/slots.parquet          what was drawn by chance in the window that tonight is judged on, and clicked or not
    out/learned_slots.parquet  what was drawn in the last four weeks, of surfaces whose policy is "learned"
    out/learned_rewards.parquet  and of surfaces that learn by another reward than clicks, what came of it
    out/search.json            how the answers to queries of one run have done, see pipeline.judging.searched
    out/added.json             how surfaces that go by what a row adds do so, see pipeline.publication.added
    out/trial.json             what drawn slots added, of surfaces whose draws are recorded, see pipeline.judging.trial

Users who did nothing are not judged, as in `evaluate`. Where events say which run they were shown by (run_id_shown),
impressions and clicks are counted too. Of one user and item per judged night one row is held, on disk if need be.
"""

import logging
import shutil
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.arrays import exposure
from pipeline.features.read import Cutoff, read_cutoffs, read_items
from pipeline.ground import artifacts, sql
from pipeline.judging import added as learned_added
from pipeline.judging import arms, measuring, searched, trial, trial_words, wishes
from pipeline.publication import added, stores, taught
from pipeline.publication import taught_rewards as rewards
from pipeline.publication.tables.recommendation_outcomes import TABLE
from pipeline.published.run_ids import is_of_day_so_far, run_date_of
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

FILE, SLOTS_FILE = "outcomes.parquet", "slots.parquet"
SLOTS = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("chance", pa.float64()),
        pa.field("is_clicked", pa.bool_()),
        pa.field("run_id_shown", pa.string()),
    ]
)
OUTCOMES = TABLE.schema.remove(TABLE.schema.get_field_index("run_id"))
JUDGED_RUNS = pa.schema(
    [pa.field("run_id", pa.string()), pa.field("run_date", pa.date32()), pa.field("was_active", pa.bool_())]
)
ITEM_BUCKETS = pa.schema(
    [pa.field("run_date", pa.date32()), pa.field("item_id", pa.string()), pa.field("bucket", pa.string())]
)
TABLES = ("recommendations.parquet", "user_profiles.parquet")


def run(*, ingest: Path, features: Path, run_date: date, config: Config, out: Path) -> dict[str, Any]:
    """Score the runs of earlier nights.

    Args:
        ingest: tonight's partition; the earlier ones are its siblings.
        features: who has what history, and the items' statistics.
        run_date: tonight.
        config: `outcomes`, `evaluate.k` and `evaluate.deep`, the horizon, the surfaces.
        out: receives outcomes.parquet.
    Returns:
        The runs that were judged, the settings' hash, the number of rows.
    Raises:
        PublishError: the target does not say which runs were active.
    """
    judged = judged_runs(config, run_date)
    table = OUTCOMES.empty_table()
    with sql.connect(
        config.threads, config.memory_limit_mb, spill=out / ".spill", timezone=config.timezone
    ) as connection:
        if judged.num_rows:
            table = _score(connection, judged, {"ingest": ingest, "features": features}, run_date, config)
            nights = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)
            searched.write(connection, judged, nights, run_date=run_date, config=config, out=out)
            arms.write(connection, judged.column("run_id").to_pylist(), run_date, config, out)
        slots = _drawn(connection, ingest, run_date, config)
        if taught.wanted(config):
            pq.write_table(_lately(connection, ingest, run_date, config), out / taught.FILE, compression="zstd")
        if rewards.wanted(config):
            found = _rewarded(connection, ingest, run_date, config)
            pq.write_table(found, out / rewards.FILE, compression="zstd")
        if trial.wanted(config) and config.until is None:
            trial_words.write(_tried(connection, ingest, run_date, config), out / trial_words.FILE)
        if added.wanted(config):
            added.write(learned_added.told(connection, _nights(ingest, run_date), run_date, config), out)
    shutil.rmtree(out / ".spill", ignore_errors=True)
    pq.write_table(table, out / FILE, compression="zstd")
    pq.write_table(slots, out / SLOTS_FILE, compression="zstd")
    log.info("%d runs before %s are judged by what has arrived since", judged.num_rows, run_date)
    return {"judged": judged.column("run_id").to_pylist(), "settings": _settings(config), "rows": table.num_rows}


def judged_runs(config: Config, run_date: date) -> pa.Table:
    """JUDGED_RUNS: the kept runs of the nights before tonight that are scored, oldest first.

    A day that is not over judges nobody, and a run of a day so far, which the next one replaces, is not judged.
    """
    if config.until is not None:
        return JUDGED_RUNS.empty_table()
    archive, first = stores.archive(config), run_date - timedelta(days=config.outcomes.nights)
    kept = [r for r in archive.run_ids() if all((archive.path(r) / name).is_file() for name in TABLES)]
    chosen = [r for r in kept if not is_of_day_so_far(r) and first <= run_date_of(r) < run_date]
    ever = stores.target(config).ever_active() if chosen else set()
    rows = [{"run_id": r, "run_date": run_date_of(r), "was_active": r in ever} for r in chosen]
    return pa.Table.from_pylist(rows, schema=JUDGED_RUNS)


def still_holds(config: Config, manifest: dict[str, Any]) -> bool:
    """Whether a finished report still covers every kept run; one that was dropped since stays in it."""
    report = manifest["report"]
    judged = set(judged_runs(config, date.fromisoformat(manifest["run_date"])).column("run_id").to_pylist())
    return judged <= set(report.get("judged", [])) and report.get("settings") == _settings(config)


def _settings(config: Config) -> str:
    """A hash of the settings of other sections that the table depends on."""
    surfaces = sorted((surface.name, surface.repeats) for surface in config.surfaces)
    asked = [asdict(assortment) for assortment in config.assortments]
    learning: list[Any] = [{"learned": names}] if (names := taught.wanted(config)) else []
    if rewarded := [(name, str(reward)) for name, reward in rewards.wanted(config)]:
        labels = sorted((name, kind.neutral) for name, kind in config.features.event_types.items() if kind.label)
        learning.append({"rewards": rewarded, "labels": labels})
    if tried := [(surface.name, surface.goal) for surface in trial.wanted(config)]:
        learning.append({"trial": tried, "resamples": config.evaluate.resamples})
    if adding := [(surface.name, surface.goal, surface.model_dump()["added"]) for surface in added.wanted(config)]:
        learning.append({"added": adding, "resamples": config.evaluate.resamples})
    return artifacts.text_sha256(
        *learning, surfaces, asked, config.evaluate.model_dump(include={"k", "deep", "cold_days", "head_share"})
    )


def _score(connection: Any, judged: pa.Table, folders: dict[str, Path], run_date: date, config: Config) -> pa.Table:
    """OUTCOMES of the judged runs."""
    nights = sorted(set(judged.column("run_date").to_pylist()))
    relations = {
        "judged_runs": judged,
        "item_buckets": item_buckets(folders["features"], nights, config),
        **wishes.tables(read_items(folders["features"]), run_date, config),
    }
    for name, table in relations.items():
        connection.register(name, table)
    params = _settings_of(run_date, config) | _files(judged, folders, nights[0], config) | {"oldest": nights[0]}
    sql.execute(connection, "features/macros").fetchall()
    for name in ("since", "wanted", "listed", "judged", "exposed"):
        sql.execute(connection, f"outcomes/{name}", **params).fetchall()
    return sql.query(connection, "outcomes/outcomes", OUTCOMES, **params)


def _drawn(connection: Any, ingest: Path, run_date: date, config: Config) -> pa.Table:
    """SLOTS: what runs drew by chance in the window that tonight is judged on, as far as it has arrived."""
    begins = config.folds(run_date)["judge"]
    nights = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)
    given: dict[str, Any] = {
        "partitions": [str(night / "events.parquet") for night in nights if artifacts.run_date_of(night) > begins],
        "click_types": list(config.outcomes.click_types),
        "first": begins + timedelta(days=1),
        "last": min(run_date, begins + timedelta(days=config.horizon_days)),
    }
    sql.execute(connection, "outcomes/drawn_slots", **given).fetchall()
    return sql.query(connection, "outcomes/drawn_slots_of_window", SLOTS)


def _lately(connection: Any, ingest: Path, run_date: date, config: Config) -> pa.Table:
    """taught.SLOTS: what was drawn in the days up to tonight that surfaces learn from, as far as it has arrived."""
    first = run_date - timedelta(days=taught.DAYS - 1)
    nights = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)
    given: dict[str, Any] = {
        "partitions": [str(night / "events.parquet") for night in nights if artifacts.run_date_of(night) >= first],
        "click_types": list(config.outcomes.click_types),
        "first": first,
        "last": run_date,
    }
    sql.execute(connection, "outcomes/drawn_slots", **given).fetchall()
    names = taught.wanted(config)
    return sql.query(connection, "outcomes/drawn_slots_lately", taught.SLOTS, last=run_date, surfaces=names)


def _rewarded(connection: Any, ingest: Path, run_date: date, config: Config) -> pa.Table:
    """taught_rewards.SLOTS: as _lately, of four weeks of slots whose days are over tonight, with what came of them."""
    nights, found = artifacts.partitions_until(ingest.parent.parent, "ingest", run_date), [rewards.SLOTS.empty_table()]
    for surface, reward in rewards.wanted(config):
        first = run_date - timedelta(days=taught.DAYS - 1 + reward.until)
        since = first - timedelta(days=rewards.HABIT_DAYS)
        given: dict[str, Any] = reward.given(config) | {
            "partitions": [str(night / "events.parquet") for night in nights if artifacts.run_date_of(night) >= since],
            "click_types": list(config.outcomes.click_types),
            "first": first,
            "last": run_date,
        }
        about: dict[str, Any] = {"surface": surface, "by": reward.by, "days": reward.days, "habit": rewards.HABIT_DAYS}
        for name in ("drawn_slots", "rewarded"):
            sql.execute(connection, f"outcomes/{name}", **given).fetchall()
        found.append(sql.query(connection, "outcomes/rewarded_slots_lately", rewards.SLOTS, **(given | about)))
    return pa.concat_tables(found)


def _tried(connection: Any, ingest: Path, run_date: date, config: Config) -> trial_words.Found:
    """What drawn slots added, of every surface whose draws are recorded, by its goal and horizon."""
    log = trial.Log(_nights(ingest, run_date), run_date)
    found = []
    for surface in trial.wanted(config):
        by = trial.Outcome("actions", config.horizon_of(config.pool(surface)))
        found += [(by, one) for one in trial.judge(connection, surface, by, log, config)]
    return found


def _nights(ingest: Path, run_date: date) -> list[Path]:
    return artifacts.partitions_until(ingest.parent.parent, "ingest", run_date)


def _files(judged: pa.Table, folders: dict[str, Path], oldest: date, config: Config) -> dict[str, Any]:
    """The Parquet files that are read: nights after the oldest judged one, tonight's features, the runs' tables."""
    archive, features, tonight = stores.archive(config), folders["features"], read_cutoffs(folders["features"])[0]
    nights = artifacts.partitions_until(folders["ingest"].parent.parent, "ingest", tonight.cutoff)
    lists, profiles = ([str(archive.path(r) / name) for r in judged.column("run_id").to_pylist()] for name in TABLES)
    return {
        "partitions": [str(night / "events.parquet") for night in nights if artifacts.run_date_of(night) > oldest],
        "interactions": str(tonight.folder / "interactions.parquet"),
        "users": str(features / "users.parquet"),
        "items": str(features / "items.parquet"),
        "lists": lists,
        "profiles": profiles,
    }


def _settings_of(run_date: date, config: Config) -> dict[str, Any]:
    types, k = config.features.event_types, config.evaluate.k
    return {
        "names": list(types),
        "labels": [kind.label for kind in types.values()],
        "neutral": [kind.neutral for kind in types.values()],
        "goal_types": sorted({name for one in config.assortments for name in one.goal}),
        "click_types": list(config.outcomes.click_types),
        "run_date": run_date,
        "horizon_days": config.horizon_days,
        "k": k,
        "deep": max(k, config.evaluate.deep),
        "ideal": np.cumsum(1 / np.log2(np.arange(2, k + 2))).tolist(),
    }


def item_buckets(features: Path, nights: list[date], config: Config) -> pa.Table:
    """ITEM_BUCKETS: cold, tail or head for every item and judged night, as far as tonight's features know that night.

    Cold is exact. The head is that of the newest cut-off not after the night, so that no sale it is judged by is in it.
    """
    tonight, *older = read_cutoffs(features)
    items = read_items(features, ["item_id"]).column("item_id").combine_chunks()
    ages = tonight.item_stats().column("first_age").to_numpy(zero_copy_only=False)
    names = pa.array(measuring.ITEM_BUCKETS)
    tables = [ITEM_BUCKETS.empty_table()]
    for night in nights:
        codes = np.where(_head(_known_at(older, night), len(items), config), 2, 1).astype(np.int8)
        age = ages - (tonight.cutoff - night).days
        codes[~(age > config.evaluate.cold_days)] = 0  # also where nobody ever acted on the item
        columns = [pa.repeat(pa.scalar(night), len(items)), items, names.take(pa.array(codes))]
        tables.append(pa.Table.from_arrays(columns, schema=ITEM_BUCKETS))
    return pa.concat_tables(tables)


def _known_at(cutoffs: list[Cutoff], night: date) -> Cutoff | None:
    """The newest label cut-off not after a night."""
    return max((c for c in cutoffs if c.cutoff <= night), key=lambda c: c.cutoff, default=None)


def _head(cutoff: Cutoff | None, items: int, config: Config) -> np.ndarray:
    """bool [I]: the best-sellers of a cut-off."""
    chosen = np.zeros(items, dtype=bool)
    if cutoff is not None:
        sold = cutoff.item_stats().column("buyers_91").to_numpy()
        chosen[: len(sold)] = exposure.head(sold, config.evaluate.head_share)
    return chosen
