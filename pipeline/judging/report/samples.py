"""Sample lists as the page shows them, and a page without some of them."""

import re
from collections.abc import Collection
from html import escape

from pipeline.ground.lists import Pool
from pipeline.judging.report import words
from pipeline.judging.report.page import Page
from pipeline.judging.samples import Rows, Sample
from pipeline.publication import reasons

HISTORY = {
    "much": "A {person} with much history",
    "middling": "A {person} in the middle",
    "little": "A {person} with little history",
}
GONE = '<div class="sample soft small">This sample was removed: the person asked to be forgotten.</div>'


def section(page: Page, pool: Pool) -> str:
    """What a few users get on the surfaces of a pool; empty where there are no samples.

    Titles and reasons are escaped, so that nothing in them can be taken for the marks that `without` looks for.
    """
    drawing = [surface.name for surface in page.config.surfaces if page.config.pool(surface) == pool]
    return "".join(_surface(page, name) for name in drawing if page.samples)


def without(page: str, numbers: Collection[int]) -> str:
    """The page without the samples of these numbers, wherever they stand."""
    for number in numbers:
        mark = f"<!--sample {number:d}-->.*?<!--end of sample {number:d}-->"
        page = re.sub(mark, GONE, page, flags=re.DOTALL)
    return page


def _surface(page: Page, name: str) -> str:
    heading = words.said("What {people} get on {surface}", page.config, surface=name)
    note = "Tonight's lists, as they would be published"
    note += ", before editors' rules." if page.config.publish.editorial else "."
    cards = "".join(_card(page, sample, sample.lists.get(name, ())) for sample in page.samples)
    return f'<h3>{escape(heading)}</h3><p class="soft small">{note}</p><div class="samples">{cards}</div>'


def _card(page: Page, sample: Sample, shown: Rows) -> str:
    config = page.config
    who = words.said(HISTORY[sample.history], config)
    verb = config.publish.verb or reasons.verb(config.features.event_types)
    of = words.of(config)
    had = f"{sample.things:,} {of.thing if sample.things == 1 else of.things} so far; last {verb}:"
    last = "".join(f'<li>{_text(title)} <span class="soft">{escape(day)}</span></li>' for title, day in sample.last)
    given = "".join(f'<li>{_text(title)}<div class="soft">{_text(reason)}</div></li>' for title, reason in shown)
    listed = f"<ol>{given}</ol>" if shown else '<p class="soft">nothing: no list could be made</p>'
    return (
        f'<!--sample {sample.number:d}--><div class="sample small"><b>{escape(who)}</b>'
        f'<p class="soft">{escape(had)}</p><ul>{last}</ul><p class="soft">gets:</p>{listed}</div>'
        f"<!--end of sample {sample.number:d}-->"
    )


def _text(text: str) -> str:
    """Untrusted text: escaped, and what it says about its direction ends with it."""
    return f"<bdi>{escape(text)}</bdi>"
