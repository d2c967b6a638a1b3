"""What the sources share: one part per cut-off, and scores turned into ranked lists by blocks of users."""

import contextlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.arrays.blocks import blocks, rows_for
from pipeline.engine import Arrays, Bound, map_blocks
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import TrainingError
from pipeline.ground.progress import track
from pipeline.settings.config import Config
from pipeline.settings.sections.base import RepeatingSection, SourceSection
from pipeline.sources.scored import Own, Rank, RankAll, Ranked, Score, Scored, narrowed
from pipeline.sources.shelves import Lists

if TYPE_CHECKING:
    pass

__all__ = [
    "Make",
    "Rank",
    "RankAll",
    "Ranked",
    "Score",
    "in_assortments",
    "inputs_hash",
    "make_parts",
    "narrowed",
    "reached",
    "tonights_fit",
    "write_candidates",
    "write_fit",
    "write_ranked",
    "write_source",
]

log = logging.getLogger(__name__)

WHERE_THERE = ("eligible", "links", "offers")
"""Tables that every source heeds, and a cut-off has only where there is something to say."""
MAY_BE_ABSENT = {*WHERE_THERE, "lately"}
"""And those that some sources read."""


class Make(Protocol):
    """Writes the files of one cut-off; `previous` is the finished part of the next older cut-off."""

    def __call__(self, cutoff: Cutoff, previous: Path | None, folder: Path, /) -> None: ...


def inputs_hash(cutoff: Cutoff, tables: Sequence[str]) -> str:
    """A hash of the features of one cut-off that a source reads."""
    paths = [cutoff.folder / f"{name}.parquet" for name in sorted({*tables, *WHERE_THERE})]
    files = [artifacts.file_sha256(path) for path in paths if path.stem not in MAY_BE_ABSENT or path.is_file()]
    return artifacts.text_sha256(cutoff.cutoff, cutoff.users, cutoff.items, cutoff.repeats, files)


def make_parts(
    stage: str,
    make: Make,
    *,
    features: Path,
    memo: artifacts.Memo,
    config: Config,
    tables: Sequence[str] = ("interactions",),
    chained: bool = False,
    also: Callable[[Cutoff], str] = lambda _: "",
) -> dict[str, int]:
    """Make or link one part per cut-off, oldest first.

    Args:
        stage: the stage's name, which is its section's.
        make: writes one part.
        features: the features stage's folder.
        memo: of the running stage.
        config: the configuration.
        tables: names of the cut-off's features tables the part depends on; `targets` and what may be listed always.
        chained: whether a part also depends on the part of the next older cut-off (warm start).
        also: a hash of what else a cut-off's part depends on.
    Returns:
        Scalars for the report: cutoffs, linked, and tonight's users, items and targets.
    Raises:
        TrainingError: tonight's cut-off has no users with a history, although something was done.
    """
    cutoffs = read_cutoffs(features)
    tonight = cutoffs[0]
    if len(tonight.targets()) == 0 and not tonight.untouched:
        raise TrainingError(f"{tonight.folder} has no user with a history: {stage} has nothing to learn from")
    key, previous, linked = "", None, 0
    for number, cutoff in enumerate(sorted(cutoffs, key=lambda c: c.cutoff), start=1):
        inputs, older = inputs_hash(cutoff, (*tables, "targets", "disliked")), key if chained else ""
        key = artifacts.text_sha256(stage, config.digest(stage), inputs, also(cutoff), older)
        reused = memo.part(cutoff.part, key, partial(make, cutoff, previous))
        log.info("%s %d/%d: %s %s", stage, number, len(cutoffs), cutoff.cutoff, "linked" if reused else "made")
        linked += reused
        previous = memo.out / cutoff.part if chained else None
    sizes = {"users": tonight.users, "items": tonight.items, "targets": len(tonight.targets())}
    return {"cutoffs": len(cutoffs), "linked": linked} | sizes


FIT = "fit.json"


def write_fit(folder: Path, fitted: Mapping[str, Any]) -> None:
    """Keep what is to be said of one cut-off's fit: JSON scalars."""
    (folder / FIT).write_text(json.dumps(fitted, sort_keys=True) + "\n")


def tonights_fit(features: Path, out: Path) -> dict[str, Any]:
    """What `write_fit` kept of tonight's cut-off, made now or linked."""
    fitted: dict[str, Any] = json.loads((read_cutoffs(features)[0].dir_in(out) / FIT).read_text())
    return fitted


def write_source(
    folder: Path,
    name: str,
    cutoff: Cutoff,
    score: Score | Bound[Score],
    *,
    section: SourceSection,
    config: Config,
    above: float = -np.inf,
    threads: int = 1,
    among: np.ndarray | None = None,
) -> None:
    """Write the lists of a source as its section and the configuration say; arguments as `write_candidates`.

    A source that knows nothing of repetition gets the own history added in pool `all`.
    """
    own = (section.own, section.own_weight) if isinstance(section, RepeatingSection) else None
    given: dict[str, Any] = {"above": above, "threads": threads, "among": among}
    write_candidates(folder, name, cutoff, score, n=section.candidates, config=config, own=own, **given)


def reached(cutoff: Cutoff) -> np.ndarray | None:
    """[K] ascending indices of the items that anybody acted on: all that who speaks of actions can list. None: all."""
    known = np.zeros(cutoff.items, dtype=bool)
    with cutoff.history(["item_index"]) as history:
        for table in history.groups():
            known[table.column(0).to_numpy()] = True
    return None if known.all() else np.flatnonzero(known)


