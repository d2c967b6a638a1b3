"""The made-up shop has the marginals it promises, and the growth table the exponents of known curves."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import growth, synthetic
from benchmarks.synthetic import DAYS, Shop
from pipeline.features.read import read_cutoffs
from pipeline.operations import load_history, stages
from pipeline.sources import configuration

SHOP = Shop(users=2000, items=600, events=200_000)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, ...]:
    """Users, items, kinds and days of the whole log."""
    found = [SHOP.draw(day) for day in range(DAYS)]
    days = np.repeat(np.arange(DAYS), [len(users) for users, *_ in found])
    return (*(np.concatenate([day[n] for day in found]) for n in range(3)), days)


def test_a_log_has_the_sizes_and_shares_asked_for(drawn: tuple[np.ndarray, ...]) -> None:
    users, items, kinds, _ = drawn
    assert len(users) == SHOP.events
    assert users.max() < SHOP.users
    assert len(np.unique(users)) > 0.95 * SHOP.users
    assert items.max() < SHOP.items
    assert np.bincount(kinds) / len(kinds) == pytest.approx(synthetic.SHARES, abs=0.01)


def test_nothing_happens_to_an_item_before_it_is_born_and_a_fifth_is_born_later(drawn: tuple[np.ndarray, ...]) -> None:
    _, items, _, days = drawn
    assert (SHOP.born[items] <= days).all()
    assert (SHOP.born > 0).mean() == pytest.approx(synthetic.BORN_LATER, abs=0.05)


def test_the_head_sells_most_and_a_clusters_ranks_follow_zipf(drawn: tuple[np.ndarray, ...]) -> None:
    items = drawn[1]
    sold = np.sort(np.bincount(items, minlength=SHOP.items))[::-1]
    assert sold[: SHOP.items // 10].sum() > 0.35 * len(items)
    luck = np.random.default_rng(0).random(100_000)
    counts = np.bincount(SHOP._in_cluster(np.zeros(len(luck), np.int64), luck, 0))
    there = np.flatnonzero(SHOP.born[: len(counts)] == 0)[1:12]  # the first stands for what is not born yet, too
    assert growth.exponent(there + 1.5, counts[there]) == pytest.approx(-1, abs=0.15)


def test_users_act_in_their_cluster_and_repeat_their_favourites(drawn: tuple[np.ndarray, ...]) -> None:
    users, items, _, _ = drawn
    at_home = (SHOP.cluster[items] == SHOP.home[users]).mean()
    assert at_home > synthetic.HOME + synthetic.FAVOURITE
    pairs = users * SHOP.items + items
    assert len(np.unique(pairs)) < 0.8 * len(pairs)


def test_a_day_is_the_same_whenever_it_is_made() -> None:
    again = Shop(users=2000, items=600, events=200_000)
    assert again.log(100) == SHOP.log(100)
    assert Shop(users=2000, items=600, events=200_000, seed=1).log(100) != SHOP.log(100)


@pytest.mark.slow
def test_the_raw_logs_run_through_the_pipeline(tmp_path: Path) -> None:
    synthetic.write(Shop(users=40, items=60, events=3000), tmp_path)
    loaded = configuration.load(tmp_path / "pipeline.toml", {"home": tmp_path / "home", "threads": 1})
    last = max(day for _, day in synthetic.days())
    load_history.load_history(loaded, until=last)
    stages.run_stage("features", last, loaded)
    rows = sum(pq.read_metadata(path).num_rows for path in loaded.lake.glob("ingest/run_date=*/events.parquet"))
    assert rows == 3000
    features = loaded.lake / "features" / f"run_date={last}"
    assert read_cutoffs(features)[0].items == len(pq.ParquetFile(features / "items.parquet").read())


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_an_exponent_is_that_of_the_curve(power: float) -> None:
    assert growth.exponent([1, 3, 10], [5 * f**power for f in (1, 3, 10)]) == pytest.approx(power)
