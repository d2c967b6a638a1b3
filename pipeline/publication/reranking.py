"""What a surface makes of a user's candidates: rules that hold for this user, one variant of a
product, a cap per category, diversity, what items pay for being shown much, and the mix of what the user did.

Without any of them, the default, a surface shows the best candidates in their order. What is worth recommending is
decided before; here it is only chosen among, a block of users at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays import attention
from pipeline.arrays.blocks import blocks
from pipeline.arrays.nearest import unit
from pipeline.features.offers import Never
from pipeline.ground.errors import InputError
from pipeline.publication import wanted
from pipeline.publication.mixing import Mix, codes
from pipeline.publication.surfaces import TOPPED_UP, Block, Cap, exceeded
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from pipeline.publication.night import Night

CELLS = 2**22
"""Numbers held of candidates' vectors and likeness at a time: 16 MiB of float32, near what caches hold."""


@dataclass(frozen=True)
class SurfaceRules:
    """One surface's settings with the facts they are about.

    Attributes:
        surface: the settings.
        prices: [I] float32, nan where unknown; usual: [U] float32, a user's mean price, nan where unknown.
        caps: how many variants of a product a list may hold, and how many items of a category.
        vectors: [I, d] float32 whose inner products are how alike two items are; None: nobody asks.
        never: who may never be shown what; None: anybody anything.
        charges: [I] float32, what an item pays in its score, below 0 what it is paid for; see arrays.attention; None:
            nothing.
        mix: what lists keep the mix of; None: of nothing.
    """

    surface: Surface
    prices: np.ndarray
    usual: np.ndarray
    caps: Sequence[Cap] = ()
    vectors: np.ndarray | None = None
    never: Never | None = None
    charges: np.ndarray | None = None
    mix: Mix | None = None

    @classmethod
    def of(cls, night: "Night", surface: Surface) -> "SurfaceRules":
        """The rules of one surface of a night.

        Raises:
            InputError: the surface wants diversity, and no stage made vectors of items; or it compares prices, and they
                are of several currencies.
        """
        if surface.has_price_band:
            _one_currency(night.items, surface)
        none = np.zeros(0, dtype=np.float32)
        prices, usual = (night.prices, night.usual_prices) if surface.has_price_band else (none, none)
        caps = [] if night.products is None else [Cap(night.products, surface.max_per_product)]
        if surface.max_per_category is not None:
            caps.append(Cap(codes(night.items.column("category")), surface.max_per_category))
        vectors = None
        if surface.diversity:
            try:
                vectors = mixed(night.factors, night.vectors, surface.diversity_text)
            except ValueError:
                raise InputError(
                    f"surface '{surface.name}': diversity needs the vectors of als or of language_model, and both are "
                    "switched off: enable one of them, or set diversity = 0"
                ) from None
        return cls(surface, prices, usual, tuple(caps), vectors, night.never or None)

    def charging(self, night: "Night", lists: tuple[np.ndarray, np.ndarray] | None) -> "SurfaceRules":
        """The rules with what depends on the lists of everybody, where the surface says so: what items pay, and how
        much an action is next to a mix.

        Args:
            night: what may be shown, how many places count, and what users did.
            lists: everybody's candidates and their probabilities, [T, n] each; None: they have none.
        Raises:
            InputError: they have none, and items are to pay or be paid for, or a mix is to be kept; or items have none
                of the words that this is about.
        """
        surface, found = self.surface, self
        for key, asked in ((key, getattr(surface, key)) for key in ("long_tail", "min_exposure", "calibrated_mix")):
            if asked and lists is None:
                raise InputError(
                    f"surface '{surface.name}': {key} weighs probabilities, and its lists have none: set "
                    f"ensemble.final to a merged list, or {key} = 0"
                )
        k = min(surface.k, night.config.evaluate.k)
        if lists is not None and surface.long_tail:
            prices = attention.prices(*lists, night.shown[surface.name], k, surface.long_tail)
            found = replace(found, charges=prices)
        if lists is not None and surface.min_exposure and (groups := wanted.least(night, surface)) is not None:
            before = np.zeros(night.items.num_rows, dtype=np.float32) if found.charges is None else found.charges
            found = replace(found, charges=attention.supported(lists, night.shown[surface.name], k, groups, before))
        if lists is not None and surface.calibrated_mix:
            unit = attention.mean_value(*lists, night.shown[surface.name], k)
            found = replace(found, mix=Mix.of(night, surface, unit))
        return found

    @property
    def of_products(self) -> Sequence[Cap]:
        """The cap of a product's variants alone; none where no item has others."""
        return self.caps if self.surface.max_per_category is None else self.caps[:-1]

    @property
    def choosing(self) -> bool:
        """Whether the best candidates are not simply the first."""
        return bool(self.caps) or any(given is not None for given in (self.vectors, self.charges, self.mix))

    @property
    def personal(self) -> bool:
        """Whether a rule is about users: what one may be shown, another may not."""
        rules = self.surface.exclude_seen_days is not None or self.surface.has_price_band
        return rules or self.never is not None

    def forbidden(self, users: np.ndarray, items: np.ndarray, rows: np.ndarray, last_age: np.ndarray) -> np.ndarray:
        """Which pairs of user and item may not be shown: bool, in the shape of `rows`; meaningless for item -1.

        Args:
            users, items: indices of each pair, arrays that broadcast to the shape of `rows`.
            rows: the row of each pair in the history, -1 where there is none.
            last_age: [N] float32, days since the user last acted on the item, by row of the history.
        """
        wrong = np.zeros(rows.shape, dtype=bool)
        if self.surface.exclude_seen_days is not None and len(last_age):
            wrong = (rows >= 0) & (last_age[rows] < self.surface.exclude_seen_days)
        if self.surface.has_price_band:
            # in double, as the check does: in float32 an item at the edge of the band is on its other side
            price, usual = self.prices[items].astype(np.float64), self.usual[users].astype(np.float64)
            low, high = self.surface.min_price_ratio or 0, self.surface.max_price_ratio or np.inf
            outside = (price < low * usual) | (price > high * usual)  # never where one is unknown
            wrong = wrong | outside
        return wrong if self.never is None else wrong | self.never.forbidden(users, items)

    def choose(self, block: Block, k: int, users: np.ndarray) -> Block:
        """The k candidates of each row that the surface shows, in its order; see `diversify` and `Mix`.

        Args:
            block: [B, n] candidates that may be shown, best first, -1 pads at the end.
            k: length of the lists.
            users: [B] user indices, whose mix is kept.
        """
        values = block.scores
        if self.charges is not None:
            order = attention.order(block.items, block.scores, self.charges)
            values = np.take_along_axis(values - self.charges[block.items], order, axis=1)
            block = _taken(block, order, np.zeros(order.shape, dtype=bool), order.shape[1])
        if self.mix is not None:
            order = self.mix.order(users, block.items, values, k, self.caps)
            return _taken(block, np.maximum(order, 0), order < 0, k, by_order=True)
        if self.vectors is None:
            over = exceeded(self.caps, block.items, block.items >= 0)
            return _taken(block, np.argsort((block.items < 0) | over, axis=1, kind="stable"), over, k)
        size = max(1, CELLS // max(1, block.items.shape[1] * (block.items.shape[1] + self.vectors.shape[1])))
        parts = [
            diversify(block.items[rows], self.vectors, k, self.surface.diversity, self.caps)
            for rows in blocks(len(block.items), size)
        ]
        order = np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.int64)
        return _taken(block, np.maximum(order, 0), order < 0, k, by_order=True)


