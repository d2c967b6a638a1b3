"""Fresh items by category: learned lifetimes and scores against counts done by hand, on a made-up news site."""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists, schemas
from pipeline.intake.inputs.events import SCHEMA as EVENTS
from pipeline.intake.inputs.items import SCHEMA as ITEMS
from pipeline.operations import stages
from pipeline.sources import trending
from pipeline.sources.appeal import Choices
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


def appeal_by_hand(rows: list[Click], share: dict[str, dict[str, float]], lifetime: float) -> dict[str, float]:
    """Every item's appeal by its definition, an action at a time."""
    first = {row.item: max(math.ceil(r.hours_ago) for r in rows if r.item == row.item) for row in rows}
    window = 6 * lifetime
    acts = [(r, math.ceil(r.hours_ago)) for r in rows if math.ceil(r.hours_ago) <= window]
    chosen = {i: max(sum(r.item == i and first[i] - hour <= window for r, hour in acts) - 1, 0) for i in first}
    appeal = dict.fromkeys(first, 1.0)
    for _ in range(2):
        expected = dict.fromkeys(first, 0.0)
        for row, hour in acts:
            there = {i: 0.5 ** ((age - hour) / lifetime) for i, age in first.items() if 0 <= age - hour <= window}
            mine = share[row.reader]
            total = sum(mine[i.split("-")[0]] * appeal[i] * fresh for i, fresh in there.items())
            for item, fresh in there.items():
                expected[item] += mine[item.split("-")[0]] * fresh / total
        appeal = {i: (chosen[i] + 0.5) / (expected[i] + 0.5) for i in first}
    return appeal


def shares_by_hand(rows: list[Click]) -> dict[str, dict[str, float]]:
    """Each reader's share of every section, by the definition."""
    days = {(r.reader, r.item, r.time.date()) for r in rows}  # a day with an action counts once
    read: dict[str, Counter[str]] = {row.reader: Counter() for row in rows}
    everybody: Counter[str] = Counter()
    for who, item, day in days:
        for counted in (read[who], everybody):
            counted[item.split("-")[0]] += 0.5 ** ((NIGHT - day).days / 30)  # type: ignore[assignment]
    usual = {s: everybody[s] / everybody.total() for s in SECTIONS}
    return {who: {s: (mine[s] + usual[s]) / (mine.total() + 1) for s in SECTIONS} for who, mine in read.items()}


def by_hand(rows: list[Click], reader: str, lifetime: float) -> dict[str, float]:
    """Scores of one reader tonight, by the definition."""
    share = shares_by_hand(rows)
    items = {row.item: max(r.hours_ago for r in rows if r.item == row.item) for row in rows}  # and their ages
    appeal = appeal_by_hand(rows, share, lifetime)
    return {i: share[reader][i.split("-")[0]] * appeal[i] * 0.5 ** (age / lifetime) for i, age in items.items()}


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
    for row in range(0, len(listed), 13):
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


def batches(rows: list[tuple[int, int | None, int]], size: int = 100) -> list[pa.RecordBatch]:
    """Hours ago, user and item of actions as batches of schemas.LATELY."""
    hours, users, items = (list(column) for column in zip(*sorted(rows, key=lambda r: r[0]), strict=True))
    columns = {"hours_ago": hours, "user_index": users, "item_index": items}
    return pa.table(columns, schema=schemas.LATELY).to_batches(max_chunksize=size)


def test_an_item_that_few_could_choose_is_not_held_for_weak() -> None:
    """Two items, one of a busy day and one of the night: as many of those who were there chose each."""
    day, night = [(20, n % 5, 0) for n in range(40)], [(4, n % 5, 1) for n in range(10)]
    others = [(20, n % 5, 2) for n in range(40)] + [(4, n % 5, 3) for n in range(10)]
    of_users, codes = np.ones((5, 1), np.float32), np.zeros(4, int)
    age = np.array([20.0, 4.0, 20.0, 4.0])
    chosen = Choices(lambda: iter(batches(day + night + others)), of_users, codes, age, lifetime=2.0, lives=6)
    found = chosen.appeal()
    assert found[0] == pytest.approx(found[2])
    assert found[1] == pytest.approx(found[3])
    assert 0.5 < found[1] / found[0] < 2  # of a quarter of the actions


def test_guests_choose_as_everybody_of_their_hour_and_batches_change_nothing() -> None:
    rng = np.random.default_rng(5)
    rows = [(int(h), None if rng.random() < 0.3 else int(rng.integers(4)), int(rng.integers(6))) for h in range(1, 9)]
    rows += [(int(rng.integers(1, 9)), int(rng.integers(4)), int(rng.integers(6))) for _ in range(60)]
    age = np.array([max(h for h, _, i in rows if i == item) for item in range(6)], float)
    of_users = rng.dirichlet(np.ones(2), 4).astype(np.float32)
    given = (of_users, np.array([0, 1, 0, 1, 0, 1]), age)
    whole = Choices(lambda: iter(batches(rows)), *given, lifetime=4.0, lives=6).appeal()
    users_alone = [row for row in rows if row[1] is not None]
    known = Choices(lambda: iter(batches(users_alone, 1)), *given, lifetime=4.0, lives=6).appeal()
    in_one = Choices(lambda: iter(batches(users_alone)), *given, lifetime=4.0, lives=6).appeal()
    assert known == pytest.approx(in_one)
    assert whole != pytest.approx(known)
    assert (whole > 0).all()
    nobody = Choices(lambda: iter(()), *given, lifetime=4.0, lives=6).appeal()
    assert nobody.tolist() == [1.0] * 6


@pytest.mark.parametrize("users", [1, 7, 2**15])
def test_shares_are_those_of_a_loop_however_many_users_are_in_memory(
    users: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trending, "USERS", users)
    rng = np.random.default_rng(1)
    history, codes = (rng.random((20, 9)) < 0.3) * rng.random((20, 9)), np.array([0, 1, 2, 2, 1, 0, 3, 3, 0])
    own = np.array([[row[codes == code].sum() for code in range(4)] for row in history])
    prior = own.sum(axis=0) / own.sum()
    expected = (own + 0.5 * prior) / (own.sum(axis=1, keepdims=True) + 0.5)
    found = trending.shares(csr_matrix(history, dtype=np.float32), codes, 4, 0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isfinite(trending.shares(csr_matrix((3, 9), dtype=np.float32), codes, 4, 0.0)).all()
