"""A made-up log of searches over real titles: what was wanted is known, what is clicked depends on where it is shown.

Somebody wants an item, drawn by what sells in that week, and asks for it by some of its title's words, now and then by
another word for one, misspelt or run together. The shop's own search shows what shares a word with the query. A place
is looked at with the chance 1 / place (position-based click model); what is wanted is then nearly always clicked,
what shares words with it sometimes. Who does not find it may find it elsewhere, which is logged without a place.
Source: Richardson et al., "Predicting Clicks", WWW 2007 (the examination hypothesis).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.log import Log
from pipeline.arrays.blocks import blocks

SYNONYMS = {
    "mug": "cup", "christmas": "xmas", "bag": "tote", "lantern": "lamp", "sign": "plaque", "vintage": "retro",
    "heart": "love", "box": "case", "candle": "tealight", "tin": "can", "garden": "outdoor", "children": "kids",
    "volume": "vol", "collection": "set", "guide": "handbook", "stories": "tales", "life": "biography", "girl": "woman",
}  # fmt: skip
"""Another word for a word of a title, in either catalogue."""
FORMS, MISSPELT, OTHER_WORD = 4, 0.15, 0.3
SHOWN, CLICKED, ELSEWHERE = 24, 0.9, 0.4
AGAIN, OTHER = 0.5, 0.2
SOME, ALIKE = 0.02, 0.3
"""Chance that what is looked at and was not wanted is clicked, and how much more where all its words are the same."""


@dataclass(frozen=True)
class Plan:
    """How a log is made: [W, I] chances of the items by week, searches, seed."""

    weekly: np.ndarray
    searches: int
    seed: int


@dataclass(frozen=True)
class Searches:
    """What was asked [N], for which item [N], when [N]."""

    query: np.ndarray
    item: np.ndarray
    day: np.ndarray


@dataclass(frozen=True)
class Visits:
    """A log in which who found nothing may have asked again.

    Attributes:
        first, then: the choices after people's first searches, and after what they asked instead.
        first_of, then_of: [N] which search each choice is of, of `searches` and of `retries`.
        searches: everybody's first one, each another person's.
        retries, who: what was asked instead, and by whom: [R] rows of `searches`.
    """

    first: Log
    then: Log
    first_of: np.ndarray
    then_of: np.ndarray
    searches: Searches
    retries: Searches
    who: np.ndarray


def make(titles: Sequence[str], plan: Plan) -> Log:
    """A log of `plan.searches` searches over the weeks of the plan."""
    return _made(titles, plan)[0]


def visits(titles: Sequence[str], plan: Plan) -> Visits:
    """The same log, and what people asked a minute after a search in vain: AGAIN of them, and OTHER of these of
    something else that came to mind."""
    first, of, searches, words, forms = _made(titles, plan)
    rng = np.random.default_rng(plan.seed + 2)
    vain = np.setdiff1d(np.arange(plan.searches), of)
    who = vain[rng.random(len(vain)) < AGAIN]
    wanted = np.where(rng.random(len(who)) < OTHER, rng.permutation(searches.item)[: len(who)], searches.item[who])
    query = np.array([_misspelt(str(rng.choice(forms[item])), rng) for item in wanted], dtype=object)
    retries = Searches(query, wanted.astype(np.int32), searches.day[who] + 1 / 1440)
    then, then_of = _clicks(retries, (tuple(titles), words), _lists(query, words, plan), rng)
    return Visits(first, then, of, then_of, searches, retries, who)


def _lists(query: np.ndarray, words: list[list[str]], plan: Plan) -> np.ndarray:
    """[N, SHOWN] what the shop's own search shows."""
    distinct, number = np.unique(query.astype(str), return_inverse=True)
    return shown(distinct, words, plan)[number]


