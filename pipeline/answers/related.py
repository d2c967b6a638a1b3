"""The sixth part of a score: an answer about what the question names, or about a thing one hop from that.

    related(q, a) = max over the things t of a of  rare(t) x
        DIRECT                               where q names t
        HOP + (1 - HOP) x mentioned(q, hop)  where a thing that q names is related to t

    rare(t)            idf of t among the answers, as a share of the idf of what none is about
    mentioned(q, hop)  of the words of the relation, or of t's name, the share that q has, the rare ones above all

"What about X's Y" names X, and Y is a relation's word or a related thing's name: such a hop says more than that the
answer is about X, and a hop that nothing in the question asks for says less. A hop goes either way: a relation is
written once, and a question about a part may be answered by what is said of the whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.answers import lexical
from pipeline.ground import word_patterns

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

DIRECT, HOP = 0.75, 0.25
"""What an answer about the thing itself is worth, and one about a related thing that the question does not mention."""
MOST_HOPS = 100
"""Of a thing that has one relation to more things, as a brand to its products, none is followed that way."""
HOPS_AT_ONCE = 2**20
"""Hops of questions that are in memory at a time."""
LONGEST, SHORTEST = 5, 3
"""Words of a name that is looked for in texts, at most, and letters and digits, at least."""
SPLIT: dict[str, Any] = {"token_pattern": word_patterns.WORD, "preprocessor": word_patterns.folded}


@dataclass(frozen=True)
class Relations:
    """Relations of a night; `other` is the `relation` of `thing`.

    Attributes:
        names: [T] the things, sorted.
        thing, other: [R] int64 places in `names`.
        relation: [R] text or None.
    """

    names: np.ndarray
    thing: np.ndarray
    other: np.ndarray
    relation: np.ndarray

    @classmethod
    def of(cls, thing: Sequence[str], relation: Sequence[str | None], other: Sequence[str]) -> "Relations":
        """Of a table's columns."""
        both = np.array([*thing, *other], dtype=object)
        names, place = np.unique(both, return_inverse=True) if len(both) else (both, np.zeros(0, int))
        said = np.array(relation, dtype=object)
        return cls(names, place[: len(thing)], place[len(thing) :], said)


@dataclass(frozen=True)
class _Hops:
    """Steps from a thing to a related one, by the thing.

    Attributes:
        starts: [T + 1] int64 where the hops of each thing begin.
        end: [H] int64 where each leads.
        relation: [H] int64 the relation that it is of, and of the relations' rows R: below R along, from R on against.
        words: the words of the relation, and of the other thing's name that are not in the thing's own.
        most: [H] float64 of each, how rare they are together.
    """

    starts: np.ndarray
    end: np.ndarray
    relation: np.ndarray
    words: tuple["csr_matrix", "csr_matrix"]
    most: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Found:
    """What speaks for things, for some questions.

    Attributes:
        question, thing: [P] int64.
        worth: [P] float64, before it is said how rare the thing is.
        hop: [P] int64 the hop; -1: the question names the thing.
        start: [P] int64 the thing that the question names.
    """

    question: np.ndarray
    thing: np.ndarray
    worth: np.ndarray
    hop: np.ndarray
    start: np.ndarray


