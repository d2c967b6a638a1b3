"""The databases that published tables go to: one class per kind, all with the contract of published.contract."""

from pipeline.published.contract import Target
from pipeline.settings.config import Config


def of(config: Config, kind: str | None = None) -> Target:
    """The configured target, or that of another kind."""
    # here, so a target's driver is needed only where it is used
    if (kind or config.publish.target) == "postgres":
        from pipeline.published.targets.postgres import PostgresTarget

        return PostgresTarget(config)
    from pipeline.published.targets.duckdb import DuckDBTarget

    return DuckDBTarget(config)