def _one_currency(items: pa.Table, surface: Surface) -> None:
    priced = items.filter(pc.is_valid(items.column("price"))).column("currency")
    money = sorted(pc.unique(priced.drop_null()).to_pylist())
    if len(money) > 1:
        raise InputError(
            f"surface '{surface.name}': min_price_ratio and max_price_ratio compare prices, and items have some in "
            f"{', '.join(money)}: map all of them to one currency, or leave the ratios out"
        )


def _taken(block: Block, order: np.ndarray, dropped: np.ndarray, k: int, by_order: bool = False) -> Block:
    """The columns `order` of a block, cut or padded to k, without what is dropped (by column, or by place in order).

    Where an item moved up, it scores as the best that comes after it, as editors' boosts do: scores do not ascend.
    """
    gone = dropped if by_order else np.take_along_axis(dropped, order, axis=1)
    items, scores, sources = (np.take_along_axis(a, order, axis=1) for a in (block.items, block.scores, block.sources))
    width = ((0, 0), (0, max(0, k - items.shape[1])))
    items = np.pad(np.where(gone, -1, items)[:, :k], width, constant_values=-1)
    scores = np.pad(np.where(gone, -np.inf, scores)[:, :k], width, constant_values=-np.inf)
    scores = np.where(items >= 0, np.maximum.accumulate(scores[:, ::-1], axis=1)[:, ::-1], -np.inf)
    sources = np.where(items >= 0, np.pad(sources[:, :k], width), TOPPED_UP)
    return Block(items.astype(np.int32), scores.astype(np.float32), sources.astype(np.int8))