def _made(titles: Sequence[str], plan: Plan) -> tuple[Log, np.ndarray, Searches, list[list[str]], list[list[str]]]:
    """The log, which search each choice is of, the searches, the titles' words, and the ways to ask for each item."""
    rng = np.random.default_rng(plan.seed)
    words = [title.lower().replace("'", "").split() for title in titles]
    forms = [_forms(found, rng) for found in words]
    day = np.sort(rng.random(plan.searches)) * 7 * len(plan.weekly)
    sums = np.cumsum(plan.weekly / plan.weekly.sum(axis=1, keepdims=True), axis=1)
    item = np.array([np.searchsorted(sums[int(at // 7)], rng.random()) for at in day]).clip(0, len(titles) - 1)
    chance = 1 / np.arange(1, FORMS + 1)
    form = rng.choice(FORMS, size=plan.searches, p=chance / chance.sum())
    asked = [_misspelt(forms[i][f % len(forms[i])], rng) for i, f in zip(item, form, strict=True)]
    searches = Searches(np.array(asked, dtype=object), item.astype(np.int32), day)
    log, of = _clicks(searches, (tuple(titles), words), _lists(searches.query, words, plan), rng)
    return log, of, searches, words, forms


def queries_for(titles: Sequence[str], items: np.ndarray, seed: int) -> np.ndarray:
    """[N] queries for items [N], in the ways in which a log of the same seed asks for them."""
    rng = np.random.default_rng(seed)
    forms = [_forms(title.lower().replace("'", "").split(), rng) for title in titles]
    chance = 1 / np.arange(1, FORMS + 1)
    form = rng.choice(FORMS, size=len(items), p=chance / chance.sum())
    asked = [_misspelt(forms[item][n % len(forms[item])], rng) for item, n in zip(items, form, strict=True)]
    return np.array(asked, dtype=object)


def _forms(words: list[str], rng: np.random.Generator) -> list[str]:
    """Ways in which people ask for an item: one to three of its words, the longer ones rather."""
    weights = np.array([len(word) ** 1.5 for word in words], dtype=float)
    made = []
    for _ in range(FORMS):
        size = min(len(words), int(rng.integers(1, 4)))
        kept = np.sort(rng.choice(len(words), size=size, replace=False, p=weights / weights.sum()))
        said = [words[place] for place in kept]
        if rng.random() < OTHER_WORD:
            said = [SYNONYMS.get(word, word) for word in said]
        made.append(" ".join(said))
    return made


def _misspelt(query: str, rng: np.random.Generator) -> str:
    """The query, with MISSPELT chance with a letter left out, doubled or swapped, or without its spaces."""
    if rng.random() >= MISSPELT or len(query) < 4:
        return query
    at, how = int(rng.integers(1, len(query) - 1)), rng.integers(4)
    if how == 0:
        return query[:at] + query[at + 1 :]
    if how == 1:
        return query[:at] + query[at] + query[at:]
    if how == 2:
        return query[:at] + query[at + 1] + query[at] + query[at + 2 :]
    return query.replace(" ", "")


def _clicks(
    searches: Searches, named: tuple[tuple[str, ...], list[list[str]]], lists: np.ndarray, rng: np.random.Generator
) -> tuple[Log, np.ndarray]:
    """What is clicked in the shop's own lists [N, SHOWN], or found elsewhere, and which search each choice is of."""
    titles, sets = named[0], [frozenset(found) for found in named[1]]
    looked = 1 / np.arange(1, SHOWN + 1)
    rows: list[tuple[int, int, int]] = []
    for search, (wanted, found) in enumerate(zip(searches.item, lists, strict=True)):
        seen = np.flatnonzero(rng.random(SHOWN) < looked)
        got = False
        for place, luck in zip(seen, rng.random(len(seen)), strict=True):
            if found[place] < 0:
                break
            alike = len(sets[found[place]] & sets[wanted]) / len(sets[found[place]] | sets[wanted])
            if luck < (CLICKED if found[place] == wanted else SOME + ALIKE * alike):
                rows.append((search, int(found[place]), int(place) + 1))
                got = got or found[place] == wanted
        if not got and rng.random() < ELSEWHERE:
            rows.append((search, int(wanted), 0))
    of, chosen, at = np.array(rows, dtype=np.int32).T
    return Log(titles, searches.query[of], chosen, searches.day[of], at, chosen == searches.item[of]), of


def shown(queries: np.ndarray, words: list[list[str]], plan: Plan) -> np.ndarray:
    """[Q, SHOWN] int32, -1 pads: what the shop's own search shows, by words in common, sales and a fixed whim."""
    from sklearn.feature_extraction.text import CountVectorizer

    counted = CountVectorizer(binary=True, dtype=np.float32, token_pattern=r"\S+", lowercase=False)
    of_items = counted.fit_transform([" ".join(found) for found in words])
    of_queries = counted.transform(queries)
    mean = plan.weekly.mean(axis=0)
    liked = 0.15 * np.log1p(1000 * mean / mean.max())
    whim = np.random.default_rng(plan.seed + 1).normal(size=len(words)) * 0.3
    lists = np.full((len(queries), SHOWN), -1, dtype=np.int32)
    for rows in blocks(len(queries), 1024):
        common = (of_queries[rows] @ of_items.T).toarray()
        score = np.where(common > 0, common + liked + whim, -np.inf)
        best = np.argsort(-score, axis=1, kind="stable")[:, :SHOWN]
        lists[rows, : best.shape[1]] = np.where(np.isfinite(np.take_along_axis(score, best, axis=1)), best, -1)
    return lists
