"""A home that is named by a URL: its folder on this machine, and who keeps the two the same."""

from pathlib import Path

from pipeline.ground import keeping
from pipeline.store import urls
from pipeline.store.mirror import Mirror


def folder_of(home: str | Path) -> Path:
    """The folder to work in: of a URL its copy's, which has a keeper from now on; else the folder itself.

    Nothing is asked of the store, and nothing made, before it is used.

    Raises:
        InputError: the URL names no place, or holds what must come from the environment.
    """
    if not isinstance(home, str) or not urls.is_url(home):
        return Path(home)
    location = urls.parse(home)
    folder = location.folder.resolve()
    if keeping.keeper_of(folder) is None:
        keeping.register(folder, Mirror(location.url, folder, location.open))
    return folder


def mirror_of(home: Path) -> Mirror | None:
    """Who keeps a home; None where it is a plain folder."""
    keeper = keeping.keeper_of(home)
    return keeper if isinstance(keeper, Mirror) else None