def mixed(factors: np.ndarray | None, vectors: np.ndarray | None, text: float) -> np.ndarray:
    """[I, d] float32 whose inner products are text x (cosine of vectors) + (1 - text) x (cosine of factors).

    Args:
        factors: [I, d] of ALS, or None; vectors: [I, h] of the language model, or None: the other counts alone.
        text: 0..1.
    Raises:
        ValueError: there is neither.
    """
    if factors is None or vectors is None:
        alone = vectors if factors is None else factors
        if alone is None:
            raise ValueError("no vectors")
        return unit(alone)
    parts = [unit(v) * np.float32(np.sqrt(share)) for v, share in ((vectors, text), (factors, 1 - text)) if share > 0]
    return np.concatenate(parts, axis=1)


def diversify(items: np.ndarray, vectors: np.ndarray, k: int, diversity: float, caps: Sequence[Cap] = ()) -> np.ndarray:
    """Maximal marginal relevance: the next item is good and unlike every item before it.

    Each step takes the candidate with the highest (1 - diversity) x relevance - diversity x (greatest likeness to an
    item taken before); of equals the better ranked. Relevance is 1 / log2(1 + place), NDCG's discount: it is 1 for the
    best candidate of every user, whatever the unit of the scores.

    Args:
        items: [B, n] candidates, best first, -1 pads at the end.
        vectors: [I, d] float32, inner products are likeness.
        k: how many are taken.
        diversity: 0 (the given order) to 1.
        caps: how many of one group may be taken.
    Returns:
        int64 [B, min(k, n)] columns of `items` in their new order, -1 at the end where nothing may be taken.
    Source: Carbonell & Goldstein, SIGIR 1998.
    """
    rows, n = np.arange(len(items)), items.shape[1]
    picked = vectors[items]  # [B, n, d]; a pad reads the last item, and is never free
    likeness = picked @ picked.transpose(0, 2, 1)  # [B, n, n]
    relevance = np.float32(1 - diversity) / np.log2(np.arange(2, n + 2, dtype=np.float32))  # [n]
    nearest = np.full(items.shape, -np.inf, dtype=np.float32)
    free = items >= 0
    groups, counts = [cap.groups[items] for cap in caps], [np.zeros(items.shape, dtype=np.int32) for _ in caps]
    order = np.full((len(items), min(k, n)), -1, dtype=np.int64)
    for step in range(order.shape[1]):
        value = relevance - np.float32(diversity) * (nearest if step else 0)
        taken = np.where(free, value, -np.inf).argmax(axis=1)
        there = free[rows, taken]
        order[there, step] = taken[there]
        free[rows, taken] = False
        nearest = np.maximum(nearest, likeness[rows, taken])
        for cap, group, held in zip(caps, groups, counts, strict=True):
            own = group[rows, taken][:, None]
            np.add(held, there[:, None] & (group == own) & (own >= 0), out=held)
            free &= held < cap.most
    return order
