"""The names of pools: an assortment's lists of one kind. Not in `lists`, as settings are read without NumPy."""

from typing import Literal

Kind = Literal["all", "new"]
"""Whether lists may hold what a user has a history with, or only what is new to them."""
KINDS: tuple[Kind, ...] = ("all", "new")
Pool = str
"""An assortment's lists of one kind, by the name that their files begin with."""
EVERYTHING = ""
"""The assortment of all items."""
_APART = "-"


def pool_of(assortment: str, kind: Kind) -> Pool:
    """The pool of an assortment and a kind."""
    return f"{assortment}{_APART}{kind}" if assortment else kind


def assortment_of(pool: Pool) -> str:
    """The name of a pool's assortment."""
    return pool.rpartition(_APART)[0]


def kind_of(pool: Pool) -> Kind:
    """A pool's kind."""
    return "new" if pool.rpartition(_APART)[2] == "new" else "all"


def file_of(assortment: str, name: str) -> str:
    """The name of an assortment's own file."""
    return f"{assortment}{_APART}{name}" if assortment else name
