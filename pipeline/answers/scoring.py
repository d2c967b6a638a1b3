"""How well each answer fits a question: words, meaning, and the questions that it answered before.

    score(q, a) = sum over the parts of weight x part

    words           BM25 of the answer's text for the question
    meaning         cosine of the two
    asked_words     BM25, the most of the answer and of the questions for which something speaks for it
    asked           cosine, the most of the same
    resolved        cosine, the most of the answer and of the questions that it resolved, or was found helpful for
    related         it is about what the question names, or about a thing one hop from that; a part only where a night
                    knows relations between things (pipeline.answers.related)

As the answer itself is among what the most is taken of, one that was never given before is not behind those that were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.answers import exact, lexical
from pipeline.answers.asked import HELPFUL, RESOLVED, Pairs
from pipeline.answers.related import Related
from pipeline.arrays.blocks import blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PARTS = ("words", "meaning", "asked_words", "asked", "resolved")
RELATED = "related"
"""One more where relations are known."""
HELPFUL_COUNTS = 0.8
"""What a question counts that an answer was found helpful for, of one that it resolved."""
OWN_WORDS = 0.3
"""What the answer's own words count beside those of questions: a long text has most words of a short question."""
OWN = ((2, 0, np.float32(OWN_WORDS)), (3, 1, np.float32(1)), (4, 1, np.float32(1)))
"""Of the parts that questions speak in, which of the answer itself is the least, and what that counts."""
SCORES_AT_ONCE = 2**23
"""Scores of one part that are in memory at a time."""


@dataclass(frozen=True)
class Asking:
    """Questions that seek an answer.

    Attributes:
        texts: [N].
        vectors: [N, h] of `exact.rounded`.
        until: [N] int64 place in time before which questions speak for answers to it (`Knowledge.when`).
        named: [N, T] CSR, not 0 where a question names a thing of `Related.relations`; None: no relations are known.
        languages: [N] int64 the language of each (pipeline.words.spoken); None: languages are not told apart.
    """

    texts: np.ndarray
    vectors: np.ndarray
    until: np.ndarray
    named: "csr_matrix | None" = None
    languages: np.ndarray | None = None

    def take(self, rows: np.ndarray | slice) -> "Asking":
        """Some of them."""
        named = None if self.named is None else self.named[rows]
        languages = None if self.languages is None else self.languages[rows]
        return Asking(self.texts[rows], self.vectors[rows], self.until[rows], named, languages)


class Knowledge:
    """The answers, and the questions that speak for them.

    Args:
        answers: [A] their texts.
        vectors: [A, h] of `exact.rounded`.
        pairs: what speaks for them.
        asked: [P] the text of each pair's question.
        asked_vectors: [P, h] of `exact.rounded`.
        when: [P] int64 the place in time of each pair's question; another number for each document.
        related: the things that the answers are about; None: no relations are known.
    """

    def __init__(
        self,
        answers: np.ndarray,
        vectors: np.ndarray,
        pairs: Pairs,
        *,
        asked: np.ndarray,
        asked_vectors: np.ndarray,
        when: np.ndarray,
        related: Related | None = None,
    ) -> None:
        self.related = related
        self.pairs, self.when, self.vectors, self.asked_vectors = pairs, when, vectors, asked_vectors
        self._answers, self._questions = lexical.learn(list(answers)), lexical.learn(list(asked))
        self._of_answers = self._answers.documents(list(answers))
        self._of_questions = self._questions.documents(list(asked))
        self._answered, self._starts = np.unique(pairs.answer, return_index=True)
        self._counts = np.select([pairs.strength == RESOLVED, pairs.strength == HELPFUL], [1.0, HELPFUL_COUNTS], 0.0)

    @property
    def size(self) -> int:
        """How many answers there are."""
        return len(self.vectors)

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of a score."""
        return PARTS if self.related is None else (*PARTS, RELATED)

    def parts(self, asking: Asking) -> np.ndarray:
        """[F, N, A] float32, each of `names`; all at once, so for few questions: see `in_blocks`."""
        found = np.zeros((len(self.names), len(asking.texts), self.size), dtype=np.float32)
        if not self.size or not len(asking.texts):
            return found
        texts = list(asking.texts)
        found[0] = lexical.shares(self._answers.queries(texts), self._of_answers)
        found[1] = np.maximum(exact.cosines(asking.vectors, self.vectors), 0)
        if len(self.pairs.answer):
            hidden = self.when[None, :] >= asking.until[:, None]
            words, near = self._nearness(asking, texts)
            for part, values in ((2, words), (3, near), (4, near * self._counts.astype(np.float32))):
                values[hidden] = 0
                found[part][:, self._answered] = np.maximum.reduceat(values, self._starts, axis=1)
        for part, own, share in OWN:
            np.maximum(found[part], found[own] * share, out=found[part])
        if self.related is not None and asking.named is not None:
            found[len(PARTS)] = self.related.scores(asking.texts, asking.named)
        return found

    def _nearness(self, asking: Asking, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """[N, P] by words and by meaning, of each question to those of the pairs."""
        words = lexical.shares(self._questions.queries(texts), self._of_questions)
        return words, np.maximum(exact.cosines(asking.vectors, self.asked_vectors), 0)

    def in_blocks(self, asking: Asking) -> Iterator[tuple[slice, np.ndarray]]:
        """`parts` of so many questions as are in memory at a time, with their places."""
        wide = max(self.size, len(self.pairs.answer), 1)
        for block in blocks(len(asking.texts), max(1, SCORES_AT_ONCE // wide)):
            yield block, self.parts(asking.take(block))

    def nearest(self, asking: Asking, answer: np.ndarray) -> np.ndarray:
        """[N] int64 the pair through which an answer's `resolved`, else its `asked`, is what it is; -1: there is none.

        Args:
            asking: questions.
            answer: [N] one answer of each.
        """
        found = np.full(len(answer), -1, dtype=np.int64)
        ends = np.append(self._starts[1:], len(self.pairs.answer))
        place = np.searchsorted(self._answered, answer)
        for row in np.flatnonzero(np.isin(answer, self._answered)):
            mine = np.arange(self._starts[place[row]], ends[place[row]])
            mine = mine[self.when[mine] < asking.until[row]]
            near = exact.cosines(asking.vectors[row : row + 1], self.asked_vectors[mine])[0]
            if len(mine):
                found[row] = mine[np.lexsort([mine, -near, -near * self._counts[mine]])[0]]
        return found


def total(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N, A] float32 scores of parts [F, N, A]; added in one order."""
    found = np.zeros(parts.shape[1:], dtype=np.float32)
    for part, weight in zip(parts, weights, strict=True):
        found += part * np.float32(weight)
    return found


def worth(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[F, ...] what each of PARTS [F, ...] adds to a score; where no question speaks, the answer itself does."""
    found = parts * weights.reshape(-1, *[1] * (parts.ndim - 1))
    for part, own, share in OWN:
        is_own = parts[part] <= parts[own] * share
        found[own] += np.where(is_own, found[part], 0)
        found[part] = np.where(is_own, 0, found[part])
    return np.asarray(found)
