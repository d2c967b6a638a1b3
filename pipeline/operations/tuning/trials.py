"""One trial: run the stages a list needs with other settings, and judge the list on every night."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from pipeline.features.read import read_cutoffs, read_items
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import InputError
from pipeline.ground.lists import Pool, kind_of
from pipeline.judging import measuring
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources import registry

FINAL = "final"
SEARCH = "search"
"""The folder below <home> in which every search has one."""


def maker(name: str) -> str:
    """The stage that makes a list: of a source, or `final`, the published one."""
    return "ensemble" if name == FINAL else registry.made_by().get(name, name)


@dataclass(frozen=True)
class Goal:
    """What is to become better.

    Attributes:
        name: a list: of a source, or `final`, the published one.
        nights: nights to judge on; each is judged on its newest label window, so nothing after a night is looked at.
        pools: whose mean counts.
    """

    name: str
    nights: tuple[date, ...]
    pools: tuple[Pool, ...]

    @property
    def stages(self) -> list[str]:
        """The stages that make the list and all it is made from, in data-flow order, `ingest` excepted."""
        needed: set[str] = set()
        open_ = [maker(self.name)]
        while open_:
            stage = open_.pop()
            needed.add(stage)
            open_ += [name for name in stages.upstream(stage) if name not in needed]
        return [stage for stage in stages.STAGES if stage in needed and stage != "ingest"]


def workshop(config: Config, folder: Path, shared: Sequence[str] = ("ingest",)) -> Config:
    """The configuration with a lake of its own, so that no trial touches a night that is in use.

    Args:
        config: the shop's; its ingested nights are read through a link.
        folder: where the trials' artifacts go.
        shared: all stages that are read through a link; a trial may change nothing that these depend on.
    """
    for stage in shared:
        link = folder / "lake" / stage
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to((config.lake / stage).resolve(), target_is_directory=True)
    return config.model_copy(update={"home": folder})


def workshops(config: Config) -> list[Config]:
    """The configuration with the home of each search that was ever begun below `<home>/search`."""
    folders = sorted(path for path in (config.home / SEARCH).glob("*") if (path / "lake").is_dir())
    return [config.model_copy(update={"home": folder}) for folder in folders]


def scores(goal: Goal, config: Config) -> Iterator[float]:
    """NDCG@k of the list on one night after the other, the mean over the pools.

    Raises:
        InputError: a night was not ingested, or the stage makes no such list.
    """
    for night in goal.nights:
        if not artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night)):
            raise InputError(f"night {night} is not ingested: python -m pipeline load-history --until {night}")
        stages.run(night, config, goal.stages)
        yield float(np.mean([_score(goal.name, night, pool, config) for pool in goal.pools]))


def _score(name: str, night: date, pool: Pool, config: Config) -> float:
    features = artifacts.stage_dir(config.lake, "features", night)
    judged = next(c for c in read_cutoffs(features) if c.cutoff == config.folds(night)["judge"])
    folder = judged.dir_in(artifacts.stage_dir(config.lake, maker(name), night))
    items = lists.read_list(folder, pool, name)[0]
    truth = measuring.read_truth(judged, pool)
    known = read_items(features, ["item_index"]).num_rows
    values = measuring.measure(items, truth, measuring.read_buckets(judged, known, config.evaluate), config)["everyone"]
    return float(values[f"ndcg@{config.evaluate.k}"].mean())


def asked_for(names: Sequence[str] | None, config: Config) -> tuple[Pool, ...]:
    """The pools that somebody asks for by name; None: all that there are.

    Raises:
        InputError: there is no such pool.
    """
    if unknown := sorted(set(names or ()) - set(config.pools)):
        raise InputError(f"there is no pool {', '.join(unknown)}; there are {', '.join(config.pools)}")
    return tuple(names or config.pools)


def pools_of(name: str, asked: Sequence[Pool]) -> tuple[Pool, ...]:
    """The pools to judge in, of those asked for: a list may not exist in all (buy-again has no new items)."""
    made = registry.candidate_lists().get(name)
    return tuple(pool for pool in asked if made is None or kind_of(pool) in made.kinds) or tuple(asked[:1])
