"""The home's own site, file by file, for whoever serves it."""

import os
from functools import cache
from pathlib import Path

from pipeline.site import FOLDER

NO_SITE = "There is no site yet, or no such page in it: run the DAG write_site, or `nightjar site`.\n"


def found(name: str, folder: Path | None = None) -> Path | None:
    """A file of the site.

    Args:
        name: its path in the site, as a request has it; empty: the first page.
        folder: the site's; default: below NIGHTJAR_HOME, else that of the configured home.
    Returns:
        The file; None: there is none of this name, or it lies elsewhere or begins with a dot.
    """
    place = (folder or _home() / FOLDER).resolve()
    try:
        file = (place / (name or "index.html")).resolve()
        hidden = any(part.startswith(".") for part in file.relative_to(place).parts)
        return file if not hidden and file.is_file() else None
    except (OSError, ValueError):  # a name that is no path, or leads out of the site
        return None


@cache
def _home() -> Path:
    if home := os.environ.get("NIGHTJAR_HOME"):  # whoever serves the site alone needs no shop's file
        return Path(home)
    from pipeline.sources import configuration

    return configuration.load().home
