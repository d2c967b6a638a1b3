"""A question's context is its thread so far: what it then means, by hand, and whose questions it is put with."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from pipeline.answers import exact, turns
from tests.answers import counter
from tests.tiny_log import digests, rows_of

N0, N1 = counter.night_of(0), counter.night_of(1)
THERE = {"card": "my card has not arrived yet", "fee": "why was I charged this fee"}


def turn(number: int, about: str, text: str, minute: int = 0) -> dict[str, Any]:
    """A question in the thread of what it is about."""
    more = {"said": text, "moment": f"{N0} 09:{minute:02d}:00", "thread": f"{about} {number}"}
    return counter.question(number, N0, about) | more | {"id": f"{about}{number} {minute}"}


def chats(number: int) -> list[dict[str, Any]]:
    """Chats about both things, which end with the same words."""
    said = [turn(n, about, text, 1) for n in range(number) for about, text in THERE.items()]
    return said + [turn(n, about, "and why", 2) for n in range(number) for about in THERE]


def test_a_vector_leans_on_what_was_asked_before_the_more_the_fewer_words_it_has() -> None:
    east, north = np.eye(2, dtype=np.float32)
    vectors = exact.rounded(np.stack([east, north, east + north]))
    earlier = sparse.csr_matrix([[0.0, 0, 0], [2, 0, 0], [0, 1, 1]])
    texts = np.array(["north", "so", "now north of here"], dtype=object)
    found = turns.mixed(vectors, np.array([1, 1, 0]), earlier, texts, thread_words=1.0)
    mean = (2**-0.5) / np.linalg.norm([2**-0.5, 1 + 2**-0.5]), (1 + 2**-0.5) / np.linalg.norm([2**-0.5, 1 + 2**-0.5])
    wanted = [[0, 1], [0.5, 0.5], [0.8 + 0.2 * mean[0], 0.2 * mean[1]]]  # shares of 1 / (1 + 1) and 1 / (1 + 4)
    assert found == pytest.approx(exact.rounded(np.array(wanted)), abs=1)


def test_the_same_words_are_put_with_what_was_asked_before_them(tmp_path: Path) -> None:
    found = {}
    for words in (0, 9):
        config = counter.counter(tmp_path / str(words), 1, {"thread_words": words, "min_questions": 1})
        counter.say(tmp_path / str(words), N0, [*chats(3), *counter.centre(N0)])
        night = counter.run(config, N0)
        found[words] = {one["document_id"].split()[0][:-1] for one in rows_of(night, "clusters")}
        sizes = sorted(one["questions"] for one in rows_of(night, "clusters"))
        assert sizes == ([3, 3, 6] if words == 0 else [6, 6])
    assert found[9] == {"card", "fee"}


def test_without_threads_of_several_questions_nothing_is_another(tmp_path: Path) -> None:
    made = []
    for words in (0, 1):
        config = counter.counter(tmp_path / str(words), 1, {"thread_words": words})
        counter.say(tmp_path / str(words), N0, [*counter.day(N0), *counter.centre(N0)])
        made.append(digests(counter.run(config, N0)))
    assert made[0] == made[1]


def test_a_turn_that_comes_late_makes_a_lake_of_the_same_bytes_as_one_made_anew(tmp_path: Path) -> None:
    made = []
    for name, nights in (("one", (N0, N1)), ("two", (N1,))):
        config = counter.counter(tmp_path / name, 2, {"thread_words": 3})
        counter.say(tmp_path / name, N0, [*chats(2), *counter.centre(N0)])
        counter.say(
            tmp_path / name, N1, [turn(0, "card", "good morning", 0)]
        )  # before all that was known of the thread
        for night in (N0, N1):
            counter.stages.run_stage("ingest", night, config)
        for night in nights:
            folder = counter.run(config, night)
        made.append(digests(folder))
    assert made[0] == made[1]
