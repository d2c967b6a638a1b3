"""Shops whose items live days, as news has: what is popular is what is popular now, and what is old may go."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.ground.errors import GateError
from tests.publication.published_shop import published
from tests.small_shop import NIGHT, go, shop


@pytest.mark.parametrize(
    ("lifetime", "first", "said"),
    [(6.0, [("i6", 9), ("i2", 7)], "now"), (None, [("i0", 80), ("i1", 70)], "this month")],
)
def test_popular_is_what_is_popular_now(
    tmp_path: Path, lifetime: float | None, first: list[tuple[str, float]], said: str
) -> None:
    """By the trend and not by the buyers of a month; a shop whose items live on has its month."""
    trend, buyers = [0.5, 0, 7, 3, 0, 0, 9, 1], [80, 70, 60, 50, 40, 30, 20, 10]
    made = shop(tmp_path, trend=trend, buyers=buyers, lifetime_hours=lifetime, all_lists=[[], [], []])
    go(made.write())
    popular = [row for row in published(made, "popular_items") if row["segment"] == "all"]
    found = [(row["item_id"], row["score"]) for row in sorted(popular, key=lambda row: row["rank"])]
    assert found[: len(first)] == first
    reasons = {row["reason"] for row in published(made, "recommendations") if row["reason"].startswith("Popular")}
    assert reasons == {f"Popular {said}"}


@pytest.mark.parametrize(("lifetime", "stops"), [(None, True), (200.0, True), (8.0, True), (7.9, False)])
def test_what_is_old_for_its_kind_may_go(tmp_path: Path, lifetime: float | None, stops: bool) -> None:
    """After three lifetimes; an item of a shop whose items live on is never old."""
    go(shop(tmp_path).write())
    lists = {"all_lists": [[7], [7], [7]], "age_hours": 24.0, "lifetime_hours": lifetime}
    other = shop(tmp_path, night=NIGHT + timedelta(days=1), **lists).write()
    strict = other.config.publish.model_copy(update={"max_churn": 0.3})
    other.config = other.config.model_copy(update={"publish": strict})
    with pytest.raises(GateError) if stops else contextlib.nullcontext():
        go(other)
