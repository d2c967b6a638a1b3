"""The site, written so that whoever looks sees the one before or the new one.

    index.html, look.html   quality over the nights; a user's lists, an item, a query
    reports/<night>.html    the nights' reports
    data/<version>/         what pages load: how they look, their script, what can be looked up (pipeline.site.shards)
    site.json               what says that the folder is a site, and what it was made of

No server is needed: pages read their data as scripts, which a browser lets a page from a disk do as well. A version is
named by its content and is whole before a page names it; the one before goes when no page does. The folder itself
stays, as it may be where a volume is mounted, or where a server looks.
"""

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.publication import publish
from pipeline.published.contract import ActiveRun
from pipeline.settings.config import Config
from pipeline.site import look, lookups, nights, overview, pages
from pipeline.site.lookups import Lookups
from pipeline.site.nights import Night

MARK = "site.json"
MADE_BY = {"made_by": "nightjar site"}
"""What the mark says of any site."""
LOCK, PARTIAL = ".lock", ".partial"


def write(config: Config, out: Path, people: bool = True) -> Lookups:
    """Write the site of the active run, in the place of the one that was there.

    Args:
        config: the configuration.
        out: the site's folder, or a link to it; it is new, empty, or a site.
        people: whether users can be looked up; else no user's id is in it.
    Returns:
        What can be looked up.
    Raises:
        InputError: nothing is published, or `out` holds something else.
        OSError: the disk is full, or `out` cannot be written.
    """
    if (active := publish.active_run(config)) is None:
        raise InputError(f"nothing is published in {config.tables}: run a night first")
    out = out.resolve()
    _require_own(out)
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        if not is_site(out):
            _put(out / MARK, json.dumps(MADE_BY))  # first, so that what a killed process leaves can be written again
        shutil.rmtree(out / PARTIAL, ignore_errors=True)
        try:
            return _fill(out, config, active, people)
        finally:
            shutil.rmtree(out / PARTIAL, ignore_errors=True)


def is_site(folder: Path) -> bool:
    """Whether a folder is a site."""
    return _mark(folder).get("made_by") == MADE_BY["made_by"]


def shows_people(folder: Path) -> bool:
    """Whether users can be looked up in a site; of one that was never finished nobody says so."""
    return bool(_mark(folder).get("people", False))


def _mark(folder: Path) -> Mapping[str, Any]:
    try:
        said = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _require_own(out: Path) -> None:
    if out.exists() and not is_site(out) and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there and is no site: name a folder that is new or empty")


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _put(path: Path, text: str) -> None:
    """Write a file whole, in the place of the one that was there."""
    beside = path.with_name(f".{path.name}.partial")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _fill(out: Path, config: Config, active: ActiveRun, people: bool) -> Lookups:
    data = out / PARTIAL
    found = lookups.write(active, nights.catalogue(config, active), data, config, people)
    for path in sorted(pages.ASSETS.iterdir()):
        shutil.copyfile(path, data / path.name)
    version = _digest(data)
    place = out / "data" / version
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        data.rename(place)
    known = nights.read(config)
    reports = _reports(known, out)
    told = {kind: str(digits) for kind, digits in found.digits.items()} | {
        "version": version,
        "surfaces": " ".join(surface.name for surface in config.surfaces),
        "k": str(lookups.K),
    }
    now = nights.current(config, active)
    bodies = {
        "index.html": ("Nightjar: nights", overview.body(config, known, now, reports)),
        "look.html": ("Nightjar: lists", look.body(found, active.run_id)),
    }
    for name, (title, body) in bodies.items():
        _put(out / name, pages.page(name, title, body, told))
    made = MADE_BY | {"run_id": active.run_id, "people": people, "nights": [str(night.date) for night in known]}
    _put(out / MARK, json.dumps(made, indent=1) + "\n")
    _remove_all_but({version}, out / "data")
    _remove_all_but({Path(report).name for report in reports.values()}, out / "reports")
    return found


def _digest(folder: Path) -> str:
    """A name for what a folder holds."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _reports(known: Sequence[Night], out: Path) -> dict[str, str]:
    """The nights' reports, copied beside the pages: where each lies."""
    places = {}
    (out / "reports").mkdir(exist_ok=True)
    for night in known:
        if night.report is not None:
            places[night.date.isoformat()] = place = f"reports/{night.date}.html"
            _put(out / place, night.report.read_text(encoding="utf-8"))
    return places


def _remove_all_but(names: set[str], folder: Path) -> None:
    for path in folder.iterdir():
        if path.name not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
