"""The single models' settings, each looked for with the same small budget, on users who acted before any that judge."""

import logging
from datetime import date
from pathlib import Path

from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.ground.lists import kind_of
from pipeline.judging import measuring
from pipeline.operations import stages, tune
from pipeline.operations.tuning import space
from pipeline.operations.tuning.trials import FINAL, Goal
from pipeline.settings import layers
from pipeline.settings.config import Config
from pipeline.sources import registry

log = logging.getLogger(__name__)

SHARED = ("ingest", "features", "fine_tune")
"""Stages that no setting of a single model changes: made once, and read by all that try some."""


def tuned_on(nights: tuple[date, ...], config: Config) -> date:
    """The night whose newest label window is tuned on: it ends before the windows of all judged nights begin."""
    return min(config.folds(night)["judge"] for night in nights)


def tuned(place: Config, own: Config, nights: tuple[date, ...], number: int) -> tuple[Config, dict[str, str]]:
    """Tune every single model that there is something to try for.

    Args:
        place: of the published lists' workshop, in whose lake the features are made.
        own: the settings of the single models.
        nights: that will be judged.
        number: trials of each model, the settings in force being the first; 0: these are taken.
    Returns:
        `own` with the best settings, and what was found for each list, in words.
    """
    night = tuned_on(nights, place)
    if not number or not artifacts.is_finished(artifacts.stage_dir(place.lake, "ingest", night)):
        return own, {}
    found = own
    said = {}
    for name, pools in _can_be_tuned(place, own, night).items():
        out = place.home / "tuned" / f"{name}.toml"
        try:
            best = tune.run(_in(place, own), Goal(name, (night,), pools), out, number=number, shared=SHARED)
        except InputError as error:  # no trial could be fitted or judged: so few did anything by then
            log.warning("compare: list '%s' stays as it is configured: %s", name, error)
            continue
        found = type(own).model_validate(layers.merge(found.model_dump(), space.nested(best.settings)))
        said[name] = f"NDCG {best.before:.4f} -> {best.value:.4f}"
    return found, said


def _in(place: Config, own: Config) -> Config:
    return own.model_copy(update={"home": place.home})


def _can_be_tuned(place: Config, own: Config, night: date) -> dict[str, tuple[str, ...]]:
    """The lists that settings are tried for, and the pools in which somebody can be judged on the night of tuning."""
    stages.run(night, place, SHARED[1:])
    features: Path = artifacts.stage_dir(place.lake, "features", night)
    cutoff = next(c for c in read_cutoffs(features) if c.cutoff == place.folds(night)["judge"])
    pools = tuple(pool for pool in place.pools if len(measuring.read_truth(cutoff, pool).rows))
    made = {name: one for name, one in registry.candidate_lists().items() if name in registry.made_by()}
    found = {}
    for name in layers.read_toml(space.SHIPPED, "install Nightjar again"):
        mine = tuple(pool for pool in pools if name != FINAL and _has(made[name].kinds, pool, cutoff.repeats))
        if mine and own.enabled(registry.made_by()[name]):
            found[name] = mine
    return found


def _has(kinds: tuple[str, ...], pool: str, repeats: bool) -> bool:
    """Whether a list of these kinds is made for a pool; where nobody comes back, none of what a user has had is."""
    return kind_of(pool) in kinds and (repeats or "new" in kinds)