def write_candidates(
    folder: Path,
    name: str,
    cutoff: Cutoff,
    score: Score | Bound[Score],
    *,
    n: int,
    config: Config,
    kinds: Sequence[lists.Kind] = lists.KINDS,
    own: Own | None = None,
    above: float = -np.inf,
    threads: int = 1,
    among: np.ndarray | None = None,
) -> None:
    """Rank every target's n best items in each pool, of every assortment, and write the lists.

    Args:
        folder: the cut-off's folder in the running stage.
        name: the list's name.
        cutoff: whose targets are ranked for.
        score: scores a block of users; what a user dislikes is on no list. Bound to its arrays, other processes can be
            asked for it, where there are any.
        n: length of the lists.
        config: `block_users`, of which fewer are scored at a time where CELLS would be exceeded; who does it.
        kinds: of pools to write; `new` excludes whatever the user has a history with.
        own: what is added to the scores in pools `all` only.
        above: an item is a candidate only if its score in the pool is greater; a list may so end early.
        threads: blocks that are scored at the same time; memory grows with it.
        among: [K] ascending indices of the columns of `score`, which hold all histories; no list has others. None: all.
    Raises:
        TrainingError: a score is not a number.
    """
    bound = score if isinstance(score, Bound) else Bound(_itself, {"score": score})
    work = Scored(name, cutoff, bound, n, tuple(kinds), own, above, Bound(_itself, {"score": among}))
    rows = rows_for(cutoff.items, config.block_users)
    given: dict[str, Any] = {"n": n, "rows": rows, "kinds": kinds, "threads": threads}
    write_ranked(folder, name, cutoff, work, config=config if isinstance(score, Bound) else None, **given)


def _itself(score: Any) -> Any:
    return score


def in_assortments(cutoff: Cutoff, rank_of: Callable[[np.ndarray | None], Rank]) -> RankAll:
    """A function that ranks in every assortment as the function does that its items give: bool [I], or None for all."""
    ranks = {name: rank_of(eligible) for name, eligible in cutoff.assortments().items()}

    def rank(users: np.ndarray) -> dict[lists.Pool, Lists]:
        return {lists.pool_of(name, kind): made for name, one in ranks.items() for kind, made in one(users).items()}

    return rank


def write_ranked(
    folder: Path,
    name: str,
    cutoff: Cutoff,
    rank: RankAll | Scored,
    *,
    n: int,
    rows: int,
    kinds: Sequence[lists.Kind] = lists.KINDS,
    threads: int = 1,
    config: Config | None = None,
) -> None:
    """Write the lists that `rank` makes of blocks of targets, each as soon as it is made.

    Where users do not come back to an item, pool `all` gets the lists of pool `new`, and a source of nothing but what
    they have had writes none.

    Args:
        folder: the cut-off's folder in the running stage.
        name: the list's name.
        cutoff: whose targets are ranked for.
        rank: makes the lists [B, n] of a block of users, by pool; runs in several threads. Or work for other processes.
        n: length of the lists.
        rows: users of a block.
        kinds: of pools that `rank` makes.
        threads: blocks that are made at the same time in this process.
        config: says whether a cluster does the work; None, or engine "local": the threads of this process do.
    """
    if not cutoff.repeats and "new" not in kinds:
        return
    targets = cutoff.targets()
    given: dict[lists.Pool, lists.Pool] = {
        lists.pool_of(of, kind): lists.pool_of(of, kind if cutoff.repeats else "new")
        for of in cutoff.assortments()
        for kind in kinds
    }
    what = f"{artifacts.stage_of(folder)} {cutoff.cutoff}: {name}"
    with contextlib.ExitStack() as held:
        files = {pool: held.enter_context(lists.Writer(folder, pool, name, len(targets), n)) for pool in given}
        if isinstance(rank, Scored) and config is not None and config.engine != "local":
            ranked = _ranked_elsewhere(map_blocks(what, rank, len(targets), config, folder, size=rows), rank.pools)
        else:
            here = rank.rank() if isinstance(rank, Scored) else rank
            workers = held.enter_context(ThreadPoolExecutor(threads))
            ranked = _ranked_here(what, here, targets, rows, (workers, threads))
        for found in ranked:
            for pool, file in files.items():
                file.append(*found[given[pool]])


def _ranked_elsewhere(
    made: Iterator[tuple[slice, Arrays]], pools: Sequence[lists.Pool]
) -> Iterator[dict[lists.Pool, Lists]]:
    for _, arrays in made:
        yield {pool: (arrays[2 * place], arrays[2 * place + 1]) for place, pool in enumerate(pools)}


def _ranked_here(
    what: str, rank: RankAll, targets: np.ndarray, rows: int, workers: tuple[ThreadPoolExecutor, int]
) -> Iterator[dict[lists.Pool, Lists]]:
    """The lists of blocks of targets, of which as many are made at a time as there are threads."""
    said = track(what, len(targets))
    pool, threads = workers
    for group in _groups(blocks(len(targets), rows), threads):
        yield from pool.map(lambda block: rank(targets[block]), group)
        said(group[-1].stop)


def _groups(blocks: Iterator[slice], size: int) -> Iterator[tuple[slice, ...]]:
    """The blocks in groups of `size`; itertools has it from Python 3.12 on."""
    return iter(lambda: tuple(islice(blocks, size)), ())