class Related:
    """The things of the answers, and how to get to them.

    Args:
        relations: of the night.
        texts: [A] of the answers.
        named: [A, T] CSR, not 0 where an answer is about a thing.
    """

    def __init__(self, relations: Relations, texts: np.ndarray, named: "csr_matrix") -> None:
        self.relations, self.named = relations, named.tocsr()
        self._of_thing = self.named.T.tocsr()
        self._of_thing.sort_indices()
        self._counter = _counter([*relations.names.tolist(), *(one for one in relations.relation if one)])
        number = len(texts)
        written = self._counter.transform(list(texts)) if number else self._counter.transform([""])
        self._words_rare = lexical.rare(np.bincount(written.tocsr().indices, minlength=written.shape[1]), number)
        about = np.diff(self._of_thing.indptr)
        self._rare = np.sqrt(lexical.rare(about, number) / lexical.rare(np.zeros(1), number))
        self._hops = self._all_hops()

    def scores(self, texts: np.ndarray, named: "csr_matrix") -> np.ndarray:
        """[N, A] float32 of questions.

        Args:
            texts: [N] theirs.
            named: [N, T] CSR, not 0 where a question names a thing.
        """
        found = np.zeros((len(texts), self.named.shape[0]), dtype=np.float32)
        named = named.tocsr()
        for rows in _groups(named @ (1 + np.diff(self._hops.starts)), HOPS_AT_ONCE):
            one = self._found(texts[rows], named[rows])
            pair, place = np.unique(one.question * len(self.relations.names) + one.thing, return_inverse=True)
            worth = np.zeros(len(pair))
            np.maximum.at(worth, place, one.worth)
            question, thing = np.divmod(pair, max(len(self.relations.names), 1))
            counts = np.diff(self._of_thing.indptr)[thing]
            answers = self._of_thing.indices[_ranges(self._of_thing.indptr[thing], counts)]
            worth = (worth * self._rare[thing]).astype(np.float32)
            np.maximum.at(found, (rows.start + np.repeat(question, counts), answers), np.repeat(worth, counts))
        return found

    def why(self, text: str, named: "csr_matrix", answer: int) -> str:
        """In words, the thing of an answer that it is found for.

        Args:
            text: of the question.
            named: [1, T] CSR, what it names.
            answer: one for which there is something.
        """
        one = self._found(np.array([text], dtype=object), named)
        mine = np.flatnonzero(np.isin(one.thing, self.named.indices[slice(*self.named.indptr[answer : answer + 2])]))
        worth = one.worth * self._rare[one.thing]
        best = mine[np.lexsort([one.hop[mine], one.thing[mine], -worth[mine]])[0]]
        names, hop = self.relations.names, one.hop[best]
        thing, start = names[one.thing[best]], names[one.start[best]]
        if hop < 0:
            return f"it is about {thing}, as the question"
        against, row = divmod(int(self._hops.relation[hop]), len(self.relations.thing))
        relation = self.relations.relation[row]
        if relation is None:
            return f"it is about {thing}, which goes with {start}"
        return f"it is about {thing}, " + (f"whose {relation} is {start}" if against else f"the {relation} of {start}")

    def _all_hops(self) -> _Hops:
        """Along every relation and against it, where that leads to few."""
        given, number = self.relations, len(self.relations.names)
        start, end = np.concatenate([given.thing, given.other]), np.concatenate([given.other, given.thing])
        said = np.array([one or "" for one in given.relation], dtype=str)
        _, kind = np.unique(said, return_inverse=True) if len(said) else (said, np.zeros(0, np.int64))
        way = np.concatenate([kind * 2, kind * 2 + 1])
        _, group, size = np.unique(start * (2 * len(said) + 2) + way, return_inverse=True, return_counts=True)
        kept = np.flatnonzero(size[group] <= MOST_HOPS)
        kept = kept[np.lexsort([kept, start[kept]])]
        start, end = start[kept], end[kept]
        names = self._counter.transform(given.names.tolist()).tocsr() if number else self._counter.transform([""])
        words = self._counter.transform([*said.tolist(), ""]).tocsr()[kept % max(len(said), 1)]
        own = names[start]
        of_others = (names[end] - names[end].multiply(own)).tocsr()
        starts = np.searchsorted(start, np.arange(number + 1))
        both = (words - words.multiply(own)).tocsr(), of_others
        return _Hops(starts, end, kept, both, (both[0] @ self._words_rare, both[1] @ self._words_rare))

    def _found(self, texts: np.ndarray, named: "csr_matrix") -> _Found:
        """All things that something speaks for."""
        named = named.tocsr()
        question = np.repeat(np.arange(len(texts)), np.diff(named.indptr))
        thing = named.indices.astype(np.int64)
        counts = np.diff(self._hops.starts)[thing]
        hop = _ranges(self._hops.starts[thing], counts)
        asked = np.repeat(question, counts)
        mentioned = self._mentioned(texts, asked, hop)
        direct = np.full(len(thing), -1, dtype=np.int64)
        return _Found(
            np.concatenate([question, asked]),
            np.concatenate([thing, self._hops.end[hop]]),
            np.concatenate([np.full(len(thing), DIRECT), HOP + (1 - HOP) * mentioned]),
            np.concatenate([direct, hop]),
            np.concatenate([thing, np.repeat(thing, counts)]),
        )

    def _mentioned(self, texts: np.ndarray, question: np.ndarray, hop: np.ndarray) -> np.ndarray:
        """[P] float64, of hops of questions, the share of their words that the question has; the larger of the two."""
        found = np.zeros(len(hop))
        if not len(hop):
            return found
        asked = self._counter.transform(texts.tolist()).tocsr()
        for words, all_of_them in zip(self._hops.words, self._hops.most, strict=True):
            has, most = asked[question].multiply(words[hop]) @ self._words_rare, all_of_them[hop]
            found = np.maximum(found, np.divide(has, most, out=np.zeros(len(hop)), where=most > 0))
        return found


def names_in(texts: Sequence[str], names: np.ndarray) -> "csr_matrix":
    """[N, T] CSR float64, 1 where a text has a thing's name, in small letters or large, as words of their own.

    A name of more than LONGEST words, or of less than SHORTEST characters in them, is looked for in no text.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import CountVectorizer

    how = {**SPLIT, "binary": True, "dtype": np.float64, "ngram_range": (1, LONGEST)}
    split = CountVectorizer(**SPLIT).build_analyzer()
    words = [split(name) for name in names.tolist()]
    can_be = [len(one) <= LONGEST and sum(map(len, one)) >= SHORTEST for one in words]
    written = np.array([" ".join(one) if is_one else "" for one, is_one in zip(words, can_be, strict=True)], dtype=str)
    some = np.flatnonzero(written != "")
    if not len(some) or not len(texts):
        return sparse.csr_matrix((len(texts), len(names)))
    phrases, place = np.unique(written[some], return_inverse=True)
    found = CountVectorizer(vocabulary=phrases.tolist(), **how).transform(texts).tocsr()
    return (found @ sparse.csr_matrix((np.ones(len(some)), (place, some)), (len(phrases), len(names)))).tocsr()


def _counter(phrases: Sequence[str]) -> Any:
    """Turns texts into the words of some phrases that they have."""
    from sklearn.feature_extraction.text import CountVectorizer

    split = CountVectorizer(**SPLIT).build_analyzer()
    words = sorted({word for phrase in phrases for word in split(phrase)})
    return CountVectorizer(vocabulary=words or [""], binary=True, dtype=np.float64, **SPLIT)


def _groups(sizes: np.ndarray, most: int) -> Iterator[slice]:
    """Rows that together have at most so many, or are alone."""
    start, so_far = 0, np.cumsum(sizes)
    while start < len(sizes):
        end = max(start + 1, int(np.searchsorted(so_far, (so_far[start - 1] if start else 0) + most, side="right")))
        yield slice(start, end)
        start = end


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[sum of counts] int64: counts[0] numbers from starts[0] on, then those of the next."""
    ends = np.cumsum(counts)
    number = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(number) + np.repeat(starts - (ends - counts), counts), dtype=np.int64)
