"""What a source says about itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.ground.lists import KINDS, Kind
from pipeline.settings.sections.base import Section

Says = Literal["own", "taste", "peers", "everybody"]
"""Whom a list listens to: the user's own repetitions, a model of the user's taste, similar users, or all of them."""
Vectors = Literal["behaviour", "text"]
"""What a source's vectors are made of: who acts on an item, or what is written about it."""

MadeOf = Mapping[str, tuple[str, ...]]
"""Columns by table."""


@dataclass(frozen=True)
class CandidateList:
    """A ranked list per target that a source writes, see pipeline.ground.lists.

    Attributes:
        name: of its files.
        title: for people.
        says: whom it listens to; decides the reasons that users read, and which of equal lists an item is credited to.
        kinds: of pools that it has lists for.
        fused: whether it is fused by default; any list can be named in fusion.sources.
        alike: whether many users may rightly have the same; of others that is a sign of something broken.
    """

    name: str
    title: str
    says: Says = "taste"
    kinds: tuple[Kind, ...] = KINDS
    fused: bool = True
    alike: bool = False


@dataclass(frozen=True)
class Source:
    """A source.

    Attributes:
        section: its settings, the configuration's section of its name.
        lists: what it writes; the first is the one its vectors score.
        vectors: what its vectors are made of: user_*.npy of a cut-off and item_*.npy, whose product is the score of any
            pair, listed or not; None: it has none.
        made_of: the columns that its scores are made of, by table of a cut-off's features; {name} is a setting of its
            section, of which all of it can be a function. For pipeline.lineage; SOURCES says what other stages give it.
        vectors_of: the same of its vectors, where they are made of something else.
    """

    section: type[Section]
    lists: tuple[CandidateList, ...]
    vectors: Vectors | None = None
    made_of: MadeOf | Callable[[Any], MadeOf] = field(default_factory=lambda: {"interactions": ("{values}",)})
    vectors_of: MadeOf | None = None
