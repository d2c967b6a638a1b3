"""How the texts of a day differ from earlier ones about the same thing: in which words, and how new they are.

Sources: Monroe, Colaresi and Quinn, "Fightin' words", 2008 (log-odds with an informative prior; here times IDF, as what
every text has tells nothing); Allan, "Topic detection and tracking", 2002 (novelty: one less a cosine of centroids).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.ground.word_patterns import FOLLOWS, folded

WORDS = 5
"""So many words tell a day."""
PRIOR = 10.0
"""Texts for which what all of them say together counts in each of the two parts."""
SURE = 2.0
"""A word stands out from so many standard errors on."""
COMMON = 0.05
"""A word that more of the earlier texts have is no news."""
MOST = 2000
"""Of more earlier texts the latest."""


WORD = rf"(?<![{FOLLOWS}])[^\W\d_][{FOLLOWS}'-]*[{FOLLOWS}]"
"""From a letter on, at least two characters."""
ADDRESS = re.compile(r"https?://\S*|www\.\S*", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """What tells a day.

    Attributes:
        words: the most telling first; none where the texts have no words.
        novelty: 0 (as before) to 1 (nothing in common); not a number without earlier texts.
        example: the place of the day's text that is most like all of them.
    """

    words: tuple[str, ...]
    novelty: float
    example: int


def tell(today: Sequence[str], past: Sequence[str]) -> Told:
    """Compare the texts of a day with earlier ones.

    Args:
        today: at least one.
        past: by time; may be none.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    earlier = list(past)[-MOST:]
    counter = CountVectorizer(binary=True, token_pattern=WORD, preprocessor=_plain, dtype=np.float64)
    try:
        found = counter.fit_transform([*today, *earlier]).tocsr()
    except ValueError:  # sklearn's word for texts without a word
        return Told((), float("nan"), 0)
    new, old = found[: len(today)], found[len(today) :]
    in_new, in_old = (np.asarray(part.sum(axis=0)).ravel() for part in (new, old))
    names = counter.get_feature_names_out()
    strong = _log_odds(in_new, in_old, len(today), len(earlier))
    idf = np.log((1 + found.shape[0]) / (1 + in_new + in_old))
    telling = (in_new >= min(2, len(today))) & (strong > SURE) & (in_old <= COMMON * max(1, len(earlier)))
    order = np.lexsort([names, -np.where(telling, strong * idf, -np.inf)])[:WORDS]
    words = tuple(str(names[one]) for one in order if telling[one])
    weight = idf + 1
    centre, before = _unit(in_new * weight), _unit(in_old * weight)
    length = np.sqrt(np.asarray(new.multiply(weight**2).sum(axis=1)).ravel())
    nearness = np.asarray(new.multiply(weight) @ centre).ravel() / np.maximum(length, 1e-12)
    novelty = float(np.clip(1 - (centre * before).sum(), 0, 1)) if earlier else float("nan")
    return Told(words, novelty, int(nearness.argmax()))


def _plain(text: str) -> str:
    """In small letters, without addresses of pages, which are no words."""
    return folded(ADDRESS.sub(" ", text))


def _log_odds(new: np.ndarray, old: np.ndarray, number_new: int, number_old: int) -> np.ndarray:
    """[V] z-values of how much likelier a word is in a new text."""
    share = (new + old) / (number_new + number_old)
    a, b = new + PRIOR * share, old + PRIOR * share
    rest_a, rest_b = (np.maximum(n + PRIOR - x, 1e-9) for n, x in ((number_new, a), (number_old, b)))
    odds = np.log(a / rest_a) - np.log(b / rest_b)
    return np.asarray(odds / np.sqrt(1 / a + 1 / rest_a + 1 / b + 1 / rest_b))


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.sqrt((vector**2).sum())
    return vector / length if length > 0 else vector


def between(groups: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The words that tell each group of texts from the others, the most telling first.

    A word counts once a text. Where all texts have it, or one alone in a group of more, it tells nothing.

    Args:
        groups: texts, at least one in each.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [text for group in groups for text in group]
    counter = CountVectorizer(binary=True, token_pattern=WORD, preprocessor=_plain, dtype=np.float64)
    try:
        found = counter.fit_transform(texts).tocsr()
    except ValueError:  # sklearn's word for no text, or texts without a word
        return [() for _ in groups]
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    member = sparse.csr_matrix((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(groups), len(of)))
    inside = np.asarray((member @ found).todense())  # [G, V]
    everywhere, names = inside.sum(axis=0), counter.get_feature_names_out()
    idf = np.log((1 + len(texts)) / (1 + everywhere))
    told = []
    for count, group in zip(inside, groups, strict=True):
        strong = _log_odds(count, everywhere - count, len(group), len(texts) - len(group))
        telling = (count >= min(2, len(group))) & (strong > SURE) & (idf > 0)
        order = np.lexsort([names, -np.where(telling, strong * idf, -np.inf)])[:WORDS]
        told.append(tuple(str(names[one]) for one in order if telling[one]))
    return told
