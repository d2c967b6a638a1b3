"""The benchmark of search: its measures by hand, its made-up log, and that it reads a folder."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.search import again, measures, personal, planted, rankers
from benchmarks.search import log as logs
from pipeline.encoder.encoder import NoEncoder

TITLES = ["red mug", "blue mug", "tea pot", "garden gnome", "green watering can", "paper lantern white"]


def test_measures_of_lists_by_hand() -> None:
    lists = np.array([[5, 7, 9], [7, 5, 9], [1, 2, 3], [-1, -1, -1]])
    found = measures.measure(np.hstack([lists, np.full((4, 7), -1)]), np.array([5, 5, 5, 5]))
    assert found.ndcg.tolist() == pytest.approx([1, 1 / np.log2(3), 0, 0])
    assert found.reciprocal_rank.tolist() == [1, 0.5, 0, 0]
    assert found.empty.tolist() == [0, 0, 0, 1]
    deep = np.full((1, 10), 9)
    deep[0, 5] = 4
    at_six = measures.measure(deep, np.array([4]))
    assert (at_six.average_precision[0], at_six.reciprocal_rank[0]) == (0, pytest.approx(1 / 6))


def test_an_interval_is_of_queries_and_not_of_choices() -> None:
    same = np.zeros(400)
    apart = np.repeat([1.0, -1.0], 200)
    alone = measures.difference(apart, same, np.arange(400))
    together = measures.difference(apart, same, np.repeat(np.arange(4), 100))
    assert alone[0] == together[0] == 0
    assert together[2] - together[1] > 3 * (alone[2] - alone[1])


def made(seed: int = 1) -> logs.Log:
    weekly = np.tile(np.array([9.0, 1, 5, 3, 3, 3]), (4, 1))
    return planted.make(TITLES, planted.Plan(weekly, 4000, seed))


def test_a_made_up_log_is_the_same_again_and_clicks_fall_with_the_place() -> None:
    first, again = made(), made()
    assert first.query.tolist() == again.query.tolist()
    assert first.item.tolist() == again.item.tolist()
    assert first.item.tolist() != made(2).item.tolist()
    assert (np.diff(first.day) >= 0).all()
    assert first.wanted[first.place == 0].all()  # found elsewhere
    at = np.bincount(first.place[first.place > 0], minlength=4)
    assert at[1] > at[2] > at[3]
    assert 0.5 < first.wanted.mean() < 1


def test_answers_are_learned_from_what_came_before() -> None:
    log = made()
    (often, _), *_ = Counter(log.query.tolist()).most_common()
    chosen = Counter(log.item[log.query == often].tolist())
    shop = rankers.Shop(log, [often, "mgu red", "mug"], rankers.Memory(NoEncoder()))
    assert rankers.counts(shop)[0, 0] == chosen.most_common(1)[0][0]
    assert set(rankers.bm25(shop)[2, :2]) == {0, 1}
    assert (rankers.bm25(shop)[2, 2:] == -1).all()
    assert rankers.look_up(shop)[1, 0] == 0
    assert set(rankers.look_up(shop)[2, :2]) == {0, 1}
    assert rankers.popularity(shop)[2, 0] == Counter(log.item.tolist()).most_common(1)[0][0]


def test_a_folder_of_csv_is_read(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\nb,Tea pot\na,Red mug\n")
    (tmp_path / "clicks.csv").write_text(
        "query,item_id,time\n  Red  MUG,a,2011-01-02 00:00:00\npot,b,2011-01-01 12:00:00\n"
        "pot,gone,2011-01-01\n,a,2011-01-01\n"
    )
    found = logs.read(tmp_path)
    assert found.titles == ("Red mug", "Tea pot")
    assert (found.query.tolist(), found.item.tolist()) == (["pot", "red mug"], [1, 0])
    assert np.diff(found.day).tolist() == [0.5]
    with pytest.raises(SystemExit, match=r"has no clicks\.parquet or clicks\.csv"):
        logs.read(tmp_path / "none")


def test_what_was_asked_again_teaches_the_first_words_and_nothing_else() -> None:
    weekly = np.tile(np.array([9.0, 1, 5, 3, 3, 3]), (4, 1))
    made = planted.visits(TITLES, planted.Plan(weekly, 3000, seed=1))
    plain = planted.make(TITLES, planted.Plan(weekly, 3000, seed=1))
    assert made.first.query.tolist() == plain.query.tolist()
    assert not np.isin(made.who, made.first_of).any()  # who found something does not ask again
    found = again.searched(made, 21.0)
    chosen: dict[int, list[int]] = {}
    for number, item, day in zip(made.then_of, made.then.item, made.then.day, strict=True):
        if day < 21.0:
            chosen.setdefault(int(number), []).append(int(item))
    words = [(str(made.searches.query[made.who[n]]), str(made.retries.query[n])) for n in range(len(made.who))]
    expected = Counter[tuple[str, int]]()
    for number, items in chosen.items():
        first, then = words[number]
        if first != then:
            expected.update((first, item) for item in set(items))
    assert Counter(pair for pair in found if pair[1] >= 0) == expected
    assert sum(item < 0 for _, item in found) >= int((made.searches.day < 21.0).sum())


def sales() -> personal.Sales:
    """Two customers and guests, for half a year: the first buys mugs, again and again."""
    rng = np.random.default_rng(0)
    end = (personal.REPORTED[0] - date(1970, 1, 1)).days
    item, customer = rng.integers(0, 6, 900), rng.integers(-1, 2, 900)
    return personal.Sales(TITLES, np.where(customer == 0, item % 2, item), customer, end - rng.integers(0, 180, 900))


def test_an_order_by_what_was_bought_is_that_of_a_loop() -> None:
    found = personal.answered(sales(), personal.REPORTED[0], rankers.Memory(NoEncoder()), 3000, 50)
    assert found.items.shape[0] == len(found.right) == 50
    order = documented()
    for row, items in enumerate(found.items):
        there = items >= 0
        answers = [(int(i), float(np.exp(s))) for i, s in zip(items[there], found.log_share[row][there], strict=True)]
        bought = {int(i): float(n) for i, n in zip(items[there], found.bought[row][there], strict=True)}
        listed = [item for item, _ in order(answers, bought)][:10]
        place = listed.index(int(found.right[row])) + 1 if int(found.right[row]) in listed else np.inf
        assert found.ndcg(personal.CHOSEN)[row] == pytest.approx(1 / np.log2(place + 1) if np.isfinite(place) else 0)
    assert found.again.any()


def documented() -> Any:
    """The order of docs/search.md."""
    text = Path("docs/search.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# whose\n(.*?)```", text, flags=re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found["for_person"]


def test_the_documented_order_by_hand() -> None:
    answers = [("a", 0.4), ("b", 0.3), ("c", 0.1)]
    assert documented()(answers, {}) == answers
    assert documented()(answers, {"b": 3, "c": 100}) == [answers[2], answers[1], answers[0]]
    scores = [("a", 9.0), ("b", 7.0)]
    assert documented()(scores, {"b": 1}, "search_terms") == scores
    assert documented()(scores, {"b": 9}, "search_terms") == scores[::-1]


def test_a_history_ends_where_what_is_judged_begins() -> None:
    made = sales()
    day = int(np.median(made.day))
    counted = made.bought(day).toarray()
    for customer in (0, 1):
        kept = (made.customer == customer) & (made.day < day)
        assert counted[customer].tolist() == np.bincount(made.item[kept], minlength=6).tolist()
