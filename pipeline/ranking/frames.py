"""The table the learned hybrid reads: a row per candidate pair, a column per feature, a block of users at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.engine import Work
from pipeline.features.offers import Offers
from pipeline.features.read import Cutoff
from pipeline.ground import lists
from pipeline.ground.progress import track
from pipeline.ranking import pair_features
from pipeline.ranking.attribute_features import AttributeFacts
from pipeline.ranking.candidate_lists import NEIGHBOURS, CandidateLists, Votes
from pipeline.ranking.offer_features import OfferFacts
from pipeline.ranking.pairs import Listed, Pairs, best_source, position, union
from pipeline.ranking.shown_features import ShownFacts
from pipeline.settings.config import Config
from pipeline.sources import Sources, registry
from pipeline.sources.registry import ADOPTION

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Frame:
    """Candidate pairs of a block of users.

    Attributes:
        pairs: the pairs [N], ordered by row and item.
        names: [F] names of the features.
        features: [N, F] float32, NaN where a value does not exist.
        fresh: bool [N], the user never acted on the item: the pool `new`.
        source: [N] int8 codes, positions in the configured sources, of where the pair ranks best; -1: nowhere.
        acted: bool [N], the user acted on the item in the label window; None at the run cut-off.
        returned: bool [N], the user acted on the item and took all of it back; None: nobody asks.
        left: float32 [N], the chance that the user saw the item in the label window and left it; None: nobody says.
    """

    pairs: Pairs
    names: tuple[str, ...]
    features: np.ndarray
    fresh: np.ndarray
    source: np.ndarray
    acted: np.ndarray | None = None
    returned: np.ndarray | None = None
    left: np.ndarray | None = None

    def column(self, name: str) -> np.ndarray:
        """[N] one feature."""
        return self.features[:, self.names.index(name)]

    def in_pool(self, pool: lists.Pool) -> np.ndarray:
        """bool [N], pairs the pool allows."""
        return self.fresh if lists.kind_of(pool) == "new" else np.ones(len(self.fresh), dtype=bool)

    def take(self, kept: np.ndarray) -> "Frame":
        """The rows of a boolean mask or an index."""
        acted, returned, left = (None if a is None else a[kept] for a in (self.acted, self.returned, self.left))
        pairs = replace(self.pairs, keys=self.pairs.keys[kept])
        return replace(
            self,
            pairs=pairs,
            features=self.features[kept],
            fresh=self.fresh[kept],
            source=self.source[kept],
            acted=acted,
            returned=returned,
            left=left,
        )


def feature_names(settings_sources: Sequence[str]) -> tuple[str, ...]:
    """Names of the source columns, the same at every cut-off whatever exists there."""
    ranks = [f"{name}.{column}" for name in settings_sources for column in ("rank", "rank_new", "score")]
    return (*ranks, "text_affinity", *NEIGHBOURS)


def _source_columns(
    sources: CandidateLists,
    listed: Mapping[tuple[lists.Pool, str], Listed],
    votes: Votes,
    block: slice,
    pairs: Pairs,
) -> dict[str, np.ndarray]:
    """Rank in both pools and score of every source: [N] float32 each."""
    columns = {name: np.full(len(pairs.keys), np.nan, np.float32) for name in feature_names(sources.settings.sources)}
    for (pool, name), found in listed.items():
        ranks, scores = found.at(pairs.keys)
        beyond = np.float32(found.length + 1)  # a list exists, the pair is not on it: worse than its last place
        new = lists.kind_of(pool) == "new"
        columns[f"{name}.rank_new" if new else f"{name}.rank"] = np.where(np.isnan(ranks), beyond, ranks)
        known = ~np.isnan(scores) if new else ~np.isnan(scores) & np.isnan(columns[f"{name}.score"])
        columns[f"{name}.score"][known] = scores[known]
    for name, source in registry.exact_lists().items():
        exact = sources.exact(source, block, pairs) if name in sources.settings.sources else None
        if exact is not None:
            columns[f"{name}.score"] = exact
    for name in votes.votes:
        heard = votes.at(name, pairs)
        columns |= {f"{name}.score": heard} if name == ADOPTION.name else _lately(heard)
    return columns


def _lately(heard: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(NEIGHBOURS, (heard.real, heard.imag), strict=True))


@dataclass(frozen=True)
class _Block:
    """What the frames of all assortments share of a block of users.

    Attributes:
        place: where the users stand among the targets.
        own: what they acted on.
        profiles: [B, I] CSR, the same decayed.
        votes: of the users nearest to them.
        described: the attributes of all users and items.
        offered: who was offered what, and what belongs to what.
        shown: who was shown what, and what came of it.
    """

    place: slice
    own: pair_features.Own
    profiles: "csr_matrix"
    votes: Votes
    described: AttributeFacts
    offered: OfferFacts
    shown: ShownFacts

    @classmethod
    def of(cls, framed: "Framed", place: slice) -> "_Block":
        users = framed.targets[place]
        own = framed.known.own(users)
        profiles = own.matrix("decay_90")
        votes = framed.candidates.neighbours(users, profiles)
        return cls(place, own, profiles, votes, framed.described, framed.offered, framed.shown)


def _frame(framed: "Framed", shared: _Block, name: str, only: np.ndarray | None) -> Frame:
    sources, eligible = framed.candidates, framed.assortments[name]
    own, profiles, votes, block = shared.own, shared.profiles, shared.votes, shared.place
    listed = sources.listed(block, name)
    if ADOPTION.name in votes.votes:
        listed[lists.pool_of(name, "new"), ADOPTION.name] = sources.adoption(votes, profiles, eligible)
    by_name = {f"{name}.{pool}": found for (pool, name), found in listed.items()}
    pairs = union(own.users, sources.cutoff.items, by_name, sources.settings.depth)
    if only is not None:
        pairs = replace(pairs, keys=pairs.keys[position(only, pairs.keys)[0]])
    codes = {f"{name}.{pool}": sources.settings.sources.index(name) for pool, name in listed}
    columns = _source_columns(sources, listed, votes, block, pairs)
    affinity = sources.text_affinity(pairs, profiles)
    if affinity is not None:
        columns["text_affinity"] = affinity
    columns |= pair_features.of_pairs(pairs, own, framed.known) | shared.described.of_pairs(pairs, profiles)
    columns |= shared.offered.of_pairs(pairs, profiles) | shared.shown.of_pairs(pairs)
    features = np.empty((len(pairs.keys), len(columns)), dtype=np.float32)
    for number, column in enumerate(columns.values()):
        features[:, number] = column
    has, place = position(own.keys, pairs.history_keys)
    returned = has & own.returned[place] if len(own.keys) else has
    source = best_source(pairs.keys, by_name, codes)
    return Frame(pairs, tuple(columns), features, ~has, source, returned=returned, left=shared.shown.left(pairs))


@dataclass(frozen=True)
class Framed:
    """Makes the frames of blocks of a cut-off's targets; what all blocks need is read once.

    Attributes:
        cutoff: whose targets they are.
        targets: [T] their user indices.
        assortments: which items each held then.
        candidates, known, described, offered, shown: what the features are made of.
        wanted: keys of what was acted on, by assortment; none at the run cut-off.
        disliked: keys of the pairs that are on no list.
        offers: who was offered what.
    """

    cutoff: Cutoff
    targets: np.ndarray
    assortments: dict[str, np.ndarray | None]
    candidates: CandidateLists
    known: pair_features.CutoffFacts
    described: AttributeFacts
    offered: OfferFacts
    shown: ShownFacts
    wanted: dict[str, np.ndarray]
    disliked: np.ndarray
    offers: Offers | None

    @classmethod
    def read(cls, cutoff: Cutoff, sources: Sources, config: Config, near: Path | None = None) -> "Framed":
        """Read what the frames of a cut-off are made of; `near`: see CandidateLists."""
        assortments = cutoff.assortments()
        labelled = assortments if cutoff.role == "label" else {}
        offers = Offers.read(cutoff)
        return cls(
            cutoff,
            cutoff.targets(),
            assortments,
            CandidateLists(cutoff, sources, config.fusion, near),
            pair_features.CutoffFacts.read(cutoff),
            AttributeFacts.read(cutoff, config),
            OfferFacts.read(cutoff, config, offers),
            ShownFacts.read(cutoff, config),
            {name: label_keys(cutoff, lists.pool_of(name, "all")) for name in labelled},
            _keys(cutoff.disliked(), cutoff.items),
            offers,
        )

    def of(self, block: slice, only: Mapping[str, np.ndarray] | None = None) -> dict[str, Frame]:
        """The frames of some targets by assortment, with labels where the cut-off has them; `only`: the keys of the
        pairs that are wanted, ascending, by assortment; default: all candidates."""
        shared = _Block.of(self, block)
        found = {}
        for name in self.assortments if only is None else only:
            frame = _frame(self, shared, name, None if only is None else only[name])
            allowed = _allowed(frame, self.disliked, self.offers, self.cutoff)
            frame = frame if allowed.all() else frame.take(allowed)
            keys = self.wanted.get(name)
            acted = None if keys is None else position(keys, frame.pairs.history_keys)[0]
            found[name] = replace(frame, acted=acted)
        return found


@dataclass(frozen=True)
class FrameWork(Work):
    """Work on the frames of a cut-off's targets.

    Attributes:
        cutoff: whose targets they are.
        sources: the sources' folders.
        config: the configuration.
        near: see CandidateLists.
    """

    cutoff: Cutoff
    sources: Sources
    config: Config
    near: Path | None = field(default=None, kw_only=True)

    def framed(self) -> Framed:
        """What makes the frames."""
        return Framed.read(self.cutoff, self.sources, self.config, self.near)

    def worked_out(self, folder: Path) -> Self:
        """See Work.worked_out: all processes need the nearest texts."""
        return replace(self, near=CandidateLists(self.cutoff, self.sources, self.config.fusion).share(folder))


def frames(cutoff: Cutoff, sources: Sources, config: Config) -> Iterator[tuple[slice, dict[str, Frame]]]:
    """The frames of a cut-off's targets by assortment, block by block, with labels where the cut-off has them."""
    framed = Framed.read(cutoff, sources, config)
    said = track(f"fusion {cutoff.cutoff}", len(framed.targets))
    for block in blocks(len(framed.targets), config.block_users):
        said(block.start)
        yield block, framed.of(block)


