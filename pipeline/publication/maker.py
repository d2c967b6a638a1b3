"""The lists of one surface: what the ensemble chose, filtered, topped up and explained, a block of users at a time."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.features.rates import item_rates
from pipeline.publication import added, editorial, exploring, reasons, surfaces, taught, variants, withheld
from pipeline.publication.added import Added, Before
from pipeline.publication.allotment.table import ADDS
from pipeline.publication.candidates import Candidates
from pipeline.publication.exploring import Exploration
from pipeline.publication.listing import Among
from pipeline.publication.night import Night
from pipeline.publication.reranking import SurfaceRules
from pipeline.settings.sections.publication import Surface

BOOSTED, PINNED = 1, 2
"""What editors did to a row; sql/publish/reasons.sql has the words."""
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Maker:
    """Makes the lists of one surface.

    Attributes:
        surface: its k and whether it repeats.
        candidates: what the ensemble chose.
        history: what users had.
        facts: what reasons are given from.
        editing: what editors decided.
        rules: what the surface makes of the candidates.
        shown: bool [I], what the surface may show of the models' choice; pinned items come otherwise.
        popular: [P] int32, the same items, most popular first.
        rates: float32 [I], the chance that any one user acts on an item; None where scores are no probabilities.
        exploration: how slots are drawn; None: none is.
        added: what a row adds; None: it is worth what its score says.
    """

    surface: Surface
    candidates: Candidates
    history: surfaces.OwnHistory
    facts: reasons.Facts
    editing: editorial.Editing
    rules: SurfaceRules
    shown: np.ndarray
    popular: np.ndarray
    rates: np.ndarray | None = None
    exploration: Exploration | None = None
    added: Added | None = None

    @classmethod
    def of(cls, night: Night, surface: Surface, candidates: Candidates, history: surfaces.OwnHistory) -> "Maker":
        """The maker of one surface of a night."""
        facts = reasons.Facts(
            similar=night.nameable,
            is_new=night.is_new,
            is_popular=night.is_popular,
            peers=candidates.codes("peers"),
            popularity=candidates.codes("everybody"),
            every=night.config.explanations.lead,
        )
        editing = night.editing[surface.name]
        others = night.products if surface.max_per_product == 1 else None
        shown = night.shown[surface.name] & ~variants.with_others(editing.pinned, others)
        popular = night.popularity_order[shown[night.popularity_order]]
        horizon = night.config.horizon_of(night.config.pool(surface))
        rates = item_rates(night.cutoff, horizon) if candidates.calibrated else None
        lists_of_all = (candidates.items, candidates.scores) if candidates.calibrated else None
        rules, wanted = SurfaceRules.of(night, surface).charging(night, lists_of_all), surface.explore
        salt, acted = f"{night.run_id} {surface.name}", night.popularity
        drawn = None
        if wanted is not None:
            belief = taught.belief(night, surface, candidates.items, candidates.scores)
            drawn = Exploration.of(wanted, salt, night.is_new, acted, rules.caps, belief=belief)
        adds = Added.of(night, surface, candidates.calibrated)
        return cls(surface, candidates, history, facts, editing, rules, shown, popular, rates, drawn, adds)

    @property
    def order(self) -> Added | None:
        """What lists are ordered by; None: by the scores. What is allotted has none, and stands by probability."""
        return self.added if self.surface.allot is None else None

    @property
    def worth(self) -> Added | None:
        """What rows are allotted by; None: by the scores."""
        return None if self.surface.allot is None else self.added

    def lists(self, rows: np.ndarray, users: np.ndarray) -> Columns:
        """One array per column, one element per recommendation, by user as given, then rank; and withheld.COLUMNS.

        Args:
            rows: [B] rows of the candidates.
            users: [B] their user indices.
        """
        had = self.history.of(users, len(self.shown))
        hidden = self._hidden(had)
        block = surfaces.top_up(self._chosen(rows, had), self.popular, hidden, self.rules.caps)
        if self.rates is not None:
            block = _rated(block, self.rates)
        if self.editing.pins:
            block = editorial.pin(block, self.editing.pins, self._pinnable(len(users), hidden))
        block, chance, among = self._explored(block, rows, had, hidden)
        block = block if self.order is None else added.levelled(block)
        rule, found = self._rule(block), had.rows(_places(len(users)), block.items)  # [B, k]
        kind, because, can = reasons.explain(block.items, block.sources, found >= 0, had.owned, self.facts)
        pinned = rule == PINNED
        kind = np.where(pinned, np.int8(reasons.Kind.CHOSEN), kind)
        row, column = np.nonzero(block.items >= 0)
        bought = found[row, column]
        return {
            "user": users[row],
            "rank": (column + 1).astype(np.int32),
            "item": block.items[row, column],
            "score": block.scores[row, column],
            "source": block.sources[row, column],
            "kind": kind[row, column],
            "because": np.where(pinned, -1, because)[row, column],
            "can": np.where(pinned, 0, can)[row, column].astype(np.int16),
            "rule": rule[row, column],
            "times": np.where(bought >= 0, self.history.count[bought], 0),
            "age": np.where(bought >= 0, self.history.last_age[bought], 0),
            **self._said(chance, row, column),
            **self._worth(block, had, row, column),
            **withheld.columns(among, users, partial(self._before, had)),
        }

    def _explored(
        self, block: surfaces.Block, rows: np.ndarray, had: surfaces.Had, hidden: surfaces.PairPredicate | None
    ) -> tuple[surfaces.Block, np.ndarray | None, Among | None]:
        """The block with its slots drawn, the chance of what each shows, and what was drawn among; None: none is."""
        if self.exploration is None:
            return block, None, None
        boosted = editorial.boost(self.candidates.block(rows), self.editing.factors)
        forbidden = self._forbidden(had, _places(len(rows)), boosted.items) if self.rules.personal else None
        top, caps = self.exploration.settings.top, self.rules.of_products
        pool = surfaces.pick(boosted, self.shown, boosted.items.shape[1] if caps else top, forbidden)
        if not self.surface.repeats:
            owned = had.owned(_places(len(rows)), pool.items)
            pool = surfaces.pick(pool, self.shown, pool.items.shape[1], owned)
        if caps:  # variants of a product, of which a list shows one, must not take the place of all others
            pool = surfaces.pick(pool, self.shown, top, surfaces.exceeded(caps, pool.items, pool.items >= 0))
        pool = surfaces.top_up(pool, self.popular, hidden, caps)
        pool = _rated(pool, self.rates) if self.rates is not None else pool
        pinned = self.editing.pinned[block.items]
        return self.exploration.draw_among(block, pool, pinned, had.users)

    def _said(self, chance: np.ndarray | None, row: np.ndarray, column: np.ndarray) -> Columns:
        """policy and propensity of each recommendation; nan where the surface draws none."""
        if chance is None or self.exploration is None:
            return {"policy": np.zeros(len(row), np.int8), "propensity": np.full(len(row), np.nan, np.float32)}
        slots = np.isin(column + 1, self.exploration.settings.slots)
        policy = np.where(slots, exploring.DRAWN, exploring.BEST).astype(np.int8)
        return {"policy": policy, "propensity": chance[row, column].astype(np.float32)}

    def _forbidden(self, had: surfaces.Had, place: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Which pairs the surface's rules about users forbid."""
        return self.rules.forbidden(had.users[place], items, had.rows(place, items), self.history.last_age)

    def _hidden(self, had: surfaces.Had) -> surfaces.PairPredicate | None:
        """Which pairs the surface hides: what its rules forbid and, if it repeats nothing, what the user had."""
        forbidden = partial(self._forbidden, had) if self.rules.personal else None
        if self.surface.repeats:
            return forbidden
        if forbidden is None:
            return had.owned
        return lambda place, items: had.owned(place, items) | forbidden(place, items)

    def _pinnable(self, users: int, hidden: surfaces.PairPredicate | None) -> np.ndarray:
        """bool [B, pins], by ascending rank: which pinned items each user may be given."""
        items = np.array([item for _, item in sorted(self.editing.pins.items())])
        return np.ones((users, len(items)), dtype=bool) if hidden is None else ~hidden(_places(users), items[None, :])

    def _chosen(self, rows: np.ndarray, had: surfaces.Had) -> surfaces.Block:
        """The candidates that the surface shows, at most k of each row, in its order."""
        block = self.candidates.block(rows)
        if self.order is not None:
            return self._by_added(block, had, self.order)
        boosted = editorial.boost(block, self.editing.factors)
        items = boosted.items
        forbidden = self._forbidden(had, _places(len(items)), items) if self.rules.personal else None  # [B, n]
        if not self.rules.choosing:
            return surfaces.pick(boosted, self.shown, self.surface.k, forbidden)
        good = surfaces.pick(boosted, self.shown, items.shape[1], forbidden)
        return self.rules.choose(good, self.surface.k, had.users)

    def _by_added(self, block: surfaces.Block, had: surfaces.Had, order: Added) -> surfaces.Block:
        """The same by what a row adds; each item has its own score, see added.levelled."""
        forbidden = self._forbidden(had, _places(len(block.items)), block.items) if self.rules.personal else None
        good = surfaces.pick(block, self.shown, block.items.shape[1], forbidden)
        best = editorial.boost(order.ordered(good, self.history, had), self.editing.factors)
        return added.own_scores(self.rules.choose(best, self.surface.k, had.users), good)

    def _worth(self, block: surfaces.Block, had: surfaces.Had, row: np.ndarray, column: np.ndarray) -> Columns:
        """ADDS of each recommendation, where it is allotted by that."""
        if self.worth is None:
            return {}
        items, scores = block.items[row, column], block.scores[row, column]
        before = Before.of(self.history, had, row, items, self.worth.acted)
        return {ADDS: self.worth.uplift(scores, before).astype(np.float32)}

    def _before(self, had: surfaces.Had, place: np.ndarray, items: np.ndarray) -> Before:
        """What is known of pairs whose draws are recorded."""
        assert self.exploration is not None
        return Before.of(self.history, had, place, items, self.exploration.actions)

    def _rule(self, block: surfaces.Block) -> np.ndarray:
        """int8 [B, k]: what editors did to each shown item: 0, BOOSTED, PINNED."""
        chosen = (block.items >= 0) & (block.sources != surfaces.TOPPED_UP)
        boosted = chosen & (self.editing.factors[block.items] != 1)
        pinned = (block.items >= 0) & self.editing.pinned[block.items]
        return np.where(pinned, PINNED, np.where(boosted, BOOSTED, 0)).astype(np.int8)


def _places(users: int) -> np.ndarray:
    """[B, 1] int64, the place of each user of a block."""
    return np.arange(users)[:, None]


def _rated(block: surfaces.Block, rates: np.ndarray) -> surfaces.Block:
    """The block with what was topped up as probable as for any user, and never more than what stands before it."""
    added = (block.items >= 0) & (block.sources == surfaces.TOPPED_UP)
    given = np.where(added, rates[block.items], np.where(block.items >= 0, block.scores, np.inf))
    fallen = np.minimum.accumulate(given, axis=1).astype(np.float32)
    return surfaces.Block(block.items, np.where(added, fallen, block.scores), block.sources)
