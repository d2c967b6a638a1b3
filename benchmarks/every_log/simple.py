"""The simple lists that a published one has to match: what an afternoon's work would show.

Popularity is counted from the raw logs in several windows; the single sources' lists, buy-again and the content's
among them, are tonight's of the same run. Each is judged as it is and, under `all`, also without what the user already
has: on a log where nobody repeats, a list full of known items is no opponent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice

from benchmarks import nights
from benchmarks.every_log.shop import Own, Seen
from benchmarks.scoring import Lists
from pipeline.ground import artifacts, lists
from pipeline.settings.config import Config
from pipeline.sources import SOURCES

WINDOWS = {"6 hours": 0.25, "1 day": 1, "3 days": 3, "7 days": 7, "28 days": 28, "91 days": 91, "365 days": 365}
"""Days of popularity, counted in users."""
LENGTH = 10
"""What NDCG@10 looks at."""
NEW = ", new"
"""Behind the name of a list without what the user has."""


def every(settings: Config, seen: Seen, own: Own, pool: lists.Pool, users: Sequence[str]) -> dict[str, Lists]:
    """All simple lists of a surface by name, of the items that belong to it and may be shown.

    Args:
        settings: of the night's run, whose sources are read.
        seen: the night.
        own: of the surface.
        pool: that the surface draws on.
        users: who is judged.
    """
    may_be_shown, kind = own.shown_by(seen), lists.kind_of(pool)
    found: dict[str, Lists] = {}
    for name, order in popular(seen).items():
        theirs = offered_of(order, seen, own, users)
        if any(theirs.values()):
            if kind == "all":
                found[name] = {user: list(items[:LENGTH]) for user, items in theirs.items()}
            found[f"{name}{NEW}"] = {user: new_to(user, seen, items) for user, items in theirs.items()}
    for name, ranked in sources(settings, seen.night, pool).items():
        found[name] = _shown(ranked, may_be_shown)
    if kind == "all":
        new = lists.pool_of(lists.assortment_of(pool), "new")
        for name, ranked in sources(settings, seen.night, new).items():
            found[f"{name}{NEW}"] = {u: new_to(u, seen, items) for u, items in _shown(ranked, may_be_shown).items()}
    return found | dict(own.rules(seen, users))


def offered_of(order: Sequence[str], seen: Seen, own: Own, users: Sequence[str]) -> dict[str, Sequence[str]]:
    """What each user may be shown of some items, in their order."""
    offer, offered = own.offer(seen), own.offered(seen)
    shown = [item for item in order if own.belongs(item) and (offer is None or item in offer)]
    if offered is None:
        return dict.fromkeys(users, shown)
    return {user: [item for item in shown if item in offered.get(user, ())] for user in users}


def _shown(ranked: Lists, may_be_shown: Callable[[str, str], bool]) -> Lists:
    """Lists without what their user may not be shown."""
    return {user: [item for item in items if may_be_shown(user, item)] for user, items in ranked.items()}


def made(settings: Config, seen: Seen, own: Own, pool: lists.Pool) -> Lists:
    """The final list of a night's run, of the items that may be shown; without its top-up by popular items."""
    if not artifacts.is_finished(artifacts.stage_dir(settings.lake, "ensemble", seen.night)):
        return {}
    ranked = dict(nights.lists_of(settings, "ensemble", seen.night, pool)).get("final", {})
    return _shown(ranked, own.shown_by(seen))


def popular(seen: Seen) -> dict[str, list[str]]:
    """Items by how many users acted on them for the goal in each window, equal ones by id; a window without any is not
    there."""
    midnight = datetime.combine(seen.night + timedelta(days=1), time())
    found = {}
    for name, days in WINDOWS.items():
        counted = Counter(item for item, when in seen.latest if when >= midnight - timedelta(days=days))
        if counted:
            found[f"popularity, {name}"] = sorted(counted, key=lambda item: (-counted[item], item))
    return found


def new_to(user: str, seen: Seen, order: Iterable[str]) -> list[str]:
    """The first items of a list that a user never acted on, in whatever way."""
    had = seen.history.get(user, set())
    return list(islice((item for item in order if item not in had), LENGTH))


def sources(settings: Config, night: date, pool: lists.Pool) -> dict[str, Lists]:
    """Tonight's lists of every source that was made, by name."""
    made = (stage for stage in SOURCES if artifacts.is_finished(artifacts.stage_dir(settings.lake, stage, night)))
    return {name: ranked for stage in made for name, ranked in nights.lists_of(settings, stage, night, pool)}
