"""The registry of published tables: one module per table, one line in NAMES. Everything else is derived.

A module has TABLE, which says what the columns are and how rows are looked up, and `make`, which makes a night's rows;
sql/checks/tables/<name>.sql says what is wrong with them. One that has AFTER_CHECKS = True is made when the others are
checked, is told what was found (Night.checked), and is not checked itself. Schema, DDL and views of every target, the
Parquet copies, loading, retention, erasure and what `status` counts follow.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

import pyarrow as pa

from pipeline.publication.night import Night
from pipeline.published.contract import PublishedTable

NAMES = (
    "runs",
    "recommendations",
    "similar_items",
    "popular_items",
    "search_results",
    "user_profiles",
    "recommendation_outcomes",
    "audiences",
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


def made_first() -> tuple[Module, ...]:
    """Those that are checked."""
    return tuple(module for module in PUBLISHED if not _after_checks(module))


def made_last() -> tuple[Module, ...]:
    """Those that tell of the checks."""
    return tuple(module for module in PUBLISHED if _after_checks(module))


def _after_checks(module: Module) -> bool:
    return bool(getattr(module, "AFTER_CHECKS", False))
