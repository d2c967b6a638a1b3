"""The page: well formed, self-contained, escaped, and with the answer on top."""

import re
from datetime import date
from html.parser import HTMLParser

import pytest

from pipeline.ground.lists import Pool
from pipeline.judging.champion import Champion
from pipeline.judging.gate import Comparison
from pipeline.judging.measuring import ITEM_BUCKETS, USER_BUCKETS, Measured
from pipeline.judging.report import html
from pipeline.judging.report.page import Page
from pipeline.settings.sections.data import EventType
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig

HOSTILE = "<script>alert('x')</script>&\"odd\""
VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Collects tags, and complains where one is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(gains: dict[Pool, float], reasons: tuple[str, ...] = (), opponent: bool = True) -> Page:
    """A champion at 0.3 and tonight better by so much, in each pool; a hostile name among the lists."""
    measured, comparisons = [], []
    for pool, gain in gains.items():
        values = {HOSTILE: 0.2, "popularity": 0.1, "final": 0.3 + gain} | ({"champion": 0.3} if opponent else {})
        for name, value in values.items():
            measured.append(
                Measured(pool, name, "overall", "everyone", "ndcg@10", value, value - 0.02, value + 0.02, 70)
            )
            measured.append(Measured(pool, name, "overall", "everyone", "coverage@10", value, None, None, 70))
            buckets = [("users", b) for b in USER_BUCKETS] + [("items", b) for b in ITEM_BUCKETS]
            measured += [Measured(pool, name, kind, b, "ndcg@10", value, None, None, 20) for kind, b in buckets]
            if name != "final":
                gap = values["final"] - value
                comparisons.append(
                    Comparison(pool, name, "ndcg@10", values["final"], value, gap, gap - 0.01, gap + 0.01, 70)
                )
    return Page(
        run_date=date(2011, 10, 3),
        cutoff=date(2011, 9, 18),
        opponent=Champion("id", date(2011, 10, 2), HOSTILE, {"all": None}) if opponent else None,  # type: ignore[dict-item]
        measured=tuple(measured),
        comparisons=tuple(comparisons),
        reasons=reasons,
        stages={HOSTILE: "als"},
        config=FullConfig(surfaces=(Surface(name="for_you"), Surface(name="discover", repeats=False))),
    )


def headline(text: str) -> str:
    found = re.search("<h1>(.*)</h1>", text)
    assert found
    return found[1].replace("&#x27;", "'")


def test_well_formed_and_self_contained() -> None:
    text = html.render(page({"all": 0.05, "new": 0.02}, ("too bad",)), [("More <b>", "<p>of it</p>")])
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert text.count('class="chart"') == 4
    assert parser.seen.count("svg") == 2 * (4 + 3)  # of each pool every list, and tonight's against the others
    assert not {"script", "link", "img", "iframe"} & set(parser.seen)
    assert not re.search(r"https?://|url\(|@import|src=", text)
    assert "More &lt;b&gt;" in text
    assert "<p>of it</p>" in text


def test_every_name_is_escaped() -> None:
    text = html.render(page({"all": 0.05, "new": 0.02}, (HOSTILE,)))
    assert HOSTILE not in text
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)" in text


@pytest.mark.parametrize(
    ("gains", "sentence"),
    [
        ({"all": 0.05, "new": 0.05}, "Tonight's recommendations are better than the best simple list"),
        ({"all": 0.05, "new": -0.1}, "Tonight for_you is better than the best simple list, discover as good as it"),
        ({"all": -0.15, "new": 0.05}, "Tonight for_you is worse than the best simple list, discover better than it"),
        ({"all": -0.1, "new": -0.1}, "Tonight's recommendations are as good as the best simple list"),
        ({}, "There is nothing to judge tonight's recommendations by yet"),
    ],
)
def test_the_headline_answers_the_question(gains: dict[Pool, float], sentence: str) -> None:
    assert headline(html.render(page(gains))).endswith(sentence)


def test_a_first_publication_is_compared_with_best_sellers() -> None:
    text = html.render(page({"all": 0.05, "new": 0.05}, opponent=False))
    assert headline(text) == "Tonight's recommendations are better than the best simple list"
    assert "for best-sellers" not in text  # which are simple, but not the best
    assert "First publication" in text


def test_numbers_are_those_of_the_page() -> None:
    text = html.render(page({"all": 0.05, "new": 0.02}))
    assert "+75.0 %" in text  # 0.35 against 0.20
    assert "95 % interval +70.0 to +80.0 %" in text
    assert "+16.7 % (+13.3 to +20.0 %) against the table in use" in text  # 0.30
    assert "0.350 <span" in text


def test_the_same_page_has_the_same_bytes() -> None:
    one, two = (html.render(page({"all": 0.05, "new": 0.02})) for _ in range(2))
    assert one == two


def test_a_log_without_purchases_speaks_of_users_and_items() -> None:
    made = page({"all": 0.05, "new": 0.02})
    features = made.config.features.model_copy(update={"event_types": {"click": EventType(label=True)}})
    text = html.render(Page(**made.__dict__ | {"config": made.config.model_copy(update={"features": features})}))
    assert "what users did from" in text
    assert not re.search(r"customer|bought|product", text)
    assert re.search(r"customers", html.render(made))
