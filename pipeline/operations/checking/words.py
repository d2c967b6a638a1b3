"""What was found in a shop's logs, for a person at a terminal."""

import textwrap
from collections.abc import Sequence

from pipeline.ground.terminal import WIDTH, clean, fit_line, table
from pipeline.operations.checking.clock import Clock
from pipeline.operations.checking.facts import Facts, Kind, Place
from pipeline.operations.checking.samples import InputSample
from pipeline.settings.config import Config
from pipeline.settings.sections.data import EventType, Features

RAW = 90
"""Characters of a refused row that are shown."""
ABSENT_SHOWN = 12


def files(inputs: dict[str, InputSample]) -> list[str]:
    """Which files match, which days they are of, and how much of them was looked at."""
    cells = [[name, *_files(of)] for name, of in inputs.items()]
    lines = ["files", *table(["input", "files", "of", "MB", "looked at"], cells, right=["files", "MB"])]
    return lines


def _files(of: InputSample) -> list[str]:
    days = [day for file in of.files for day in (file.first_day, file.last_day) if day is not None]
    span = f"{min(days)} .. {max(days)}" if days else "no day in their names"
    looked = "all" if of.is_whole else f"{of.rows:,} rows of {len(of.sampled):,} files: beginning, middle, end"
    return [f"{len(of.files):,}", span, f"{of.bytes / 1e6:,.1f}", looked if of.files else "nothing"]


def facts(found: Facts, config: Config, is_whole: bool) -> list[str]:
    """What is in the log."""
    lines = ["", "events" if is_whole else "events, as far as they were looked at"]
    if (events := found.events) is None or not events.events:
        return [*lines, "  none that a night would take", *_kinds(found.kinds, config)]
    guests = f", {events.guests:,} of them by guests" if events.guests else ""
    lines.append(f"  {events.events:,} of {events.users:,} users and {events.items:,} items{guests}")
    lines.append(f"  {events.first} .. {events.last}, days of {config.timezone}")
    if events.users:
        lines.append(
            f"  of a user: {events.median_events:,} (median); nine in ten have at most {events.many_events:,}, one has "
            f"{events.most_events:,}"
        )
    lines += _repeats(found, config, is_whole) + _items(found, config) + _clock(found.clock)
    return [*lines, *_kinds(found.kinds, config)]


def _repeats(found: Facts, config: Config, is_whole: bool) -> list[str]:
    told = found.repeats
    if told is None or told.share is None:
        return ["  repeats: nothing yet to tell by, as no action of the goal is older than horizon_days"]
    at_least = "" if is_whole else "at least "
    said = f"  repeats: users came back to {at_least}{told.share:.1%} of {told.pairs:,} pairs of a user and an item"
    if config.features.repeats != "learned":
        return [f'{said} (features.repeats = "{config.features.repeats}")']
    if told.is_learned is None:
        return [f"{said}; too few to learn from, so that they are taken to"]
    if not is_whole:
        return [said]
    return [f"{said}: " + ("what they had is recommended again" if told.is_learned else "what they had is not")]


def _items(found: Facts, config: Config) -> list[str]:
    lines = []
    events = found.events
    if (items := found.catalogue) is not None and events:
        of = max(events.items, 1)
        lines.append(
            f"  items: {items.known / of:.1%} of the log's are in the catalogue ({items.titled / of:.1%} with a title) "
            f"with {items.known_events / max(events.events, 1):.1%} of the events; of the catalogue's {items.items:,} "
            f"{items.unused / max(items.items, 1):.1%} have no event"
        )
    elif events and config.ingest.items is not None:
        lines.append("  items: the catalogue is larger than what was looked at")
    elif events:
        lines.append(
            "  items: no catalogue ([ingest.items]): they are only ids, and none is known before its first event"
        )
    if (fresh := found.fresh) is not None and fresh.events:
        lines.append(
            f"  new items: {fresh.cold / fresh.events:.1%} of the last {config.horizon_days} days' events are on items "
            f"that had none before, {fresh.young / fresh.events:.1%} on items younger than a week"
        )
    return [line for text in lines for line in _wrapped(text)]


