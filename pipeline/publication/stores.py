"""Where published tables are kept: the target and the Parquet copies, for the tables that are registered."""

from pipeline.publication import tables
from pipeline.published import targets
from pipeline.published.archive import Archive
from pipeline.published.contract import Target
from pipeline.settings.config import Config


def target(config: Config, kind: str | None = None) -> Target:
    """The configured target, or that of another kind; see pipeline.published.targets."""
    return targets.of(config, tables.published(), kind)


def archive(config: Config) -> Archive:
    """The published tables as Parquet."""
    return Archive(config.tables, tables.published())
