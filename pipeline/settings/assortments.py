"""What surfaces choose from, and what for: surfaces that agree on both share their candidates, rankers and judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ground.pools import EVERYTHING, KINDS, Kind, Pool, pool_of
from pipeline.settings.sections.publication import Surface

ALL_ITEMS = "true"


@dataclass(frozen=True)
class Assortment:
    """Items that may be recommended, and what they are recommended for.

    Attributes:
        name: of the first surface that has it; empty: all items, for what the shop recommends for.
        where: SQL predicate over the items table, as of the day.
        goal: event types that are a success; empty: those with `label`.
        horizon_days: within so many days; None: the shop's.
        max_age_days: none for longer after their first day; None: for ever.
    """

    name: str = EVERYTHING
    where: str = ALL_ITEMS
    goal: tuple[str, ...] = ()
    horizon_days: int | None = None
    max_age_days: int | None = None


def by_surface(surfaces: Sequence[Surface]) -> dict[str, Assortment]:
    """The assortment of each surface, by the surface's name."""
    found: dict[tuple[str, tuple[str, ...], int | None, int | None], Assortment] = {}
    for surface in surfaces:
        asked = _asked(surface)
        own = asked != (ALL_ITEMS, (), None, None)
        found.setdefault(asked, Assortment(surface.name if own else EVERYTHING, *asked))
    return {surface.name: found[_asked(surface)] for surface in surfaces}


def _asked(surface: Surface) -> tuple[str, tuple[str, ...], int | None, int | None]:
    return surface.where, surface.goal, surface.horizon_days, surface.max_age_days


def in_use(surfaces: Sequence[Surface]) -> tuple[Assortment, ...]:
    """Every assortment once, that of all items first."""
    return tuple(sorted(dict.fromkeys(by_surface(surfaces).values()), key=lambda assortment: bool(assortment.name)))


def kind_of(surface: Surface) -> Kind:
    """Which lists of its assortment a surface draws on."""
    return "all" if surface.repeats else "new"


def pool_in(surface: Surface, surfaces: Sequence[Surface]) -> Pool:
    """The pool that one of the surfaces draws on."""
    return pool_of(by_surface(surfaces)[surface.name].name, kind_of(surface))


def pools(surfaces: Sequence[Surface]) -> tuple[Pool, ...]:
    """The pools whose lists are fused, judged and published: those that surfaces draw on, and both of all items."""
    drawn = by_surface(surfaces)
    asked = {pool_of(drawn[surface.name].name, kind_of(surface)) for surface in surfaces}
    return tuple(
        pool
        for assortment in in_use(surfaces)
        for kind in KINDS
        if (pool := pool_of(assortment.name, kind)) in asked or assortment.name == EVERYTHING
    )