def _keys(pairs: "csr_matrix", width: int) -> np.ndarray:
    """[N] int64, user_index x items + item_index of a matrix's entries, ascending."""
    users = np.repeat(np.arange(pairs.shape[0], dtype=np.int64), np.diff(pairs.indptr))
    return np.asarray(users * width + pairs.indices)


def _allowed(frame: Frame, disliked: np.ndarray, offers: Offers | None, cutoff: Cutoff) -> np.ndarray:
    """bool [N], pairs that may be shown: not disliked, not offered to others alone, and where users do not come back to
    an item, not known."""
    allowed = ~position(disliked, frame.pairs.history_keys)[0]
    if offers is not None:
        allowed &= ~offers.forbidden(frame.pairs.users[frame.pairs.rows], frame.pairs.items)
    return allowed if cutoff.repeats else allowed & frame.fresh


def label_keys(cutoff: Cutoff, pool: lists.Pool = "all") -> np.ndarray:
    """[L] int64, user_index x items + item_index of a pool's labels whose item was known at the cut-off, ascending."""
    labels = cutoff.labels(pool)
    users, items = (labels.column(name).to_numpy().astype(np.int64) for name in ("user_index", "item_index"))
    inside = items < cutoff.items
    keys: np.ndarray = users[inside] * cutoff.items + items[inside]
    return keys


def wanted(cutoff: Cutoff, pool: lists.Pool) -> np.ndarray:
    """[T] int64, how many items each target acted on in the label window, known at the cut-off or not."""
    labels, targets = cutoff.labels(pool), cutoff.targets()
    return np.bincount(np.searchsorted(targets, labels.column("user_index").to_numpy()), minlength=len(targets))
