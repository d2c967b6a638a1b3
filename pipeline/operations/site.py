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
    """Write the home's own site anew, as it was asked for, where there is one; of a home without tables it is removed.

    Returns:
        Whether there was one.
    Raises:
        ResourceError: as `run`.
    """
    place = config.home / FOLDER
    build.sweep(place)
    if not build.is_site(place):
        return False
    if publish.active_run(config) is None:
        shutil.rmtree(place)
    else:
        run(config, people=build.shows_people(place))
    return True
