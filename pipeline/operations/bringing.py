"""What an operation reads of a home in an object store is brought to this machine first; of a plain folder it is there.

Manifests are brought of all nights, files of those that are read. What an operation changes is fetched and sent by the
locks that it takes, see pipeline.store.mirror.
"""

from collections.abc import Iterable

from pipeline.ground import artifacts, keeping
from pipeline.settings.config import SO_FAR, Config
from pipeline.store import homes


def nights(config: Config, whole: Iterable[str] = ()) -> None:
    """What there is of every night, and all files of some stages."""
    if (mirror := homes.mirror_of(config.home)) is None:
        return
    mirror.refresh(config.lake.name)
    for name in whole:
        mirror.fetch_all(f"{config.lake.name}/{name}")


def everything(config: Config, whole: Iterable[str] = ()) -> None:
    """What there is of all that is kept but the tables, and all files of some stages."""
    if (mirror := homes.mirror_of(config.home)) is None:
        return
    for folder in ("lake", SO_FAR, "blocked", "exports"):
        mirror.refresh(folder)
    for name in whole:
        mirror.fetch_all(f"lake/{name}")


def tables(config: Config) -> None:
    """The published tables."""
    keeping.bring(config.tables)


def state(config: Config) -> None:
    """How far history is loaded, and who asked to be forgotten."""
    keeping.bring(artifacts.history(config.lake_of_nights, "ingest"))
