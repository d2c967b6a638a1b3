"""The registry of published tables: one module per table, one line in NAMES. Everything else is derived.

A module has TABLE, which says what the columns are and how rows are looked up, and `make`, which makes a night's rows;
sql/checks/tables/<name>.sql says what is wrong with them. One that has AFTER_LISTS = True is made when the others are,
and is told what the lists show (Night.exposed); one that has AFTER_CHECKS = True when those are checked, is told what
was found (Night.checked), and is not checked itself. One that has is_wanted(config) is made where that holds; of other
shops a run has no such file, and a database has its table empty. Schema, DDL and views of every target, the Parquet
copies, loading, retention, erasure and what `status` counts follow.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Protocol, cast

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.published.contract import PublishedTable
from pipeline.settings.config import Config

NAMES = (
    "runs",
    "recommendations",
    "similar_items",
    "popular_items",
    "search_results",
    "search_terms",
    "user_profiles",
    "recommendation_outcomes",
    "audiences",
    "document_labels",
    "labels_wanted",
    "entity_sentiment",
    "entity_events",
    "topics",
    "question_clusters",
    "answers",
    "unanswered",
    "exposure",
    "explanations",
    "data_checks",
)
"""The modules of this package that are published tables, in the order in which they are made, loaded and shown."""


class Module(Protocol):
    """What a module of this package has."""

    TABLE: PublishedTable

    def make(self, night: Night) -> Iterable[pa.Table]:
        """The rows of a night: pieces of any size, each with exactly TABLE.schema."""


PUBLISHED = tuple(cast(Module, import_module(f"{__name__}.{name}")) for name in NAMES)


def published() -> tuple[PublishedTable, ...]:
    """The published tables."""
    return tuple(module.TABLE for module in PUBLISHED)


def published_by(config: Config) -> tuple[PublishedTable, ...]:
    """Those that a shop has."""
    return tuple(module.TABLE for module in PUBLISHED if _is_wanted(module, config))


def made_first(config: Config) -> tuple[Module, ...]:
    """Those of a shop that are made of the night alone."""
    return tuple(module for module in checked(config) if not _after(module, "LISTS"))


def made_of_lists(config: Config) -> tuple[Module, ...]:
    """Those of a shop that tell of the lists."""
    return tuple(module for module in checked(config) if _after(module, "LISTS"))


def checked(config: Config) -> tuple[Module, ...]:
    """Those of a shop that are checked."""
    return tuple(module for module in PUBLISHED if _is_wanted(module, config) and not _after(module, "CHECKS"))


def made_last(config: Config) -> tuple[Module, ...]:
    """Those of a shop that tell of the checks."""
    return tuple(module for module in PUBLISHED if _is_wanted(module, config) and _after(module, "CHECKS"))


def _is_wanted(module: Module, config: Config) -> bool:
    wanted: Callable[[Config], bool] | None = getattr(module, "is_wanted", None)
    return wanted is None or wanted(config)


def _after(module: Module, what: str) -> bool:
    return bool(getattr(module, f"AFTER_{what}", False))
