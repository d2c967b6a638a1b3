"""The site, written beside its place and put there when it is whole.

    index.html            quality, outcomes, logs, drift and cost over the nights
    look.html             a user's lists, an item, a query; what is popular
    site.css, site.js     how it looks, and what looks things up
    reports/<night>.html  the nights' reports
    data/<kind>/<hash>.js what can be looked up, see pipeline.site.shards
    site.json             what it was made of

No server is needed: pages read their data as scripts, which a browser lets a page from a disk do as well.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.publication import publish
from pipeline.published.contract import ActiveRun
from pipeline.settings.config import Config
from pipeline.site import look, lookups, nights, overview, pages
from pipeline.site.lookups import Lookups
from pipeline.site.nights import Night

MARK = "site.json"
"""What says that a folder is a site, and may be replaced by a newer one."""


def write(config: Config, out: Path, people: bool = True) -> Lookups:
    """Write the site of the active run, and replace the one that was there.

    Args:
        config: the configuration.
        out: the site's folder; it is new, empty, or a site.
        people: whether users can be looked up; else no user's id is in it.
    Returns:
        What can be looked up.
    Raises:
        InputError: nothing is published, or `out` holds something else.
        OSError: the disk is full, or `out` cannot be written.
    """
    if (active := publish.active_run(config)) is None:
        raise InputError(f"nothing is published in {config.tables}: run a night first")
    out = Path(os.path.abspath(out))  # noqa: PTH100 - a link stays one
    _require_own(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial, old = _beside(out)
    with artifacts.lock(out):
        _sweep(out)
        partial.mkdir()
        try:
            found = _fill(partial, config, active, people)
            if out.exists():
                out.rename(old)
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return found


def sweep(out: Path) -> None:
    """Remove what a killed process left beside a site; an only copy is put back."""
    if out.parent.is_dir():
        with artifacts.lock(out):
            _sweep(out)


def _beside(out: Path) -> tuple[Path, Path]:
    """Where a site is written, and where the one before it is while they change places."""
    return out.with_name(f".{out.name}.partial"), out.with_name(f".{out.name}.old")


def _sweep(out: Path) -> None:
    partial, old = _beside(out)
    if old.exists() and not out.exists():  # killed between the two renames
        old.rename(out)
    for left in (partial, old):
        shutil.rmtree(left, ignore_errors=True)


def is_site(folder: Path) -> bool:
    """Whether a folder is a site."""
    return (folder / MARK).is_file()


def shows_people(folder: Path) -> bool:
    """Whether users can be looked up in a site."""
    return bool(json.loads((folder / MARK).read_text(encoding="utf-8"))["people"])


def _require_own(out: Path) -> None:
    if out.exists() and not is_site(out) and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there and is no site: name a folder that is new or empty")


def _fill(folder: Path, config: Config, active: ActiveRun, people: bool) -> Lookups:
    known = nights.read(config)
    found = lookups.write(active, nights.titles(config, active.run_date), folder / "data", config, people)
    for path in sorted(pages.ASSETS.iterdir()):
        shutil.copyfile(path, folder / path.name)
    data = {kind: str(digits) for kind, digits in found.digits.items()}
    data["surfaces"] = " ".join(surface.name for surface in config.surfaces)
    data["k"] = str(lookups.K)
    bodies = {
        "index.html": ("Nightjar: nights", overview.body(config, known, _reports(known, folder))),
        "look.html": ("Nightjar: lists", look.body(found, active.run_id)),
    }
    for name, (title, body) in bodies.items():
        (folder / name).write_text(pages.page(name, title, body, data), encoding="utf-8")
    made = {"run_id": active.run_id, "people": people, "nights": [night.date.isoformat() for night in known]}
    (folder / MARK).write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    return found


def _reports(known: Sequence[Night], folder: Path) -> dict[str, str]:
    """The nights' reports, copied beside the pages: where each lies."""
    places = {}
    (folder / "reports").mkdir()
    for night in known:
        if night.report is not None:
            places[night.date.isoformat()] = place = f"reports/{night.date}.html"
            shutil.copyfile(night.report, folder / place)
    return places
