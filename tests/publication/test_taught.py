"""Surfaces that draw by what was learned: the joins against loops, the published chances against the draws."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine import Bound
from pipeline.ground.errors import InputError
from pipeline.policies import learned
from pipeline.publication import taught, thompson
from pipeline.publication.exploring import Exploration
from pipeline.publication.surfaces import Block
from pipeline.settings.sections.experiment import Arm, Experiment
from pipeline.settings.sections.publication import Explore, Surface
from tests.publication.published_shop import published
from tests.small_shop import Shop, go, shop

LEARNED = Explore(slots=(2, 4), policy="learned")


def slots(rows: list[tuple[str, str, int, int, bool]], surface: str = "discover") -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(taught.SLOTS.names, (surface, *row), strict=True)) for row in rows], taught.SLOTS
    )


def drawn(number: int, seed: int = 0) -> pa.Table:
    """Slots of the small shop, in which i3 is clicked often and the others hardly."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, 3, number), rng.integers(0, 8, number)
    clicked = rng.random(number) < np.where(items == 3, 0.6, 0.02)
    return slots([(f"u{u}", f"i{i}", 2, int(u) % 3, bool(c)) for u, i, c in zip(users, items, clicked, strict=True)])


def explored(home: Path, given: pa.Table | None, explore: Explore = LEARNED) -> Shop:
    made = shop(home)
    surfaces = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4, explore=explore))
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    made.write()
    for path in made.folder("ensemble").rglob("*.probability.npy"):
        np.save(path, np.load(path) / 20)  # as probabilities are: no item is certain
    if given is not None:
        pq.write_table(given, made.folder("outcomes") / taught.FILE)
    go(made)
    return made


def folder(made: Shop) -> Path:
    return made.config.lake / "publish" / f".run_date={made.night}.partial"


def lists(made: Shop, surface: str = "discover") -> list[dict[str, Any]]:
    return [row for row in published(made, "recommendations") if row["surface"] == surface]


def test_what_was_clicked_is_drawn_and_the_rows_say_with_which_chance(tmp_path: Path) -> None:
    made = explored(tmp_path / "a", drawn(60_000))
    rows = [row for row in lists(made) if row["rank"] in LEARNED.slots]
    assert {row["policy"] for row in rows} == {"learned"}
    assert all(0 < row["propensity"] <= 1 for row in rows)
    assert {row["propensity"] for row in lists(made) if row["rank"] not in LEARNED.slots} == {1}
    mine = {row["user_id"]: row["propensity"] for row in rows if row["item_id"] == "i3" and row["rank"] == 2}
    assert mine
    assert min(mine.values()) > 0.9
    state = pq.read_table(folder(made) / "learned.discover.parquet").to_pylist()
    assert max(state, key=lambda row: row["log_odds"])["item_id"] == "i3"


