"""Ridge on what came next: against normal equations by hand, on things that follow, and with nothing to learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.sources import ridge
from pipeline.sources.configuration import FullConfig
from tests.sources import shop

HORIZON = 14
Action = tuple[int, int, int, bool]
"""User, item, age in days, whether it is of the goal."""


def table_of(actions: list[Action]) -> pa.Table:
    rows = [(u, i, age, True, goal) for u, i, age, goal in sorted(actions, key=lambda a: (a[0], -a[2], a[1]))]
    columns = zip(*rows, strict=True) if rows else [()] * len(schemas.DAYS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schemas.DAYS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schemas.DAYS)


def by_hand(actions: list[Action], items: list[int], section: ridge.Ridge) -> np.ndarray:
    """B of the normal equations, a user, window and action at a time."""
    half_life, size = int(section.values.split("_")[1]), len(items)
    gram, sums = np.eye(size) * section.reg, np.zeros((size, size))
    for window in range(1, section.windows + 1):
        starts = HORIZON * window
        for user in {a[0] for a in actions}:
            mine = [a for a in actions if a[0] == user]
            before = [(i, 0.5 ** ((age - starts) / half_life)) for _, i, age, _ in mine if age >= starts]
            then = {i for _, i, age, goal in mine if goal and starts - HORIZON <= age < starts}
            if not before or not then:
                continue
            x = np.array([sum(w for j, w in before if j == i) for i in items])
            y = np.array([float(i in then) for i in items])
            weight = max(sum(w for _, w in before), 1) ** -0.5
            gram += weight * np.outer(x, x)
            sums += weight * np.outer(x, y)
    return np.linalg.solve(gram, sums)


def made_up(seed: int, users: int = 12, items: int = 7, number: int = 260) -> list[Action]:
    rng = np.random.default_rng(seed)
    drawn = {tuple(map(int, rng.integers(0, (users, items, 80)))) for _ in range(number)}
    return [(u, i, age, bool(rng.random() < 0.7)) for u, i, age in sorted(drawn)]


@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4, 5, 6], [1, 2, 5]])
def test_it_is_the_solution_of_the_normal_equations(items: list[int]) -> None:
    section = ridge.Ridge(windows=4, reg=3.0, values="decay_30")
    actions = made_up(1)
    given = ridge.lessons(table_of(actions), np.array(items), section, HORIZON)
    weights = ridge.item_weights(given, len(items), section.reg)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, by_hand(actions, items, section), atol=1e-5)


def test_who_has_a_long_history_counts_by_the_square_root_of_it() -> None:
    """A user with four times the history: its entries four times as large, divided by 4^(1/4) in both."""
    actions: list[Action] = [(0, 0, age, False) for age in (20, 21, 22, 23)] + [(0, 1, 3, True)]
    section = ridge.Ridge(windows=1, values="decay_365")
    ((history, wanted),) = ridge.lessons(table_of(actions), np.array([0, 1]), section, HORIZON)
    size = sum(0.5 ** ((age - HORIZON) / 365) for age in (20, 21, 22, 23))
    np.testing.assert_allclose(history.toarray(), [[size**0.75, 0]], rtol=1e-6)
    np.testing.assert_allclose(wanted.toarray(), [[0, size**-0.25]], rtol=1e-6)


def test_nothing_of_a_window_is_in_the_history_before_it() -> None:
    """The day a window begins with is in it, the day before is not; what is not of the goal is never wanted."""
    actions: list[Action] = [(0, 0, 14, True), (0, 1, 13, True), (0, 2, 0, True), (0, 3, 13, False)]
    section = ridge.Ridge(windows=2)
    ((history, wanted),) = ridge.lessons(table_of(actions), np.arange(4), section, HORIZON)
    assert history.indices.tolist() == [0]
    assert wanted.indices.tolist() == [1, 2]


def test_a_goal_that_weighs_nothing_is_wanted_and_no_history() -> None:
    given = table_of([(0, 0, 20, True), (0, 1, 20, True), (0, 1, 3, True)])
    given = given.set_column(3, schemas.DAYS.field("is_action"), pa.array([True, False, False]))
    ((history, wanted),) = ridge.lessons(given, np.arange(2), ridge.Ridge(windows=1), HORIZON)
    assert history.indices.tolist() == [0]
    assert wanted.indices.tolist() == [1]


def write_days(features: Path, actions: list[Action]) -> None:
    for folder in features.glob("cutoff=*"):
        pq.write_table(table_of(actions), folder / "days.parquet")


def listed(config: FullConfig, kind: lists.Kind) -> np.ndarray:
    stages.run_stage("ridge", shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "ridge", shop.NIGHT), shop.NIGHT)
    return np.asarray(lists.read_list(folder, kind, "ridge")[0])


def night(tmp_path: Path, actions: list[Action], **section: Any) -> FullConfig:
    config = shop.config_for(tmp_path, ridge={"candidates": 3, "reg": 1.0, **section})
    history = np.zeros((4, 4), dtype=np.float32)
    history[[0, 1, 2, 3], [0, 1, 2, 3]] = 1
    write_days(shop.write_features(config.lake, {shop.NIGHT: history}), actions)
    return config


def test_what_followed_is_recommended_and_what_came_before_is_not(tmp_path: Path) -> None:
    """Everybody took item 1 after item 0 and item 3 after item 2, never the other way round."""
    after = [(u, pair + late, 30 * (1 - late) + 5, True) for u, pair in enumerate((0, 0, 2, 2)) for late in (0, 1)]
    found = listed(night(tmp_path, after), "new")
    assert found[:, 0].tolist() == [1, -1, 3, -1]


def test_a_model_without_lessons_lists_nothing(tmp_path: Path) -> None:
    assert (listed(night(tmp_path, [(0, 0, 3, True)]), "all") == -1).all()


def test_scores_that_are_not_finite_are_an_error() -> None:
    section = ridge.Ridge(windows=1, reg=1e-30)
    actions: list[Action] = [(0, i, 20, True) for i in range(3)] + [(0, 0, 3, True)]
    given = ridge.lessons(table_of(actions), np.arange(3), section, HORIZON)
    with pytest.raises(TrainingError, match=r"raise ridge\.reg"):
        ridge.item_weights(given, 3, section.reg)
