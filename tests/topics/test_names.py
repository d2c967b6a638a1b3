"""Topics keep the names of those with which they share most texts."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from pipeline.ground import artifacts
from pipeline.topics import names

KEYS = np.array(list("abcdefgh"))


def hashed(key: str) -> str:
    return artifacts.text_sha256("topic", key)[:16]


def test_a_new_topic_is_named_by_its_first_text() -> None:
    assert names.names(np.array([0, 1, 0, 1, -1, 1, 0, 0]), KEYS, {}) == [hashed("a"), hashed("b")]
    assert names.names(np.zeros(0, dtype=np.int64), KEYS[:0], {}) == []


def test_names_go_where_most_texts_go() -> None:
    before = dict.fromkeys("abcd", "one") | dict.fromkeys("ef", "two")
    of = np.array([1, 1, 1, 0, 0, 0, 0, 1])  # d went over to the second one, which grew by g
    assert names.names(of, KEYS, before) == ["two", "one"]


def test_of_a_topic_that_is_split_the_larger_part_goes_on() -> None:
    of = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    assert names.names(of, KEYS, dict.fromkeys("abcdefgh", "one")) == ["one", hashed("f")]


def test_a_topic_with_few_of_the_texts_is_a_new_one() -> None:
    before = dict.fromkeys("abcdefg", "one") | {"h": "two"}
    of = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    assert names.names(of, KEYS, before | {"h": "one"}) == ["one", hashed("g")]
    assert names.names(of[:7], KEYS[:7], {key: str(n) for n, key in enumerate(KEYS)})[1] == "6"


def test_a_name_is_given_once() -> None:
    taken = hashed("a")
    found = names.names(np.array([0, 1, 1]), KEYS[:3], {"b": taken, "c": taken})
    assert found[1] == taken
    assert found[0] not in {taken, hashed("b")}


@pytest.mark.parametrize("seed", range(20))
def test_parts_that_nothing_connects_share_what_one_assignment_of_all_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, topics = rng.integers(1, 40, 2)
    shared = rng.integers(1, 5, (groups, topics)) * (rng.random((groups, topics)) < 0.04)
    found = list(names._assigned(sparse.csr_matrix(shared)))
    assert all(shared[group, topic] == texts > 0 for group, topic, texts in found)
    assert len({group for group, _, _ in found}) == len({topic for _, topic, _ in found}) == len(found)
    assert sum(texts for _, _, texts in found) == shared[linear_sum_assignment(shared, maximize=True)].sum()
