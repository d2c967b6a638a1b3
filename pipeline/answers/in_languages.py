"""Answers in several languages: a question is answered in its own.

For the questions of a language there are its answers, and those whose language is not known, and nothing else. How rare
a word is is counted among them alone: a common word of a language that few write in would be a rare one among all. A
question whose language is not known seeks among all. One in a language that is not declared, of which nothing says
which answers are in it too, has those alone whose language is not known.
"""

import numpy as np

from pipeline.answers.asked import Pairs
from pipeline.answers.related import Related
from pipeline.answers.scoring import Asking, Knowledge
from pipeline.words.spoken import UNKNOWN


class InLanguages(Knowledge):
    """What is known of the answers, and of those that the questions of each language can have.

    Args:
        whole: all of them.
        answers, asked: [A], [P] the texts of the answers, and of the pairs' questions.
        languages: [A] int64 the language of each answer; UNKNOWN.
        declared: number of languages; the next place stands for all others.
    """

    def __init__(
        self, whole: Knowledge, answers: np.ndarray, asked: np.ndarray, languages: np.ndarray, declared: int
    ) -> None:
        self.__dict__.update(whole.__dict__)
        self._of: list[tuple[np.ndarray, Knowledge]] = []
        for language in range(declared + 1):
            own = (languages == language) & (language < declared)
            mine = np.flatnonzero(own | (languages == UNKNOWN))
            self._of.append((mine, part(whole, answers, asked, mine)))

    def parts(self, asking: Asking) -> np.ndarray:
        """As of all answers, with nothing of those in another language."""
        if asking.languages is None:
            return super().parts(asking)
        found = np.zeros((len(self.names), len(asking.texts), self.size), dtype=np.float32)
        for language in np.unique(asking.languages).tolist():
            rows = np.flatnonzero(asking.languages == language)
            if language == UNKNOWN:
                found[:, rows] = super().parts(asking.take(rows))
                continue
            mine, known = self._of[language]
            found[:, rows[:, None], mine] = known.parts(asking.take(rows))
        return found


def part(whole: Knowledge, answers: np.ndarray, asked: np.ndarray, some: np.ndarray) -> Knowledge:
    """What is known of some answers, as if there were no others.

    Args:
        whole: of all.
        answers, asked: [A], [P] texts, as above.
        some: [M] int64 answers, rising.
    """
    place = np.full(whole.size, -1, dtype=np.int64)
    place[some] = np.arange(len(some))
    kept = place[whole.pairs.answer] >= 0
    pairs = Pairs(whole.pairs.question[kept], place[whole.pairs.answer[kept]], whole.pairs.strength[kept])
    related = whole.related
    return Knowledge(
        answers[some],
        whole.vectors[some],
        pairs,
        asked=asked[kept],
        asked_vectors=whole.asked_vectors[kept],
        when=whole.when[kept],
        related=None if related is None else Related(related.relations, answers[some], related.named[some]),
    )
