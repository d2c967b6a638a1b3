"""A first publication whose lists are no better than best-sellers: the baseline's go out instead of none.

With a table in use a lost comparison keeps that table. Before the first publication there is nothing to keep, and a
shop that waits for its first table is served worse than with the list that its own were compared with. A table that is
the baseline's of an earlier night is followed by tonight's, until what was learned is no worse.
"""

from collections.abc import Collection, Mapping, Sequence

from pipeline.ground.lists import Pool
from pipeline.judging import gate
from pipeline.judging.gate import Comparison
from pipeline.ranking.finals import Recipe
from pipeline.settings.config import Config
from pipeline.sources import registry

Verdict = tuple[list[str], dict[Pool, str]]


def verdict(
    comparisons: Sequence[Comparison],
    broken: Mapping[Pool, Sequence[str]],
    recipes: Mapping[Pool, Recipe],
    config: Config,
    *,
    unkept: Collection[str],
) -> Verdict:
    """Why tonight's lists may not be published, and the pools whose lists are the baseline's instead, each with why.

    Args:
        comparisons: of the judged lists.
        broken: what is wrong with the lists that are about to be published, in words.
        recipes: how tonight's lists were made.
        config: `evaluate`; a baseline that is no source's list is none to fall back to, and who lets no lost comparison
            stop a publication (`block`) gets the lists as they were made.
        unkept: the pools of which the table in use has nothing to keep, so that what is lost, or the same for nearly
            everybody, is replaced by the baseline's lists. Lists that are broken otherwise stop that too.
    """
    can = config.evaluate.baseline in registry.candidate_lists()
    reasons: list[str] = []
    fallen: dict[Pool, str] = {}
    for pool in config.pools:
        lost = gate.lost([c for c in comparisons if c.pool == pool], config.evaluate, recipes)
        same = [words for words in broken[pool] if gate.SAME in words]
        reasons += [words for words in broken[pool] if words not in same]
        if can and config.evaluate.block and pool in unkept and (lost or same):
            fallen[pool] = "; ".join([*same, *lost])
        else:
            reasons += [*same, *lost]
    return reasons, fallen