def test_the_same_slots_give_the_same_bytes_and_others_another_run(tmp_path: Path) -> None:
    one, again, other = (
        explored(tmp_path / name, drawn(20_000, seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert published(one, "recommendations") == published(again, "recommendations")
    for name in ("learned.discover.parquet", "recommendations.parquet"):
        assert (folder(one) / name).read_bytes() == (folder(again) / name).read_bytes()
    assert lists(one)[0]["run_id"] != lists(other)[0]["run_id"]


def test_without_a_slot_a_tenth_is_drawn(tmp_path: Path) -> None:
    made = explored(tmp_path, slots([]))
    chances = [row["propensity"] for row in lists(made) if row["rank"] in LEARNED.slots]
    assert min(chances) < 0.1 + 1e-6 or min(chances) >= 0.9
    assert max(chances) >= 0.9 - 1e-6


def test_other_surfaces_read_and_write_nothing(tmp_path: Path) -> None:
    made = explored(tmp_path, None, Explore(slots=(2,), policy="thompson"))
    assert not list(folder(made).glob("learned*"))
    assert taught.wanted(made.config) == []
    assert taught.digest(made.folder("outcomes"), made.config) == ""


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"learned_slots.parquet is missing: run stage 'outcomes' again"):
        explored(tmp_path, None)


def test_an_arm_alone_may_learn(tmp_path: Path) -> None:
    made = shop(tmp_path)
    config = made.config
    arms = [{"name": "control", "share": 0.5}, {"name": "new", "share": 0.5}]
    arms[1]["overlay"] = {"surfaces": {"for_you": {"explore": {"slots": [2], "policy": "learned"}}}}
    experiment = Experiment(name="try", since=made.night, arms=tuple(Arm.model_validate(arm) for arm in arms))
    config = config.model_copy(update={"surfaces": (Surface(name="for_you", k=4),), "experiment": experiment})
    assert taught.wanted(config) == ["for_you"]


def test_a_slot_counts_by_its_age_and_by_how_many_look_at_its_rank() -> None:
    rows = [("u", "a", 1, 0, n < 300) for n in range(1_000)] + [("u", "b", 2, 0, n < 150) for n in range(1_000)]
    given = slots([*rows, ("u", "a", 1, 20, True)])
    found = taught.weights(given)
    mean = (450 + 0.25 + 1) / (2_000 + 0.25 + 20)
    first, second = (
        (c + learned.ANCHORED * mean) / (n + learned.ANCHORED) for c, n in ((300.25, 1_000.25), (150, 1_000))
    )
    assert found[0] == 1
    assert found[-1] == pytest.approx(0.5 ** (20 / learned.HALF_LIFE))
    assert found[1_500] == pytest.approx(second / first)
    drawn_often, clicks = taught.counts(given, pa.array(["b", "c", "a"]))
    assert drawn_often == pytest.approx([1_000 * second / first, 0, 1_000.25])
    assert clicks == pytest.approx([150, 0, 300.25])


def test_a_rank_can_be_any_number() -> None:
    """A client says it."""
    rows = [("u", "a", rank, 0, n % 2 == 0) for n in range(6) for rank in (1, 2**31 - 1)]
    found = taught.weights(slots(rows))
    assert found.tolist() == taught.weights(slots([(u, i, min(rank, 2), a, c) for u, i, rank, a, c in rows])).tolist()


def test_what_a_list_says_of_an_item_is_looked_up_as_by_hand() -> None:
    rng = np.random.default_rng(5)
    items = np.stack([rng.permutation(9)[:4] for _ in range(6)]).astype(np.int32)
    items[2, 2:], items[4] = -1, -1
    scores = np.where(items >= 0, np.sort(rng.random(items.shape))[:, ::-1], -np.inf).astype(np.float32)
    rates, odds = rng.normal(size=9), thompson.log_odds(scores)
    row, item = rng.integers(0, 6, 50), rng.integers(0, 9, 50)
    for r, i, got in zip(row, item, taught.said_of(items, scores, row, item), strict=True):
        mine = dict(zip(items[r].tolist(), odds[r].tolist(), strict=True))
        held = [mine[j] for j in mine if j >= 0]
        assert got == pytest.approx(mine[int(i)] if int(i) in mine else min(held, default=0.0))
    for i, got in enumerate(taught.everybody(items, scores, rates)):
        assert got == pytest.approx(odds[items == i].mean() if (items == i).any() else rates[i])


def test_it_is_drawn_as_by_a_sample_of_what_is_believed_and_alike_in_other_processes(tmp_path: Path) -> None:
    items, users = 6, 30_000
    belief = learned.Belief(np.linspace(-1, 1, items), np.array([0.1, 0.9, 0.2, 0.4, 0.7, 0.3]), 0.5)
    scores = np.linspace(0.5, 0.1, items, dtype=np.float32)
    pool = Block(
        np.tile(np.arange(items, dtype=np.int32), (users, 1)),
        np.tile(scores, (users, 1)),
        np.zeros((users, items), np.int8),
    )
    block = Block(*(a[:, :2] for a in (pool.items, pool.scores, pool.sources)))
    settings = Explore(slots=(2,), policy="learned", share=0.8, temperature=1.5)
    by = Exploration.of(settings, "salt", np.zeros(items, bool), np.zeros(items), (), belief=belief)
    shared = Bound(dict, {"by": by}).share(tmp_path).call()["by"]
    pinned = np.zeros((users, 2), bool)
    made, chance = by.draw(block, pool, pinned, np.arange(users))
    theirs, same = shared.draw(block, pool, pinned, np.arange(users))
    assert (made.items == theirs.items).all()
    assert (chance == same).all()
    left = np.arange(1, items)
    means = thompson.log_odds(scores)[left] + belief.shift[left]
    values = np.random.default_rng(6).normal(means, 1.5 * belief.deviation[left], (200_000, len(left)))
    best = np.bincount(left[values.argmax(axis=1)], minlength=items) / 200_000
    wanted = 0.4 * best + 0.6 * (np.arange(items) == 1)  # share x opened
    assert chance[:, 1] == pytest.approx(wanted[made.items[:, 1]], abs=0.005)
    often = np.bincount(made.items[:, 1], minlength=items) / users
    assert often == pytest.approx(wanted, abs=0.015)
