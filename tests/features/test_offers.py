"""Who may be shown what, against every pair asked one by one."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from pipeline.features.offers import Never, Offers
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts
from pipeline.intake import inputs
from tests.features.made_up import START, build, config_at, event, write_lake

USERS, ITEMS = 9, 12


def random_offers() -> tuple[Offers, np.ndarray]:
    """Offers, and bool [U, I], whether a user may not be shown an item."""
    rng = np.random.default_rng(4)
    closed = rng.random(ITEMS) < 0.5
    given = (rng.random((USERS, ITEMS)) < 0.3) & closed
    return Offers(closed, csr_matrix(given.astype(np.float32))), closed[None, :] & ~given


def test_an_item_that_is_offered_is_closed_to_all_others() -> None:
    offers, expected = random_offers()
    users, items = np.arange(USERS)[:, None], np.arange(ITEMS)[None, :]
    np.testing.assert_array_equal(offers.forbidden(users, items), expected)
    assert not offers.forbidden(users, np.full((1, 3), -1)).any()
    shown = np.arange(ITEMS) % 3 > 0
    np.testing.assert_array_equal(offers.possible(shown), (shown & ~expected).sum(axis=1))
    empty = Offers(offers.closed, csr_matrix((USERS, ITEMS), dtype=np.float32))
    np.testing.assert_array_equal(empty.forbidden(users, items), np.tile(offers.closed, (USERS, 1)))


def test_dislikes_and_offers_are_one_question() -> None:
    offers, expected = random_offers()
    disliked = (np.random.default_rng(5).random((USERS, ITEMS)) < 0.2).astype(np.float32)
    block = np.array([7, 0, 3])
    found = Never(csr_matrix(disliked), offers).of(block).toarray() > 0
    np.testing.assert_array_equal(found, (expected | (disliked > 0))[block])
    np.testing.assert_array_equal(Never(csr_matrix(disliked), None).of(block).toarray(), disliked[block])


def test_what_a_user_may_be_shown_is_asked_of_pairs_and_counted() -> None:
    offers, closed = random_offers()
    disliked = np.random.default_rng(5).random((USERS, ITEMS)) < 0.2
    users, items, shown = np.arange(USERS)[:, None], np.arange(ITEMS)[None, :], np.arange(ITEMS) % 3 > 0
    for given, expected in ((offers, closed | disliked), (None, disliked)):
        never = Never(csr_matrix(disliked.astype(np.float32)), given)
        assert never
        np.testing.assert_array_equal(never.forbidden(users, items), expected)
        assert not never.forbidden(users, np.full((1, 3), -1)).any()
        counted = never.possible(shown)
        assert (counted <= (shown & ~expected).sum(axis=1)).all()
        alone = ~(closed & disliked & shown).any(axis=1) if given else np.ones(USERS, dtype=bool)
        np.testing.assert_array_equal(counted[alone], (shown & ~expected).sum(axis=1)[alone])
    assert not Never(csr_matrix((USERS, ITEMS), dtype=np.float32), None)


def test_offers_hold_from_the_night_they_arrive(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    write_lake(config, [event(n, f"u{n % 3}", "abcd"[n % 4], n) for n in range(30)], until=START + timedelta(days=29))
    for day, rows in ((0, [("u1", "a")]), (28, [("u2", "a"), ("stranger", "b")])):
        folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=day))
        offered = [{"user_id": user, "item_id": item} for user, item in rows]
        pq.write_table(pa.Table.from_pylist(offered, inputs.OFFERS.schema), folder / "offers.parquet")
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    made = build(config, START + timedelta(days=29))
    users, items = read_users(made)["user_id"].to_pylist(), read_items(made)["item_id"].to_pylist()
    closed, open_to = [], []
    for cutoff in read_cutoffs(made)[:2]:
        offers = Offers.read(cutoff)
        assert offers is not None
        closed.append({items[i] for i in np.flatnonzero(offers.closed)})
        open_to.append({(users[u], items[i]) for u, i in zip(*offers.open_to.nonzero(), strict=True)})
    assert closed == [{"a", "b"}, {"a"}]
    assert open_to == [{("u1", "a"), ("u2", "a")}, {("u1", "a")}]


def test_an_offer_that_is_over_is_open_to_nobody(tmp_path: Path) -> None:
    """The first night was loaded before offers had an end."""
    config = config_at(tmp_path)
    last = START + timedelta(days=29)
    write_lake(config, [event(n, f"u{n % 3}", "abcd"[n % 4], n) for n in range(30)], until=last)
    until = [last, last + timedelta(days=1), None]
    named = {
        0: pa.Table.from_pylist([{"user_id": "u0", "item_id": "a"}]).cast(pa.schema(list(inputs.OFFERS.schema)[:2])),
        1: pa.Table.from_pylist(
            [{"user_id": f"u{n}", "item_id": item, "valid_until": day} for n, day in enumerate(until) for item in "bc"]
            + [{"user_id": "u0", "item_id": "d", "valid_until": last}],
            inputs.OFFERS.schema,
        ),
        2: pa.Table.from_pylist([{"user_id": "u0", "item_id": "c", "valid_until": None}], inputs.OFFERS.schema),
    }
    for day, table in named.items():
        folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=day))
        pq.write_table(table, folder / "offers.parquet")
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    made = build(config, last)
    users, items = read_users(made)["user_id"].to_pylist(), read_items(made)["item_id"].to_pylist()
    offers = Offers.read(read_cutoffs(made)[0])
    assert offers is not None
    assert {items[i] for i in np.flatnonzero(offers.closed)} == set("abcd")
    found = {(users[u], items[i]) for u, i in zip(*offers.open_to.nonzero(), strict=True)}
    assert found == {("u0", "a"), ("u1", "b"), ("u2", "b"), ("u0", "c"), ("u1", "c"), ("u2", "c")}
    np.testing.assert_array_equal(offers.open_to.data, 1)
