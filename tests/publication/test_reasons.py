"""Reasons against hand-made cases: each is the first that is true."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.publication import reasons
from pipeline.publication.reasons import Facts, Kind
from pipeline.publication.tables.recommendations import TABLE
from pipeline.settings.sections.data import EventType

PEER, POPULARITY, ALS, TOPPED = 2, 1, 0, -2
# Items: 0 owned; 1 like 0; 2 new and like 0; 3 new; 4 popular; 5 nothing; 6 popular and like 0.
FACTS = Facts(
    similar=np.array([[1], [0], [0], [5], [-1], [-1], [0]], dtype=np.int32),
    is_new=np.array([False, False, True, True, False, False, False]),
    is_popular=np.array([True, False, False, False, True, False, True]),
    peers=(PEER,),
    popularity=(POPULARITY, TOPPED),
)


@pytest.mark.parametrize(
    ("item", "source", "kind", "because"),
    [
        (0, ALS, Kind.BOUGHT, -1),
        (0, POPULARITY, Kind.BOUGHT, -1),
        (1, ALS, Kind.LIKE, 0),
        (2, ALS, Kind.NEW_LIKE, 0),
        (3, PEER, Kind.NEW, -1),
        (4, ALS, Kind.POPULAR, -1),
        (4, PEER, Kind.PEERS, -1),
        (5, PEER, Kind.PEERS, -1),
        (5, POPULARITY, Kind.FAVOURITE, -1),
        (5, TOPPED, Kind.FAVOURITE, -1),
        (5, ALS, Kind.PICKED, -1),
        (6, POPULARITY, Kind.POPULAR, -1),
        (6, ALS, Kind.LIKE, 0),
    ],
)
def test_the_first_reason_that_is_true(item: int, source: int, kind: Kind, because: int) -> None:
    items = np.array([[item, -1]])
    found, named, can = reasons.explain(
        items, np.array([[source, TOPPED]]), items == 0, lambda _, other: other == 0, FACTS
    )
    assert (Kind(found[0, 0]), named[0, 0]) == (kind, because)
    assert not can.any()


@pytest.mark.parametrize(
    ("item", "source", "kind", "true"),
    [
        (0, ALS, Kind.BOUGHT, {Kind.BOUGHT, Kind.POPULAR, Kind.PICKED}),
        (2, PEER, Kind.NEW_LIKE, {Kind.NEW_LIKE, Kind.LIKE, Kind.NEW, Kind.PEERS, Kind.PICKED}),
        (6, POPULARITY, Kind.POPULAR, {Kind.POPULAR, Kind.LIKE, Kind.FAVOURITE, Kind.PICKED}),
        (5, ALS, Kind.PICKED, {Kind.PICKED}),
    ],
)
def test_all_that_is_true(item: int, source: int, kind: Kind, true: set[Kind]) -> None:
    items, facts = np.array([[item, -1]]), replace(FACTS, every=True)
    found, named, can = reasons.explain(items, np.full((1, 2), source), items == 0, lambda _, other: other == 0, facts)
    assert Kind(found[0, 0]) == kind
    assert {one for one in Kind if can[0, 0] >> one & 1} == true
    evidence = {Kind.BOUGHT: 0, Kind.NEW_LIKE: 0}.get(kind, -1)
    assert reasons.evidence(found, items, named)[0, 0] == evidence


@pytest.mark.parametrize("cells", [2**18, 1])
def test_the_nearest_owned_item_is_that_of_brute_force(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(reasons, "CELLS", cells)
    rng = np.random.default_rng(3)
    near = np.array([rng.permutation(20)[:6] for _ in range(20)], dtype=np.int32)
    near[rng.random(near.shape) < 0.2] = -1
    users, items = rng.integers(0, 15, 100), rng.integers(0, 20, 100)
    owned = rng.random((15, 20)) < 0.2
    found = reasons.nearest_owned(users, items, near, lambda user, item: (item >= 0) & owned[user, item])
    for user, item, because in zip(users, items, found, strict=True):
        have = [x for x in near[item] if x >= 0 and owned[user, x]]
        assert because == (have[0] if have else -1)
    assert reasons.nearest_owned(users[:0], items[:0], near, lambda user, item: owned[user, item]).shape == (0,)


def test_every_kind_has_its_sentence() -> None:
    kinds = [*Kind, Kind.BOUGHT, Kind.BOUGHT]
    shown = pa.table(
        {
            "position": range(len(kinds)),
            "user_id": ["u"] * len(kinds),
            "rank": pa.array(range(1, len(kinds) + 1), pa.int32()),
            "item_id": ["i"] * len(kinds),
            "score": pa.array([1.0] * len(kinds), pa.float32()),
            "source": ["als"] * len(kinds),
            "rule": pa.array([0] * (len(kinds) - 2) + [1, 2], pa.int8()),
            "kind": pa.array(kinds, pa.int8()),
            "name": ["RED MUG"] * len(kinds),
            "times": [5] * len(Kind) + [1, 2],
            "policy": pa.nulls(len(kinds), pa.string()),
            "propensity": pa.nulls(len(kinds), pa.float32()),
            "last_day": pa.array([15229] * len(kinds), pa.int32()).cast(pa.date32()),
        }
    )
    with sql.connect(1, 256) as connection:
        table = sql.query(
            connection,
            "publish/reasons",
            TABLE.schema,
            {"shown": shown},
            run_id="r",
            surface="s",
            verb="bought",
            people="customers",
            lately="this month",
        )
    assert table.column("source").to_pylist() == ["als"] * len(Kind) + ["als+boost", "editor:pin"]
    assert table.column("reason").to_pylist() == [
        "You bought it 5 times, last on 12 Sep 2011",
        "New, like RED MUG you bought",
        "Because you bought RED MUG",
        "New this month",
        "Customers like you bought it",
        "Popular this month",
        "Many customers bought it",
        "Picked for you from what you bought",
        "Chosen by our editors",
        "You bought it once, on 12 Sep 2011",
        "You bought it twice, last on 12 Sep 2011",
    ]


def test_the_verb_is_exact_for_one_kind_of_event_and_vague_for_several() -> None:
    purchase, back = EventType(weight=1), EventType(weight=-1)
    assert reasons.verb({"purchase": purchase, "return": back}) == "bought"
    assert reasons.verb({"view": purchase, "click": purchase}) == "viewed"
    assert reasons.verb({"view": purchase, "purchase": purchase}) == "chose"
    assert reasons.verb({"bookmarked": purchase}) == "chose"


def test_the_others_are_customers_where_what_is_bought_counts_and_people_elsewhere() -> None:
    goal, other = EventType(label=True), EventType()
    assert reasons.people({"purchase": goal, "view": other}) == "customers"
    assert reasons.people({"purchase": other, "view": goal}) == "people"
    assert reasons.people({"view": goal}) == "people"
