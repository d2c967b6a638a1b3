"""Ways to rank the answers of frequent queries that cost more: trees, and clicks weighed by the place."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.search.measures import K
from benchmarks.search.rankers import Shop, by_meaning_and_terms, look_up
from pipeline.ranking.ranker import parameters
from pipeline.settings.sections.lists import Ranker
from pipeline.sources.configuration import FullConfig

CANDIDATES, LATELY, TAUGHT, MOST_GAIN, MOST_WEIGHT = 50, 0.25, 2 / 3, 15, 10
NAMES = (
    "expected", "choices", "lately", "asked", "terms", "terms less best", "cosine", "cosine less best", "buyers",
    "buyers lately", "place",
)  # fmt: skip


def trees(shop: Shop) -> np.ndarray:
    """LambdaRank over the table's best 50 of a query: taught by the choices after two thirds of the time.

    Source: Burges, MSR-TR-2010-82.
    """
    import lightgbm

    day = shop.before.day
    first, last = float(day.min()), float(day.max())
    until = first + TAUGHT * (last - first)
    earlier = replace(shop, before=shop.before.where(day < until), least=max(2, round(TAUGHT * shop.least)))
    later = replace(shop, before=shop.before.where(day >= until), least=1)
    features, items = _features(earlier, until)
    rows = {query: row for row, query in enumerate(later.frequent)}
    known = np.array([rows.get(query, -1) for query in earlier.frequent])
    chosen = np.asarray(later.choices[np.maximum(known, 0)[:, None], np.maximum(items, 0)].todense())
    gain = np.where((known[:, None] >= 0) & (items >= 0), np.minimum(chosen, MOST_GAIN), 0).astype(int)
    taught = (gain > 0).any(axis=1)
    settings = parameters(Ranker(leaves=15), FullConfig(home=Path()), threads=2)
    settings |= {"label_gain": [2**grade - 1 for grade in range(MOST_GAIN + 1)]}
    data = lightgbm.Dataset(
        features[taught].reshape(-1, len(NAMES)),
        gain[taught].ravel(),
        group=[CANDIDATES] * int(taught.sum()),
        feature_name=[name.replace(" ", "_") for name in NAMES],
        params=settings,
    )
    booster = lightgbm.train(settings, data, 150)
    features, items = _features(shop, last)
    scores = np.asarray(booster.predict(features.reshape(-1, len(NAMES)))).reshape(items.shape)
    order = np.argsort(np.where(items >= 0, -scores, np.inf), axis=1, kind="stable")[:, :K]
    return shop.in_table(np.take_along_axis(items, order, axis=1), look_up(shop))


def by_place(shop: Shop) -> np.ndarray:
    """Ours, with each click counted 1 / the chance that its place is looked at: the true one of a made-up log.

    Source: Joachims, Swaminathan & Schnabel, WSDM 2017 (inverse propensities), here at most MOST_WEIGHT.
    """
    weight = np.clip(shop.before.place, 1, MOST_WEIGHT)
    weighed = shop.weighed(weight)
    return shop.in_table(by_meaning_and_terms(shop, weighed, K)[0], look_up(shop))


def _features(shop: Shop, until: float) -> tuple[np.ndarray, np.ndarray]:
    """[Q, CANDIDATES, F] of the frequent queries' candidates, and the items [Q, CANDIDATES], -1 pads."""
    items, expected = by_meaning_and_terms(shop, shop.choices, CANDIDATES)
    row, column = np.arange(len(items))[:, None], np.maximum(items, 0)
    late = shop.before.day > until - LATELY * (until - float(shop.before.day.min()))
    lately = np.asarray(shop.weighed(late.astype(float))[row, column].todense())
    choices = np.asarray(shop.choices[row, column].todense())
    terms = np.asarray(shop.terms.scores(shop.frequent).tocsr()[row, column].todense())
    of_items, of_queries, _ = shop.vectors
    cosine = np.einsum("qd,qcd->qc", of_queries, of_items[column])
    recent = np.bincount(shop.before.item[late], minlength=len(shop.before.titles))
    asked = np.broadcast_to(np.asarray(shop.choices.sum(axis=1)), items.shape)
    place = np.broadcast_to(np.arange(CANDIDATES), items.shape)
    below, farther = (values - values.max(axis=1, keepdims=True) for values in (terms, cosine))
    columns = [expected, choices, lately, asked, terms, below, cosine, farther]
    columns += [shop.buyers[column], recent[column], place]
    return np.stack(columns, axis=2).astype(np.float32), items
