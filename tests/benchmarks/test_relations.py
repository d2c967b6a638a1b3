"""The benchmark of relations: its planted world is what it says."""

from collections.abc import Sequence

import numpy as np

from benchmarks import relations
from benchmarks.answers import OURS, figures


def nothing(texts: Sequence[str]) -> np.ndarray:
    """Vectors that say nothing."""
    return np.zeros((len(texts), 2), dtype=np.float32)


def test_the_right_answer_of_a_planted_question_is_one_hop_from_what_it_names() -> None:
    names, answers, known, asked = relations.planted(0)
    assert len(set(names)) == relations.PRODUCTS * (1 + len(relations.PARTS))
    assert len(asked) == 2 * len(answers) == 2 * len(known) == 600
    for question, right in asked:
        product, _, component = known[right]
        assert product in question
        assert component not in question
        assert component in answers[right]
        assert product not in answers[right]


def test_with_all_relations_the_questions_find_their_answers_and_without_chance_does() -> None:
    task, learned = relations.of_planted(0, 0.0, 0.0, nothing)
    ours, without, things = (
        figures(task.scores[name], task.right).mean(axis=0) for name in (OURS, relations.WITHOUT, relations.THINGS)
    )
    assert learned["relations"] == 300
    assert ours.min() > 0.6
    assert max(without.max(), things.max()) < 0.15
