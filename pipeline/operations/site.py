"""A static site of what is published, for people who would rather look than read."""

import shutil
from pathlib import Path

from pipeline.ground import resources
from pipeline.operations import bringing
from pipeline.publication import publish
from pipeline.settings.config import Config
from pipeline.site import FOLDER, build


def run(config: Config, out: Path | None = None, people: bool = True) -> str:
    """Write the site; says where it is.

    Args:
        config: the configuration.
        out: its folder; default: <home>/site.
        people: whether users can be looked up; else no user's id is in it.
    Raises:
        InputError: nothing is published, or `out` holds something that is no site.
        ResourceError: it cannot be written; the one that was there stays.
    """
    bringing.nights(config, whole=("evaluate",))
    bringing.tables(config)
    place = out or config.home / FOLDER
    with resources.required("site", place.parent):
        found = build.write(config, place, people)
    things = [
        f"{found.items:,} items",
        f"{found.users:,} users" if people else "no users",
        f"{found.queries:,} queries",
    ]
    return f"{place / 'index.html'}: {', '.join(things)}"


def write_again(config: Config) -> bool:
    """Write the home's own site anew, as it was asked for, where there is one.

    One whose mark is damaged is written without people; of a home without tables nothing of it stays.

    Returns:
        Whether there was one.
    Raises:
        ResourceError: as `run`.
    """
    place = (config.home / FOLDER).resolve()
    if not (place / build.MARK).exists():
        return False
    people = build.shows_people(place)
    if not build.is_site(place) or publish.active_run(config) is None:
        for path in place.iterdir():  # the folder stays: it may be where a volume is mounted
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if publish.active_run(config) is not None:
        run(config, people=people)
    return True


def shows_people(config: Config) -> bool:
    """Whether users can be looked up in the home's own site; in one that is not there yet they will be."""
    place = config.home / FOLDER
    return build.shows_people(place) if build.is_site(place) else True
