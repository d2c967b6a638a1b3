"""What users were shown before tonight and what came of it by place, for the report, where events say so."""

from html import escape

import numpy as np

from pipeline.features import shown
from pipeline.features.given import PLACES
from pipeline.features.read import Cutoff, History
from pipeline.settings.config import Config

BANDS = (*((place, place) for place in range(1, 11)), (11, 20), (21, 50), (51, PLACES - 1), (PLACES, None), (0, 0))
"""First and last place of the rows; from the last one on without an end, and those of which nobody says where."""


def section(cutoff: Cutoff, config: Config) -> list[tuple[str, str]]:
    """The report's part: (title, HTML), or nothing where no event says what was shown, or nothing was."""
    if not any(kind.shown for kind in config.features.event_types.values()):
        return []
    places = shown.read_places(cutoff)
    times, acted, looked = (places.column(name).to_numpy() for name in ("times", "acted", "examined"))
    if not times.sum():
        return []
    note = (
        f"In the last {shown.DAYS} days {_users(cutoff):,} people were shown {len(shown.read_items(cutoff)):,} of "
        f"{cutoff.items:,} items. Counted is what somebody was shown on a day, at the best place of it, and whether "
        "they acted on it that day. “Looked at” is the chance that a place is looked at, told apart from what stands "
        "there: what was shown at several places says which is which."
    )
    header = "".join(f"<th>{escape(name)}</th>" for name in ("place", "shown", "acted on", "share", "looked at"))
    rows = "".join(_row(first, last, times, acted, looked) for first, last in BANDS)
    table = f'<div class="wide"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
    return [("What was shown", f'<p class="soft">{escape(note)}</p>{table}')]


def _row(first: int, last: int | None, times: np.ndarray, acted: np.ndarray, looked: np.ndarray) -> str:
    band = slice(first, None if last is None else last + 1)
    number, hits = int(times[band].sum()), int(acted[band].sum())
    if not number:
        return ""
    mean = float((looked[band] * times[band]).sum() / number)
    cells = (_name(first, last), f"{number:,}", f"{hits:,}", f"{hits / number:.2%}", f"{mean:.0%}")
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _name(first: int, last: int | None) -> str:
    if last is None:
        return f"{first} and on"
    if not first:
        return "unknown"
    return str(first) if first == last else f"{first} to {last}"


def _users(cutoff: Cutoff) -> int:
    """How many people were shown anything; the rows are sorted by user."""
    found, last = 0, -1
    with History(cutoff.folder / "shown.parquet", ["user_index"]) as rows:
        for table in rows.groups():
            users = table.column(0).to_numpy()
            found += int((np.diff(users, prepend=last) != 0).sum())
            last = int(users[-1]) if len(users) else last
    return found
