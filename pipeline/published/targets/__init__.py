"""The databases that published tables go to: one class per kind, all with the contract of published.contract."""

from collections.abc import Sequence

from pipeline.published.contract import PublishedTable, Target
from pipeline.settings.config import Config


def of(config: Config, tables: Sequence[PublishedTable], kind: str | None = None) -> Target:
    """The configured target, or that of another kind, for the tables that are published."""
    # here, so a target's driver is needed only where it is used
    if (kind or config.publish.target) == "postgres":
        from pipeline.published.targets.postgres import PostgresTarget

        return PostgresTarget(config, tables)
    from pipeline.published.targets.duckdb import DuckDBTarget

    return DuckDBTarget(config, tables)
