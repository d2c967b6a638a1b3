"""Probabilities of a made-up night against what happened, and the report's parts about them."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import lists
from pipeline.judging import probabilities, reliability
from pipeline.judging.report import charts
from tests import judged_night
from tests.judging.report.test_html import HOSTILE, Balance


@pytest.fixture
def night(tmp_path) -> judged_night.Night:
    """A night whose final lists promise 0.2 for every item, given that the user acts, which 4 in 5 do."""
    made = judged_night.make(tmp_path)
    for cutoff in (judged_night.CUTOFF, made.night):
        folder = lists.cutoff_dir(made.folder("ensemble"), cutoff)
        for pool in lists.KINDS:
            items = lists.read_list(folder, pool, "final")[0]
            chance = np.where(items >= 0, np.float32(0.8 * 0.2), np.float32(0))
            np.save(folder / f"{pool}.final.probability.npy", chance)
            np.save(folder / f"{pool}.activity.npy", np.full(judged_night.USERS, 0.8, np.float32))
    return made


def judged(night: judged_night.Night) -> Cutoff:
    return next(c for c in read_cutoffs(night.folder("features")) if c.cutoff == judged_night.CUTOFF)


def test_halves_are_judged_on_whom_they_are_about(night):
    stats = judged_night.USERS
    _user_stats(night)
    found = probabilities.judge(night.folder("ensemble"), judged(night), night.config)
    items = found["all", "items"]
    assert items.predicted == pytest.approx([0.2])  # given that the user acts: 0.8 x 0.2 / 0.8
    rows = night.rows["all", "final"]
    hits = sum(len(set(rows[u]) & set(night.truth[u])) for u in range(stats))
    assert items.observed == pytest.approx([hits / (rows >= 0).sum()])
    users = found["all", "users"]
    assert users.predicted == pytest.approx([0.8])
    assert users.observed == pytest.approx([1.0])  # everybody acted
    assert users.error == pytest.approx(0.2)


def _user_stats(night: judged_night.Night) -> None:
    import pyarrow as pa

    from pipeline.ground import schemas

    columns = {f.name: [1] * judged_night.USERS for f in schemas.USER_STATS}
    columns["user_index"] = list(range(judged_night.USERS))
    for cutoff in (judged_night.CUTOFF, night.night):
        folder = lists.cutoff_dir(night.folder("features"), cutoff)
        pq.write_table(pa.table(columns, schema=schemas.USER_STATS), folder / "user_stats.parquet")


def test_tables_are_what_was_found(night, tmp_path):
    _user_stats(night)
    found = probabilities.judge(night.folder("ensemble"), judged(night), night.config)
    probabilities.write(found, [], tmp_path)
    totals = pq.read_table(tmp_path / "calibration.parquet").to_pylist()
    assert {(row["pool"], row["subject"]) for row in totals} == set(found)
    bins = pq.read_table(tmp_path / "reliability.parquet").to_pylist()
    assert sum(row["count"] for row in bins) == sum(row["count"] for row in totals)
    assert pq.read_table(tmp_path / "ablation.parquet").num_rows == 0


def test_without_probabilities_there_is_nothing_to_say(tmp_path):
    made = judged_night.make(tmp_path)
    assert probabilities.judge(made.folder("ensemble"), judged(made), made.config) == {}
    assert probabilities.section({}, {}) == []
    assert probabilities.worth_section([], {}) == []


def rows() -> list[dict[str, object]]:
    keys = ("pool", "source", "metric", "with_it", "without", "difference", "low", "high", "alone", "users")
    made = [("all", HOSTILE, "ndcg@10", 0.3, 0.2, 0.1, 0.05, 0.15, 0.25, 70)]
    made += [("new", "als", "ndcg@10", 0.3, 0.31, -0.01, -0.02, 0.01, 0.0, 70)]
    return [dict(zip(keys, row, strict=True)) for row in made]


def test_the_sections_are_well_formed_and_escaped():
    given = np.linspace(0.01, 0.9, 300)
    of = reliability.measure(given, np.random.default_rng(0).random(300) < given)
    assert of is not None
    surfaces = {"all": HOSTILE, "new": "discover"}
    parts = [
        *probabilities.section({("all", "items"): of, ("new", "users"): of}, surfaces),
        *probabilities.worth_section(rows(), surfaces),
    ]
    assert [title for title, _ in parts] == ["Do the scores come true?", "What each source is worth"]
    for _, body in parts:
        parser = Balance()
        parser.feed(body)
        assert parser.open == []
        assert HOSTILE not in body
        assert "<script" not in body
    assert "25.0% of candidates are its own" in parts[1][1]


def test_dots_on_the_line_are_right():
    of = reliability.Reliability(
        np.array([0.1, 0.5]), np.array([0.1, 0.25]), np.array([10, 10]), 0.1, 0.1, 0.1, 0.2, 0.2
    )
    svg = charts.reliability(of)
    points = [(float(x), float(y)) for x, y in re.findall(r'<circle class="final" cx="([\d.]+)" cy="([\d.]+)"', svg)]
    x0, y0, x1, y1 = (float(n) for n in re.findall(r'class="zero" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', svg)[0])
    above = [(y - y0) / (y1 - y0) - (x - x0) / (x1 - x0) for x, y in points]
    assert above[0] == pytest.approx(0, abs=0.01)
    assert above[1] < -0.1  # foretold more than came true
