"""Several machines in one process: each has a copy of its own of a home in a store."""

from pathlib import Path

from pipeline.ground import keeping
from pipeline.store import urls
from pipeline.store.mirror import Mirror


def machine(url: str, home: Path) -> Mirror:
    """A mirror that keeps a home from now on."""
    mirror = Mirror(url, home, urls.parse(url).open)
    keeping.register(home, mirror)
    return mirror
