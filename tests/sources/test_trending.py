"""Fresh items by category: learned lifetimes and scores against counts done by hand, on a made-up news site."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists, schemas
from pipeline.intake.inputs.events import SCHEMA as EVENTS
from pipeline.intake.inputs.items import SCHEMA as ITEMS
from pipeline.operations import stages
from pipeline.sources import trending
from pipeline.sources.configuration import FullConfig

NIGHT = date(2024, 1, 31)
DAYS = 24
NAMES = ("event_id", "user_id", "item_id", "event_time", "event_type")
SECTIONS = ("sport", "politics", "arts")


@dataclass(frozen=True)
class Click:
    """Who read what, and when."""

    reader: str
    item: str
    time: datetime

    @property
    def hours_ago(self) -> float:
        """Before the night's end."""
        return (datetime.combine(NIGHT + timedelta(days=1), time.min, UTC) - self.time) / timedelta(hours=1)

    @property
    def section(self) -> str:
        """The item's category."""
        return self.item.split("-")[0]


def clicks(seed: int = 3) -> list[Click]:
    """Readers of mostly one section; an article comes at 6 and is read that day, and a little the next."""
    rng, rows = np.random.default_rng(seed), []
    for day in range(DAYS):
        midnight = datetime.combine(NIGHT - timedelta(days=DAYS - 1 - day), time.min, UTC)
        for reader in range(40):
            section = SECTIONS[reader % 3] if rng.random() < 0.8 else str(rng.choice(SECTIONS))
            older = int(rng.random() > 0.85 and day > 0)
            at = midnight + timedelta(hours=6 + int(rng.integers(12 + 6 * older)))
            rows.append(Click(f"r{reader}", f"{section}-{day - older}-{int(rng.integers(2))}", at))
    return rows


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[FullConfig, list[Click]]:
    """A home with the log in its lake, and the log."""
    home = tmp_path_factory.mktemp("site")
    config = FullConfig.model_validate(
        {
            "home": home,
            "threads": 1,
            "horizon_days": 1,
            "label_windows": 4,
            "features": {"event_types": {"click": {"label": True}}},
        }
    )
    rows = clicks()
    for day in range(DAYS):
        night = NIGHT - timedelta(days=DAYS - 1 - day)
        theirs = [row for row in rows if row.time.date() == night]
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        folder.mkdir(parents=True)
        events = [
            {
                "user_id": r.reader,
                "item_id": r.item,
                "event_time": r.time,
                "event_id": f"{night}-{n}",
                "event_type": "click",
            }
            for n, r in enumerate(theirs)
        ]
        pq.write_table(pa.Table.from_pylist(events, schema=EVENTS), folder / "events.parquet")
        items = [{"item_id": i, "category": i.split("-")[0], "rows": 1} for i in sorted({r.item for r in theirs})]
        pq.write_table(pa.Table.from_pylist(items, schema=ITEMS), folder / "items.parquet")
        artifacts.write_manifest(folder, {"stage": "ingest", "files": artifacts.describe(folder), "report": {}})
    stages.run_stage("features", NIGHT, config)
    stages.run_stage("trending", NIGHT, config)
    return config, rows


def by_hand(rows: list[Click], reader: str, lifetime: float) -> dict[str, float]:
    """Scores of one reader tonight, by the definition."""
    items = {row.item: max(r.hours_ago for r in rows if r.item == row.item) for row in rows}  # and their ages
    fresh = {
        i: 0.5 ** (a / lifetime) * sum(0.5 ** (r.hours_ago / lifetime) for r in rows if r.item == i)
        for i, a in items.items()
    }
    days = {(r.reader, r.item, r.time.date()) for r in rows}  # a day with an action counts once
    read: dict[str, Counter[str]] = {reader: Counter(), "everybody": Counter()}
    for who, item, day in days:
        weight = 0.5 ** ((NIGHT - day).days / 30)
        for name in {who, "everybody"} & set(read):
            read[name][item.split("-")[0]] += weight  # type: ignore[assignment]
    mine, everybody = read[reader], read["everybody"]
    share = {s: (mine[s] + everybody[s] / everybody.total()) / (mine.total() + 1) for s in SECTIONS}
    return {i: share[i.split("-")[0]] * value for i, value in fresh.items()}


def tonight(config: FullConfig) -> tuple[Cutoff, Path]:
    features = artifacts.stage_dir(config.lake, "features", NIGHT)
    return read_cutoffs(features)[0], features


def test_how_long_items_live_is_learned(site: tuple[FullConfig, list[Click]]) -> None:
    config, rows = site
    cutoff, _ = tonight(config)
    oldest = {row.item: max(r.hours_ago for r in rows if r.item == row.item) for row in rows}
    ages = sorted(oldest[row.item] - row.hours_ago for row in rows)
    assert cutoff.trends().column("lifetime_hours")[0].as_py() == max(1, ages[(len(ages) - 1) // 2])


def test_scores_are_those_by_hand(site: tuple[FullConfig, list[Click]]) -> None:
    config, rows = site
    cutoff, features = tonight(config)
    readers = read_users(features).column("user_id").to_pylist()
    item_ids = read_items(features, ["item_id"]).column("item_id").to_pylist()
    lifetime = cutoff.trends().column("lifetime_hours")[0].as_py()
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "trending", NIGHT), NIGHT)
    listed, scores = lists.read_list(folder, "all", "trending")
    for row in range(0, len(listed), 7):
        wanted = by_hand(rows, readers[cutoff.targets()[row]], lifetime)
        for item, score in zip(listed[row], scores[row], strict=True):
            assert item < 0 or score == pytest.approx(wanted[item_ids[item]], rel=1e-4)
        best = sorted(wanted.values(), reverse=True)[:10]
        assert scores[row, :10] == pytest.approx(np.array(best), rel=1e-4)


def test_where_items_live_long_there_is_no_list(site: tuple[FullConfig, list[Click]], tmp_path: Path) -> None:
    config, _ = site
    features = artifacts.stage_dir(config.lake, "features", NIGHT)
    section = trending.Trending(longest_hours=0.5)
    out = tmp_path / "trending" / f"run_date={NIGHT}"
    out.mkdir(parents=True)
    report = trending.run(features=features, config=config, section=section, memo=artifacts.Memo(out), out=out)
    assert report["lifetime_hours"] >= 1
    assert not list(out.glob("cutoff=*/*.items.npy"))


def test_items_without_a_category_are_ranked_by_what_is_fresh() -> None:
    codes, number = trending.category_codes(pa.chunked_array([pa.array([None, None, None], pa.string())]))
    assert (codes.tolist(), number) == ([0, 0, 0], 1)
    fresh = trending.freshness(np.array([4.0, 4.0, 0.0]), np.array([0.0, 10.0, np.nan]), 10.0)
    assert fresh.tolist() == [4.0, 2.0, 0.0]
    assert schemas.TRENDS.field("category").nullable
