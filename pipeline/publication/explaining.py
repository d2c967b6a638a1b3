"""Explains the first places of all users' published lists, a block of users at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays.blocks import blocks
from pipeline.engine import Arrays
from pipeline.explanation import sharing
from pipeline.explanation.drivers import ANYBODY, RULES, Drivers
from pipeline.explanation.scores import Asked, Scores
from pipeline.features.rates import item_rates
from pipeline.ground import lists
from pipeline.ground.errors import InputError
from pipeline.publication import agreeing, reasons, shown
from pipeline.ranking import calibration, finals
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Frame, Framed, FrameWork
from pipeline.ranking.pairs import Listed, Pairs, position
from pipeline.sources import registry

if TYPE_CHECKING:
    from pipeline.publication.night import Night

OTHERS = "others"
"""The driver that has what those add together that add little, and what rounding lost."""
NOTHING = 1e-6
"""What others add less than is rounding."""
TOGETHER, PLACES = 8, 2**17
"""So many blocks of users are explained at a time, as trees are tabulated anew for each time; but, more than one, no
more than have so many places, each of which needs some hundred bytes a few times over."""


@dataclass(frozen=True)
class Places:
    """Places of the lists of a block that have something: [N] each, by target, surface, then rank.

    Attributes:
        row: in the block; surface: which; rank: 1-based.
        item: what is there; score: float64, what is published of it.
        because, kind, can: of its reason, see pipeline.publication.shown.
    """

    row: np.ndarray
    surface: np.ndarray
    rank: np.ndarray
    item: np.ndarray
    score: np.ndarray
    because: np.ndarray
    kind: np.ndarray
    can: np.ndarray

    @classmethod
    def of(cls, held: Sequence[np.ndarray]) -> "Places":
        """The places of SHOWN [B, ranks] of each surface."""
        both = np.stack(held, axis=1)  # [B, S, ranks]
        row, surface, column = np.nonzero(both["is_there"])
        found = both[row, surface, column]
        score = found["score"].astype(np.float64)
        reason = (found[name] for name in ("because", "kind", "can"))
        return cls(row, surface, column + 1, found["item"].astype(np.int64), score, *reason)


@dataclass(frozen=True)
class Explained(FrameWork):
    """Explains what is shown.

    Attributes:
        fusion, ensemble: the stages' folders.
        scratch: where pipeline.publication.shown holds the lists.
        surfaces: names, in the order of the table; pools: of each.
        given_up: the pools whose lists are best-sellers'.
        least: a driver that changes the log-odds by less is among OTHERS.
        lead: whether reasons follow what is explained.
    """

    fusion: Path
    ensemble: Path
    scratch: Path
    surfaces: tuple[str, ...]
    pools: tuple[lists.Pool, ...]
    given_up: frozenset[lists.Pool]
    least: float
    lead: bool = False

    @classmethod
    def of_night(cls, night: "Night") -> "Explained":
        """What explains the lists of a night that are held.

        Raises:
            InputError: lists have no probabilities, or the night has no fusion.
        """
        if night.fusion is None:
            raise InputError(f"the night of {night.run_date} has no fusion to explain")
        config, asked = with_made_lists(night.config, night.sources), night.config.explanations
        surfaces = sorted(config.surfaces, key=lambda one: one.name)
        pools, at = tuple(config.pool(one) for one in surfaces), night.cutoff.dir_in(night.ensemble)
        for pool in {*pools} - night.fallen_back:
            if not (path := at / f"{pool}.final.probability.npy").is_file():
                raise InputError(
                    f"{path} is missing, and explanations.ranks asks what probabilities are made of: run stage "
                    "'ensemble' again with --force"
                )
        folders, names = (night.fusion, night.ensemble, night.scratch), tuple(one.name for one in surfaces)
        of = (night.cutoff, night.sources, config, *folders, names, pools)
        return cls(*of, night.fallen_back, asked.least, asked.lead)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The names of the drivers, OTHERS last; a driver's number is its place here."""
        singles = (recipe.single for _, recipe in sorted(finals.recipes(self.ensemble).items()))
        names = (*self.config.fusion.sources, *self.config.fusion.rankers, *self.config.ensemble.members, *singles)
        return (*Drivers.of([*filter(None, names)]).names, OTHERS)

    def size(self, ranks: int) -> int:
        """How many users are explained at a time, where so many ranks of every surface are."""
        users, fit = self.config.block_users, PLACES // (ranks * len(self.surfaces))
        return min(TOGETHER * users, max(users, fit))

    def open(self, threads: int) -> Callable[[slice], Arrays]:
        """A function of a block: one element per place and driver, by target, surface, rank, and the driver's number.

        row int64 in the block, surface int64, rank int32, item int64, evidence int64 (-1: none), driver int64, and what
        it adds float32; those of a place add up to the log-odds of its score. After these one element per place, in the
        same order: row, surface, rank and the kind of its reason, int8.
        """
        held = [np.load(shown.place(self.scratch, name), mmap_mode="r", allow_pickle=False) for name in self.surfaces]
        made = _Sharing.of(self, threads)
        drivers, things = self.drivers, agreeing.things_of(self.drivers)

        def make(block: slice) -> Arrays:
            places = Places.of([np.asarray(one[block]) for one in held])
            found, can = made.shares(block, places)
            kind = agreeing.chosen(agreeing.summed(found, things), can, places.kind) if self.lead else places.kind
            place, driver, adds = folded(found, sharing.log_odds(places.score), drivers.index(ANYBODY), self.least)
            where = (places.row, places.surface, places.rank.astype(np.int32))
            of_place = (*where, places.item, reasons.evidence(kind, places.item, places.because))
            return (*(one[place] for one in of_place), driver, adds, *where, kind)

        return make