def _clock(clock: Clock | None) -> list[str]:
    if clock is None or clock.middle is None:
        return []
    said = f"  hours: activity lies about {clock.middle:.0f} o'clock in {clock.zone}"
    if clock.suggests is None:
        return [said]
    return _wrapped(
        f"{said}, when people sleep: is the shop's clock about {clock.suggests:+d} hours from it? Then set `timezone` "
        "before the first night; hours alone cannot tell which zone it is"
    )


def _kinds(kinds: Sequence[Kind], config: Config) -> list[str]:
    known = config.features.event_types
    cells = [[kind.name, f"{kind.rows:,}", worth(known.get(kind.name))] for kind in kinds]
    lines = ["", *table(["event type", "rows", "what it counts for"], cells, right=["rows"], squeeze="event type")]
    absent = [name for name in known if name not in {kind.name for kind in kinds}]
    if absent and known != Features().event_types:
        more = ", ..." if len(absent) > ABSENT_SHOWN else ""
        lines += _wrapped(f"  named, and not in the log: {', '.join(map(clean, absent[:ABSENT_SHOWN]))}{more}")
    return lines if kinds or absent else []


def worth(of: EventType | None) -> str:
    """What an event of a type counts for; None: a type that is refused."""
    if of is None:
        return "refused: features.event_types does not name it"
    said = [f"weight {of.weight:g}"] if of.weight or of.label else []
    said += [f"neutral at {of.neutral:g}"] if of.neutral is not None else []
    said += ["what the user was shown"] if of.shown else []
    said += [_hiding(of)] if of.hides else []
    said += ["the goal"] if of.label else []
    return ", ".join(said) or "nothing: it makes neither a user nor an item known"


def _hiding(of: EventType) -> str:
    """For how long how many such events hide an item."""
    days = "" if of.hides == "ever" else "a day" if of.hides == 1 else f"{of.hides} days"
    if of.cap:
        return f"no more than {of.after} in {days}" if days else f"{of.after} at most"
    several = f" after {of.after} of them" if of.after > 1 else ""
    return f"hides the item for {days or 'ever'}{several}"


def refused(found: Facts, config: Config) -> list[str]:
    """What will be refused and why, or left out, with examples of where; what of the other inputs is of no use."""
    lines = []
    if found.refused:
        share = f"{found.refused_share:.1%} of the rows, {config.ingest.max_reject_share:.0%} may be"
        lines += ["", f"refused ({share})"]
    for one in found.refused:
        lines.append(fit_line(f"  {one.rows:,} rows: {one.reason}" + (" (harmless)" if one.is_harmless else "")))
        lines += [fit_line(f"      {_place(place)}") for place in one.examples]
    if (left_out := found.left_out) is not None:
        lines += ["", fit_line(f"left out by the mapping, which makes no event of them: {left_out.rows:,} log rows")]
        lines += [fit_line(f"      {_place(place)}") for place in left_out.examples]
    if found.faults:
        lines += ["", "of no use"]
        lines += [fit_line(f"  {rows:,} rows of {fault}") for fault, rows in found.faults.items()]
    return lines


def _place(place: Place) -> str:
    about = "" if place.is_exact else "about "
    where = f"{clean(place.file)}" + (f", {about}line {place.line:,}" if place.line is not None else "")
    return where + (f": {clean(place.raw)[:RAW]}" if place.raw is not None else "")


def said(title: str, texts: Sequence[str]) -> list[str]:
    """A paragraph for each text, each cleaned of what a log or a mapping may have in it."""
    if not texts:
        return []
    lines = ["", title]
    for text in texts:
        first, *others = text.split("\n")
        lines += _wrapped(f"  {clean(first)}") + [fit_line(f"    {clean(other)}") for other in others if other.strip()]
    return lines


def _wrapped(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False)
