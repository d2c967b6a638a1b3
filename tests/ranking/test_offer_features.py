"""The columns of offers and links: only where the shop gives them, and against counting one by one."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff
from pipeline.ground import schemas
from pipeline.ranking.frames import frames
from pipeline.ranking.offer_features import PRIOR
from pipeline.settings.config import Config
from tests.planted import ITEMS, USERS, Planted, plant

NAMES = ("item_offered", "item_taken", "item_links", "linked_lift", "category_lift")
CATEGORIES = [None if item % 7 == 6 else "abc"[item % 3] for item in range(ITEMS)]


def giving(config: Config, *names: str) -> Config:
    """A shop that gives these inputs too."""
    files = {name: {"files": "x.csv", "sql": "x.sql"} for name in names}
    return type(config).model_validate(dict(config) | {"ingest": config.ingest.model_dump() | files})


def offer(cutoff: Cutoff, pairs: set[tuple[int, int]]) -> None:
    users, items = zip(*sorted(pairs), strict=True)
    table = pa.table({"user_index": users, "item_index": items}).cast(schemas.OFFERS)
    pq.write_table(table, cutoff.folder / "offers.parquet")


def link(cutoff: Cutoff, pairs: set[tuple[int, int]]) -> None:
    items, linked = zip(*sorted(pairs), strict=True)
    table = pa.table({"item_index": items, "linked_index": linked}).cast(schemas.LINKS)
    pq.write_table(table, cutoff.folder / "links.parquet")


def categorise(cutoff: Cutoff) -> None:
    rows = [{"item_index": item, "category": name} for item, name in enumerate(CATEGORIES)]
    numbers = {field.name: 0 for field in schemas.TRENDS if field.name not in rows[0]}
    table = pa.Table.from_pylist([row | numbers for row in rows], schema=schemas.TRENDS)
    pq.write_table(table, cutoff.folder / "trends.parquet")


@pytest.fixture
def night(tmp_path: Path) -> Planted:
    return plant(tmp_path, sources=("popularity", "buy_again", "als", "user_knn", "ease"))


def test_a_shop_that_gives_neither_has_no_column_more(night: Planted) -> None:
    tonight = night.cutoffs[0]
    before = next(frames(tonight, night.sources, night.config))[1][""]
    assert not set(NAMES) & set(before.names)
    after = next(frames(tonight, night.sources, giving(night.config, "offers", "links")))[1][""]
    assert after.names == (*before.names, *NAMES)
    assert after.features[:, : len(before.names)].tobytes() == before.features.tobytes()
    assert np.isnan(after.features[:, -len(NAMES) :]).all()  # nothing was known then


def test_what_was_taken_is_a_share_of_those_who_were_offered_it(night: Planted) -> None:
    tonight = night.cutoffs[0]
    random = np.random.default_rng(8)
    some = range(0, ITEMS, 2)
    offered = {(user, item) for user in range(USERS) for item in some if random.random() < 0.6}
    offer(tonight, offered)
    frame = next(frames(tonight, night.sources, giving(night.config, "offers")))[1][""]
    had = tonight.matrix("count").toarray() > 0
    overall = sum(had[pair] for pair in offered) / len(offered)
    seen = set()
    for item, number, share in zip(
        frame.pairs.items.tolist(), frame.column("item_offered"), frame.column("item_taken"), strict=True
    ):
        if item not in some:
            assert np.isnan(number)
            assert np.isnan(share)
            continue
        seen.add(item)
        to = [user for user, which in offered if which == item]
        assert number == len(to)
        assert share == pytest.approx((sum(had[to, item]) + PRIOR * overall) / (len(to) + PRIOR), rel=1e-6)
    assert seen


def test_links_are_counted_either_way(night: Planted) -> None:
    tonight = night.cutoffs[0]
    linked = {(0, 1), (1, 0), (0, 2), (3, 2)}
    link(tonight, linked)
    categorise(tonight)
    frame = next(frames(tonight, night.sources, giving(night.config, "links")))[1][""]
    of = {item: {b for a, b in linked if a == item} | {a for a, b in linked if b == item} for item in range(ITEMS)}
    expected = np.array([len(of[item]) for item in range(ITEMS)])
    np.testing.assert_array_equal(frame.column("item_links"), expected[frame.pairs.items])


def test_the_lift_is_what_one_does_of_it_more_than_others(night: Planted) -> None:
    tonight = night.cutoffs[0]
    random = np.random.default_rng(3)
    linked = {(0, int(other)) for other in random.choice(np.arange(1, ITEMS), 12, replace=False)} | {(5, 6), (7, 5)}
    link(tonight, linked)
    categorise(tonight)
    frame = next(frames(tonight, night.sources, giving(night.config, "links")))[1][""]
    decayed = tonight.matrix("decay_90").toarray().astype(float)
    categories = CATEGORIES
    by_category = {name: decayed[:, [c == name for c in categories]].sum(axis=1) for name in "abc"}  # [U] each
    users, items = frame.pairs.users[frame.pairs.rows], frame.pairs.items
    some = 0
    lifts = (frame.column(name).tolist() for name in ("linked_lift", "category_lift"))
    for user, item, lift, of_categories in zip(users.tolist(), items.tolist(), *lifts, strict=True):
        others = sorted({b for a, b in linked if a == item} | {a for a, b in linked if b == item})
        if not others:
            assert np.isnan(lift)
            assert np.isnan(of_categories)
            continue
        some += 1
        usual = decayed[:, others].sum() / decayed.sum() * decayed[user].sum()
        assert lift == pytest.approx(np.log((decayed[user, others].sum() + 1) / (usual + 1)), abs=1e-5)
        kinds = [c for other in others if (c := categories[other])]
        if not kinds:
            assert np.isnan(of_categories)
            continue
        own = sum(by_category[c][user] for c in kinds) / len(kinds)
        all_of = sum(done.sum() for done in by_category.values())
        usual = sum(by_category[c].sum() for c in kinds) / len(kinds) / all_of
        usual *= sum(done[user] for done in by_category.values())
        assert of_categories == pytest.approx(np.log((own + 1) / (usual + 1)), abs=1e-5)
    assert some
