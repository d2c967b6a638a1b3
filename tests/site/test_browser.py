"""The site in a browser, from a disk: what a person sees, types and presses; nothing in a title is ever run."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.site.browser import Tab
from tests.site.harm import ITEMS, QUERIES, TITLES, USERS

WIDTHS = (1280, 390)


@pytest.fixture(autouse=True)
def nothing_is_said(tab: Tab) -> Iterator[None]:
    """No error, no dialog and no request to anywhere, whatever is looked at."""
    tab.said.clear()
    yield
    tab.run("1")  # what is under way is heard of
    assert tab.said == []


def _ask(tab: Tab, text: str) -> list[str]:
    """Type into the search box; what it offers."""
    tab.press("/")
    tab.run("document.getElementById('find').value = ''")
    tab.type(text)
    tab.until("!document.getElementById('found').hidden")
    tab.run("ask()")
    return str(tab.run("document.getElementById('found').innerText")).splitlines()


@pytest.mark.parametrize("user", range(len(USERS)))
def test_a_user_is_found_and_shown(tab: Tab, site: Path, published: dict[str, pa.Table], user: int) -> None:
    tab.open(site / "index.html")
    assert f"User {USERS[user]}" in _ask(tab, USERS[user])
    tab.press("Enter")
    tab.until("location.pathname.endsWith('look.html') && !document.getElementById('view')?.hidden")
    tab.until("document.querySelectorAll('#view ol li').length > 0")
    assert tab.run("document.querySelector('#view h1').textContent") == USERS[user]
    rows = [r for r in published["recommendations"].to_pylist() if r["user_id"] == USERS[user]]
    for surface in ("for_you", "discover"):
        wanted = [TITLES[i] or ITEMS[i] for i in (ITEMS.index(r["item_id"]) for r in rows if r["surface"] == surface)]
        named = f"(s) => s.querySelector('h2').textContent === '{surface}'"
        of = f"[...document.querySelectorAll('#view section')].find({named})"
        assert tab.run(f"[...({of}?.querySelectorAll('ol a') ?? [])].map((a) => a.textContent)") == wanted
    assert all(r["reason"] in tab.run("document.getElementById('view').textContent") for r in rows)


@pytest.mark.parametrize("item", range(len(ITEMS)))
def test_an_item_is_shown_by_its_address(tab: Tab, site: Path, item: int) -> None:
    tab.open(site / "look.html", f"item={tab.run(f'encodeURIComponent({ITEMS[item]!r})')}")
    tab.until("document.querySelectorAll('#view h1').length > 0")
    assert tab.run("document.querySelector('#view h1').textContent") == (TITLES[item] or ITEMS[item])
    assert tab.run("document.querySelector('#view dd').textContent") == ITEMS[item]


def test_titles_are_found_while_one_types_and_the_keyboard_is_enough(tab: Tab, site: Path) -> None:
    tab.open(site / "look.html")
    assert _ask(tab, "ga") == ["Nothing yet: type on"]
    (found,) = _ask(tab, "gar gno")
    assert found.startswith(TITLES[2])
    tab.press("ArrowDown")
    assert tab.run("document.activeElement.closest('#found') !== null")
    tab.press("ArrowUp")
    assert tab.run("document.activeElement.id") == "find"
    tab.press("ArrowDown")
    tab.press("Enter")
    tab.until("document.querySelectorAll('#view h1').length > 0")
    assert tab.run("document.querySelector('#view h1').textContent") == TITLES[2]
    assert tab.run("document.getElementById('found').hidden")
    _ask(tab, "red")
    tab.press("Escape")
    assert tab.run("document.getElementById('found').hidden")
    assert _ask(tab, "nothing like this") == ["Nothing found"]


def test_queries_are_found_however_they_are_spelled(tab: Tab, site: Path) -> None:
    tab.open(site / "index.html")
    query = QUERIES[1][0]
    assert f"Query {query}" in _ask(tab, f"  {query.upper().replace(' ', '   ')} ")


def test_what_is_not_there_is_said(tab: Tab, site: Path) -> None:
    tab.open(site / "look.html", "user=nobody%20%3Cb%3E")
    tab.until("document.querySelector('#view h1')?.textContent === 'Nothing found'")
    assert "nobody <b>" in tab.text()
    for broken in ("user=%E0%A4%A", "__proto__=1", "item", "constructor=x"):
        tab.open(site / "look.html", broken)
        tab.until("document.getElementById('view').hidden || Boolean(document.querySelector('#view h1'))")


SLOW = "(quick) => async (id) => { await new Promise((done) => setTimeout(done, 300)); return quick(id); }"


def test_a_slow_answer_does_not_take_the_place_of_a_later_one(tab: Tab, site: Path) -> None:
    tab.open(site / "look.html")
    tab.run(f"SHOWN.item[0] = ({SLOW})(itemOf); location.hash = 'item=constructor'")
    tab.run("new Promise((done) => setTimeout(done, 50)).then(() => { location.hash = 'user=__proto__' })")
    tab.until("document.querySelector('#view h1')?.textContent === '__proto__'")
    tab.run("new Promise((done) => setTimeout(done, 400))")
    assert tab.run("document.querySelector('#view p').textContent") == "User"


def test_the_way_to_the_content_keeps_what_is_looked_at(tab: Tab, site: Path) -> None:
    tab.open(site / "look.html", "user=__proto__")
    tab.until("document.querySelectorAll('#view ol li').length > 0")
    tab.run("document.querySelector('.skip').click()")
    assert tab.run("[location.hash, document.activeElement.id]") == ["#user=__proto__", "main"]
    assert tab.run("document.getElementById('start').hidden")


@pytest.mark.parametrize("page", ["index.html", "look.html", "look.html#user=__proto__", "look.html#item=constructor"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_everything_can_be_read(tab: Tab, site: Path, page: str, width: int, dark: bool) -> None:
    tab.is_wide(width, dark)
    name, _, at = page.partition("#")
    tab.open(site / name, at)
    tab.until("document.querySelectorAll('main h1').length > 0")
    assert tab.run("document.documentElement.scrollWidth") <= width
    wide = (
        "[...document.querySelectorAll('main *')].filter((e) => !e.closest('.wide, svg, .unseen, [hidden]')"
        f" && e.getBoundingClientRect().right > {width}).map((e) => e.outerHTML.slice(0, 200))"
    )
    assert tab.run(wide) == []
    assert min(tab.run(CONTRASTS)) >= 4.5


CONTRASTS = """
(() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("main *")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) && !e.closest("svg"))
    .map((e) => [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a))
    .map(([high, low]) => (high + 0.05) / (low + 0.05));
})()
"""
"""Of all text of the page, how far it stands out from what it stands on (WCAG 2.2, 1.4.3: 4.5 at least)."""