def folded(shares: np.ndarray, total: np.ndarray, always: int, least: float) -> tuple[np.ndarray, ...]:
    """The rows that tell of shares, those that are small together in one.

    Args:
        shares: [N, D] float64; the last driver, OTHERS, has none.
        total: [N] what they add up to.
        always: the driver that has a row, however small its share.
        least: shares nearer to 0 are put together.
    Returns:
        place int64, driver int64 and share float32 of the rows, by place, then driver.
    """
    rounded = shares.astype(np.float32)
    told = (np.abs(rounded) >= least) & (rounded != 0)
    told[:, always] = True
    others = (rounded != 0) & ~told
    rounded[:, -1] = total - np.where(told, rounded, 0).sum(axis=1, dtype=np.float64)
    told[:, -1] = others.any(axis=1) & (np.abs(rounded[:, -1]) >= NOTHING)
    place, driver = np.nonzero(told)
    return place, driver, rounded[place, driver]


@dataclass(frozen=True)
class _Sharing:
    """What every block needs.

    Attributes:
        work: what is done.
        threads: that may be used.
        scores: by pool what explains its final list.
        rates: float32 [I] by pool, the chance that any one user acts on an item.
        framed: makes the frames; None: no ranker has a say.
    """

    work: Explained
    threads: int
    scores: Mapping[lists.Pool, Scores]
    rates: Mapping[lists.Pool, np.ndarray]
    framed: Framed | None

    @classmethod
    def of(cls, work: Explained, threads: int) -> "_Sharing":
        at = calibration.Applied("publish", work.cutoff, {"fusion": work.fusion, **work.sources})
        pools = dict.fromkeys(work.pools)
        wanted = [pool for pool in pools if pool not in work.given_up]
        scores = {pool: Scores.read(at, work.ensemble, pool, work.config, many=True) for pool in wanted}
        rates = {pool: item_rates(work.cutoff, work.config.horizon_of(pool)) for pool in pools}
        has_trees = any(one.fitted is not None and any(one.boosters.values()) for one in scores.values())
        return cls(work, threads, scores, rates, work.framed() if has_trees else None)

    def shares(self, block: slice, places: Places) -> tuple[np.ndarray, np.ndarray]:
        """[N, D] float64 what each of the work's drivers adds to the log-odds of each place's score, and [N] which
        kinds of reason are true of it, see pipeline.publication.shown."""
        drivers, width = self.work.drivers, self.work.cutoff.items
        found, can = np.zeros((len(places.row), len(drivers))), places.can.copy()
        final = sharing.log_odds(places.score)
        pool_of = np.array(self.work.pools)[places.surface]
        frames = self._frames(block, places, pool_of)
        for pool, rates in self.rates.items():
            mine = np.flatnonzero(pool_of == pool)
            usual = sharing.log_odds(
                rates[places.item[mine]]
            )  # of what the final list lacks everybody's chance is told
            found[mine, drivers.index(ANYBODY)] = usual
            found[mine, drivers.index(RULES)] = final[mine] - usual
            if pool not in self.scores or self.scores[pool].fitted is None:
                continue
            items = np.asarray(lists.read_list(self._folder, pool, "final")[0][block])
            listed = Listed.of(items, np.zeros(items.shape, np.float32), width)
            rank = listed.at(places.row[mine] * width + places.item[mine])[0]
            there, rank = mine[~np.isnan(rank)], rank[~np.isnan(rank)].astype(np.int64)
            asked = Asked(block, places.row[there], places.item[there], rank, places.score[there])
            scores, frame = self.scores[pool], frames[lists.assortment_of(pool)]
            can[there] |= self._of_peers(frame, places.row[there] * width + places.item[there], can[there])
            found[there] = 0
            columns = [drivers.index(name) for name in scores.drivers.names]
            found[there[:, None], columns] = scores.explain(asked, frame, self.threads)
        return found, can

    @staticmethod
    def _of_peers(frame: Frame, keys: np.ndarray, can: np.ndarray) -> np.ndarray:
        """[N] the bit of the reason that similar users acted on it, where some did and others are told as well."""
        made = registry.candidate_lists()
        peers = [name for name, one in made.items() if one.says == "peers" and not one.alike]  # alike: anybody's score
        says = [*(f"{name}.score" for name in peers), "neighbours_7", "neighbours_30"]
        columns = [place for place, name in enumerate(frame.names) if name in says]
        known, at = position(frame.pairs.keys, keys)
        did = np.zeros(len(keys), dtype=bool)
        did[known] = (frame.features[at[known]][:, columns] > 0).any(axis=1)  # not a number: on no list
        return np.where(did & (can != 0), np.int16(1 << reasons.Kind.PEERS), np.int16(0))

    @property
    def _folder(self) -> Path:
        return self.work.cutoff.dir_in(self.work.ensemble)

    def _frames(self, block: slice, places: Places, pool_of: np.ndarray) -> dict[str, Frame]:
        """What the rankers know of the places, by assortment."""
        width, users = self.work.cutoff.items, np.asarray(self.work.cutoff.targets()[block])
        names = dict.fromkeys(lists.assortment_of(pool) for pool in self.scores)
        if self.framed is None:
            return {name: _joined([], users, width) for name in names}
        chosen = {name: [pool for pool in self.scores if lists.assortment_of(pool) == name] for name in names}
        keys = {
            name: np.unique((places.row * width + places.item)[np.isin(pool_of, pools)])
            for name, pools in chosen.items()
        }
        made: dict[str, list[tuple[int, Frame]]] = {name: [] for name in names}
        for part in blocks(len(users), self.work.config.block_users):
            low, high = part.start * width, part.stop * width
            only = {name: of[np.searchsorted(of, low) : np.searchsorted(of, high)] - low for name, of in keys.items()}
            targets = slice(block.start + part.start, block.start + part.stop)
            for name, frame in self.framed.of(targets, only).items():
                made[name].append((part.start, frame))
        return {name: _joined(frames, users, width) for name, frames in made.items()}


def _joined(frames: Sequence[tuple[int, Frame]], users: np.ndarray, width: int) -> Frame:
    """Frames of neighbouring users as one; each comes with the row at which it begins."""
    if not frames:
        nothing = Pairs(users, width, np.zeros(0, np.int64))
        return Frame(nothing, (), np.zeros((0, 0), np.float32), np.zeros(0, bool), np.zeros(0, np.int8))
    keys = np.concatenate([frame.pairs.keys + start * width for start, frame in frames])
    features, fresh, source = (
        np.concatenate([getattr(frame, name) for _, frame in frames]) for name in ("features", "fresh", "source")
    )
    return Frame(Pairs(users, width, keys), frames[0][1].names, features, fresh, source)
