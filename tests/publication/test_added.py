"""Surfaces that go by what a row adds: orders against loops, scores against another library, the published lists."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.isotonic import IsotonicRegression

from pipeline.engine import Bound
from pipeline.ground.errors import InputError
from pipeline.policies.boosted import Boosted
from pipeline.policies.uplift import Fitted
from pipeline.publication import added
from pipeline.publication.added import Added, Before, Told, levelled, own_scores
from pipeline.publication.surfaces import Block, OwnHistory
from pipeline.settings.sections import added as section
from pipeline.settings.sections.publication import Allot, Explore, Limit, Surface
from tests.publication.published_shop import published
from tests.small_shop import Shop, go, shop

SLOTS = Explore(slots=(2,), top=6, record=1.0)
HISTORY = OwnHistory(
    np.array([0, 2, 2, 5]),
    np.array([1, 4, 0, 2, 3], np.int32),
    np.array([3, 1, 2, 7, 1], np.int16),
    np.array([2.0, 9, 30, 4, 5], np.float32),
)


def model_of(worth: dict[int, float]) -> Fitted:
    """A model, by who bought it lately, of what each item of the small shop adds."""
    acted = np.array(sorted(worth), dtype=np.float64).repeat(100)
    features = np.column_stack([np.zeros((len(acted), 1)), acted, np.zeros((len(acted), 4))])
    return Fitted("dr", (Boosted().fit(features, np.array([worth[int(a)] for a in acted])),))


def test_what_is_known_of_a_pair_before() -> None:
    users, items, acted = np.array([2, 0, 1]), np.array([[0, 1], [4, 0], [3, 3]]), np.arange(5) * 10.0
    had = HISTORY.of(users, 5)
    found = Before.of(HISTORY, had, np.arange(3)[:, None], items, acted)
    assert found.acted.tolist() == [[0, 10], [40, 0], [30, 30]]
    assert found.times.tolist() == [[2, 0], [1, 0], [0, 0]]
    assert np.array_equal(found.age, [[30, np.nan], [9, np.nan], [np.nan] * 2], equal_nan=True)
    assert found.items.tolist() == [[3, 3], [2, 2], [0, 0]]
    assert np.array_equal(found.idle, [[4, 4], [2, 2], [np.nan] * 2], equal_nan=True)
    odds = found.features(np.full((3, 2), 0.25))[:, 0]
    assert odds == pytest.approx(np.full(6, np.log(1 / 3)))


def test_scores_that_rise_are_levelled_as_isotonic_regression_does() -> None:
    rng = np.random.default_rng(0)
    items = np.where(np.arange(9) < rng.integers(0, 10, (40, 1)), rng.integers(0, 99, (40, 9)), -1).astype(np.int32)
    scores = np.where(items >= 0, rng.random((40, 9)), -np.inf).astype(np.float32)
    found = levelled(Block(items, scores, np.zeros(items.shape, np.int8))).scores
    for row in range(40):
        size = int((items[row] >= 0).sum())
        assert (found[row, size:] == -np.inf).all()
        if size:
            fitted = IsotonicRegression(increasing=False).fit_transform(np.arange(size), scores[row, :size])
            assert found[row, :size] == pytest.approx(fitted, abs=1e-6)
            assert (np.diff(found[row, :size]) <= 0).all()
            assert found[row, :size].sum() == pytest.approx(scores[row, :size].sum(), rel=1e-5)


def test_every_item_finds_its_own_score() -> None:
    good = Block(np.array([[3, 1, 2], [1, 4, -1]]), np.array([[0.9, 0.5, 0.1], [0.7, 0.2, -np.inf]]), np.zeros((2, 3)))
    chosen = Block(np.array([[2, 3], [4, -1]]), np.zeros((2, 2)), np.zeros((2, 2)))
    assert own_scores(chosen, good).scores == pytest.approx(np.array([[0.1, 0.9], [0.2, -np.inf]]))


def test_the_best_by_what_they_add_come_first_and_what_no_trial_saw_behind() -> None:
    order = Added(model_of({0: 0.1, 10: -0.2, 20: 0.3, 30: 0.0, 40: 0.9}), 0.5, 3, np.arange(5) * 10.0)
    items = np.array([[1, 0, 2, 4, 3], [3, 1, -1, -1, -1]], np.int32)
    scores = np.where(items >= 0, np.linspace(0.5, 0.1, 5), -np.inf).astype(np.float32)
    good = Block(items, scores, np.tile(np.arange(5, dtype=np.int8), (2, 1)))
    found = order.ordered(good, HISTORY, HISTORY.of(np.array([0, 2]), 5))
    assert found.items.tolist() == [[2, 0, 1, 4, 3], [3, 1, -1, -1, -1]]
    assert found.sources.tolist()[0] == [2, 1, 0, 3, 4], "with their own score and source"
    assert found.scores[0].tolist() == scores[0, [2, 1, 0, 3, 4]].tolist()


def test_an_order_is_the_same_in_another_process(tmp_path: Path) -> None:
    order = Added(model_of({0: 0.1, 10: -0.2}), 0.5, 3, np.arange(5) * 10.0)
    again = Bound(Added, {name: getattr(order, name) for name in Added.__dataclass_fields__}).share(tmp_path).call()
    had = HISTORY.of(np.array([0]), 5)
    before = Before.of(HISTORY, had, np.array([[0]]), np.array([[0, 1]]), order.acted)
    chances = np.full((1, 2), 0.2)
    assert again.uplift(chances, before).tobytes() == order.uplift(chances, before).tobytes()


def by_added(home: Path, told: Told | None, **changes: Any) -> tuple[Shop, dict[str, Any]]:
    """The small shop, whose surface `for_you` is taught by the slots of `home`; each item of its own popularity."""
    made = shop(home, buyers=[9, 8, 7, 6, 0, 5, 4, 3])
    surface = Surface.model_validate({"name": "for_you", "k": 4, "added": section.Added(trial="home")} | changes)
    made.config = made.config.model_copy(update={"surfaces": (surface, Surface(name="home", k=4, explore=SLOTS))})
    made.write()
    if told is not None:
        added.write([told], made.folder("outcomes"))
    return made, go(made)


def lists(made: Shop, surface: str = "for_you") -> list[tuple[Any, ...]]:
    rows = [row for row in published(made, "recommendations") if row["surface"] == surface]
    return [(row["user_id"], row["rank"], row["item_id"], row["score"], row["source"]) for row in rows]


def models(worth: dict[int, float]) -> tuple[str, ...]:
    return tuple(model.text for model in model_of(worth).models)


WON = Told("for_you", "for_you: lists go by what a row adds.", "dr", 0.5, models({9: 0.0, 8: 0.3, 7: 0.1, 0: 0.4}))
LOST = Told("for_you", "for_you: lists go by the probability.", "dr")


def test_lists_go_by_what_a_row_adds_and_scores_do_not_rise(tmp_path: Path) -> None:
    made, report = by_added(tmp_path / "a", WON)
    plain, _ = by_added(tmp_path / "b", None, added=None)
    assert report["added_for_you"] == WON.said
    rows, before = lists(made), {(user, item): score for user, _, item, score, _ in lists(plain)}
    mine = [row for row in rows if row[0] == "u0"]  # was i0, i1, i4 and what is popular; i4 adds .4, i1 .3, i0 nothing
    assert [item for _, _, item, _, _ in mine][:3] == ["i4", "i1", "i0"]
    assert [source for *_, source in mine][:3] == ["language_model", "als", "buy_again"], "whose list it is stays"
    own = [before["u0", item] for item in ("i4", "i1", "i0")]
    assert [score for _, _, _, score, _ in mine][:3] == pytest.approx([np.mean(own)] * 3)
    others = [[row for row in lists(one, "home") if row[1] not in SLOTS.slots] for one in (made, plain)]
    assert others[0] == others[1]


def test_where_the_trial_is_not_won_lists_are_as_ever(tmp_path: Path) -> None:
    made, report = by_added(tmp_path / "a", LOST)
    plain, _ = by_added(tmp_path / "b", None, added=None)
    assert lists(made) == lists(plain)
    assert report["added_for_you"] == LOST.said


def test_a_surface_may_teach_itself(tmp_path: Path) -> None:
    """Its record has every item's own probability, though its published scores are levelled."""
    surface = {"added": section.Added(), "explore": SLOTS}
    made, _ = by_added(tmp_path / "a", WON, **surface)
    plain, _ = by_added(tmp_path / "b", None, **(surface | {"added": None}))
    folder = f"publish/.run_date={made.night}.partial/withheld.for_you.parquet"
    found, before = (pq.read_table(one.config.lake / folder).to_pylist() for one in (made, plain))
    own = {(row["user_id"], row["item_id"]): row["score"] for row in before}
    both = [row for row in found if (row["user_id"], row["item_id"]) in own]
    assert len(both) > 3
    assert all(row["score"] == own[row["user_id"], row["item_id"]] for row in both)
    scores = [[row[3] for row in lists(made) if row[0] == user] for user in ("u0", "u1", "u2")]
    assert all((np.diff(mine) <= 0).all() for mine in scores)


def test_what_is_allotted_goes_to_whom_it_adds_most(tmp_path: Path) -> None:
    """Of two rows in all: by probability the best of two users, by what they add i4 and i1, of one."""
    limits = Allot(limits=(Limit(most=2),), candidates=4)
    made, report = by_added(tmp_path / "a", WON, allot=limits)
    plain, _ = by_added(tmp_path / "b", None, allot=limits, added=None)
    assert {item for _, _, item, _, _ in lists(made)} == {"i4", "i1"} != {item for _, _, item, _, _ in lists(plain)}
    assert report["allotted_for_you"]["worth"] == pytest.approx(0.7, abs=0.02)
    scores = {item: score for _, _, item, score, _ in lists(made)}
    assert 0.5 <= scores["i4"] < scores["i1"] <= 1, "which is the probability as ever, and the order"


def test_what_the_night_must_say(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"added.json is missing: run stage 'outcomes' again with --force"):
        by_added(tmp_path / "a", None)
    made, _ = by_added(tmp_path / "b", WON)
    for path in made.folder("ensemble").rglob("*.probability.npy"):
        path.unlink()
    with pytest.raises(InputError, match="surface 'for_you': what a row adds is told from its probability"):
        go(made)
