"""Groups of a night's items, and how often each was wanted lately: what exposure is measured against, and kept to."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipeline.arrays.exposure import head
from pipeline.features.read import read_cutoffs
from pipeline.ground.errors import InputError
from pipeline.publication import exposed
from pipeline.publication.exposed import Groups
from pipeline.settings.sections.fairness import AGE, POPULARITY
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from pipeline.publication.night import Night


def relevance(night: "Night", surface: Surface) -> np.ndarray | None:
    """[I] int64, how many users acted on each item in the judged window, as the surface's pool counts it; None: of a
    log that is too young for one."""
    judged = night.config.folds(night.run_date)["judge"]
    cutoff = next((one for one in read_cutoffs(night.features) if one.cutoff == judged and one.role == "label"), None)
    if cutoff is None:
        return None
    acted = cutoff.labels(night.config.pool(surface)).column("item_index").to_numpy()
    return np.bincount(acted, minlength=night.items.num_rows)


def grouping(name: str, night: "Night") -> Groups:
    """The items of a night grouped by popularity, age, or a column."""
    if name == POPULARITY:
        return exposed.of_popularity(
            ~head(night.stats.column("buyers_91").to_numpy(), night.config.fairness.head_share)
        )
    if name == AGE:
        seen = night.items.column("first_seen").cast(pa.int32()).to_numpy()
        today: Any = pa.scalar(night.run_date).cast(pa.int32()).as_py()
        return exposed.of_age(today - seen)
    return exposed.of_column(name, night.items.column(name))


def least(night: "Night", surface: Surface) -> tuple[np.ndarray, np.ndarray] | None:
    """The groups that a surface shows at least so much: [I] int32 codes, -1 of none, and [G] shares of all exposure.

    A share is min_exposure x the group's share of relevance among what the surface may show; 0 where that is below
    fairness.limits.min_relevance_share. None: nobody knows what is wanted yet.

    Raises:
        InputError: no item is of any group.
    """
    acted, groups = relevance(night, surface), grouping(surface.min_exposure_by, night)
    if not groups.values:
        raise InputError(
            f"surface '{surface.name}': min_exposure is for groups by {surface.min_exposure_by}, and no item has one: "
            "let the mapping of [ingest.items] select it, or set min_exposure = 0"
        )
    if acted is None:
        return None
    counted = np.where(night.shown[surface.name], acted, 0)
    of_group = np.bincount(groups.code + 1, counted, minlength=len(groups.values) + 1)[1:]
    shares = of_group / max(int(counted.sum()), 1)
    asked = shares >= night.config.fairness.limits.min_relevance_share
    return groups.code, np.where(asked, surface.min_exposure * shares, 0)
