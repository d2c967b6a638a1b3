"""The second page: a user's lists and why, an item and who sees it; before anything is asked, what is popular."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from operator import itemgetter
from urllib.parse import quote

from pipeline.site.lookups import K, Lookups

SEGMENTS = 12
"""Segments of the popular items that the page has; of the rest it says how many there are."""


def body(found: Lookups, run_id: str) -> str:
    """The page's content."""
    things = [f"{found.items:,} items"]
    things += [f"{found.users:,} users"] if found.users else []
    things += [f"{found.queries:,} queries"] if found.queries else []
    return (
        f'<div id="view" aria-live="polite" tabindex="-1" hidden></div>\n<div id="start"><p class="soft">Run '
        f"<code>{escape(run_id)}</code></p><h1>Look a list up</h1><p>{', '.join(things)}: type above.</p>"
        f"{_examples(found.examples)}{_popular(found.popular)}</div>"
    )


def _examples(examples: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"<dt>{escape(segment)}</dt><dd>{', '.join(_user(user_id) for _, user_id in users)}</dd>"
        for segment, users in groupby(examples, key=itemgetter(0))
    )
    said = "Some users, by how much they have done"
    return f"<section><h2>{said}</h2><dl>{rows}</dl></section>" if rows else ""


def _user(user_id: str) -> str:
    return f'<a href="#user={_of_link(user_id)}"><bdi>{escape(user_id)}</bdi></a>'


def _of_link(text: str) -> str:
    return quote(text, safe="")


def _popular(rows: Iterable[tuple[str, int, str, str, float]]) -> str:
    segments = [(segment, list(items)) for segment, items in groupby(rows, key=itemgetter(0))]
    lists = "".join(_segment(segment, items) for segment, items in segments[:SEGMENTS])
    more = len(segments) - SEGMENTS
    rest = f'<p class="soft">{more} more segments are in the table popular_items.</p>' if more > 0 else ""
    if not lists:
        return ""
    said = f"The first {K} of popular_items, which a user gets of whom nothing is known."
    return f'<section><h2>Popular</h2><p class="soft">{said}</p><div class="pair">{lists}</div>{rest}</section>'


def _segment(segment: str, items: Iterable[tuple[str, int, str, str, float]]) -> str:
    rows = "".join(
        f'<li><a href="#item={_of_link(item_id)}"><bdi>{escape(title)}</bdi></a></li>'
        for _, _, item_id, title, _ in items
    )
    return f"<div><h3><bdi>{escape(segment)}</bdi></h3><ol>{rows}</ol></div>"
