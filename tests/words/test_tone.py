"""The tone of days: against sums worked row by row, and whether the intervals hold what they are to hold."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from pipeline.settings.sections.words import Entities
from pipeline.words import tone
from pipeline.words.schemas import LABELS

VALUES = {"good": 1.0, "bad": -1.0, "flat": 0.0}
SECTION = Entities(enabled=True, sentiment="mood", values=VALUES)


def days(cells: list[int], values: list[float], shape: tuple[int, int]) -> tone.Days:
    ids = [f"d{n:05d}" for n in range(len(cells))]
    worth = tone.Values(pa.array(ids), np.array(values))
    names = np.array(ids, dtype=object)
    return tone.of_days(np.array(cells, dtype=np.int64), names, names, shape, worth)


def test_what_is_said_again_on_a_day_counts_once_and_where_all_agree_no_change_is_sure() -> None:
    ids = np.array(["a", "b", "c", "d"], dtype=object)
    worth = tone.Values(pa.array(ids.tolist()), np.array([0.1, -1.0, -1.0, -1.0]))
    keys = np.array(["x", "y", "y", "y"], dtype=object)
    found = tone.of_days(np.array([3, 3, 3, 2]), ids, keys, (1, 4), worth)
    assert found.number[0].tolist() == [0, 0, 1, 2]
    assert found.sums[0].tolist() == pytest.approx([0, 0, -1, -0.9])
    alike = days([n // 2 for n in range(24)], [0.1] * 24, (1, 12)).against_past(8)
    assert np.isnan(alike["change_high"]).all()
    assert alike["mean"][0] == pytest.approx(0.1)


def test_a_tone_and_its_past_are_the_means_of_the_documents() -> None:
    rng = np.random.default_rng(1)
    cells, values = rng.integers(0, 2 * 12, 150), rng.normal(size=150)
    found = days(cells.tolist(), values.tolist(), (2, 12)).against_past(8)
    for entity in range(2):
        for day in (8, 11):
            today = values[cells == entity * 12 + day]
            past = [values[cells == entity * 12 + d] for d in range(day - 8, day)]
            assert found["labelled"][entity, day] == len(today)
            assert found["mean"][entity, day] == pytest.approx(today.mean())
            usual = np.concatenate(past).mean()
            assert found["usual"][entity, day] == pytest.approx(usual)
            assert found["change"][entity, day] == pytest.approx(today.mean() - usual)
            sizes = np.array([len(one) for one in past])
            off = np.array([one.sum() - len(one) * usual for one in past])
            variance = (off**2).sum() / sizes.sum() ** 2 * len(past) / (len(past) - 1)
            half = (found["high"] - found["low"])[entity, day] / 2
            freedom = tone.PRIOR + len(today) - 1
            wide = stats.t.ppf(0.975, freedom) * np.sqrt((half / stats.t.ppf(0.975, freedom)) ** 2 + variance)
            assert (found["change_high"] - found["change_low"])[entity, day] / 2 == pytest.approx(wide)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_interval_of_few_texts_holds_the_mean_of_nearly_all_days(number: int) -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=2000)
    values = (truth[:, None] + rng.normal(size=(2000, number))).ravel()
    more = rng.normal(size=200)  # a thing with many texts, from which the spread is known
    cells = [*np.repeat(np.arange(2000), number).tolist(), *[2000] * 200]
    found = days(cells, [*values.tolist(), *more.tolist()], (2001, 1)).against_past(1)
    low, high = found["low"][:2000, 0], found["high"][:2000, 0]
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.999


def test_what_cannot_be_known_is_not_a_number() -> None:
    found = days([5], [1.0], (1, 6)).against_past(5)
    assert found["mean"][0, 5] == 1
    assert all(np.isnan(found[name][0, 5]) for name in ("low", "high", "usual", "change", "change_low"))
    assert np.isnan(found["mean"][0, 4])


def test_an_unsure_label_is_worth_what_lies_between(tmp_path) -> None:  # type: ignore[no-untyped-def]
    said = {"label_set": "mood", "is_given": False, "second": "bad", "best": "good", "probability": 0.75}
    rows = [
        said | {"document_id": "a", "label": None},
        said | {"document_id": "b", "label": "bad", "is_given": True},
        said | {"document_id": "c", "best": "flat", "probability": 0.5},
        said | {"document_id": "d", "best": "unheard of"},
        said | {"document_id": "e", "second": "unheard of"},
        said | {"document_id": "f", "label_set": "other"},
        said | {"document_id": "g", "label": None, "is_given": True, "best": None, "second": None, "probability": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows[::-1], LABELS), tmp_path / "labels.parquet")
    found = tone.values(tmp_path, SECTION)
    assert found is not None
    worth = dict(zip(found.document_ids.to_pylist(), found.values.tolist(), strict=True))
    assert worth == {"a": pytest.approx(0.5), "b": -1, "c": pytest.approx(-0.5), "e": 1}
    assert tone.values(tmp_path, Entities(enabled=True)) is None
    assert tone.values(None, SECTION) is None
