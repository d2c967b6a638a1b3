"""Sample lists on the page: escaped, without ids, and gone when their person is."""

from dataclasses import replace

from pipeline.judging.report import html, samples
from pipeline.judging.samples import Sample
from tests.judging.report.test_html import HOSTILE, Balance, page

FORGED = "<!--end of sample 1-->"
FOUND = (
    Sample(1, "id-of-one", "much", 1204, ((HOSTILE, "1 Oct 2011"),), {"for_you": ((FORGED, "Because"),)}),
    Sample(2, "id-of-two", "little", 1, (("TEA POT", "2 Oct 2011"),), {"for_you": (("GNOME", "New"),), "discover": ()}),
)
PAGE = replace(page({"all": 0.05, "new": 0.02}), samples=FOUND)


def test_titles_are_escaped_and_ids_are_not_there() -> None:
    text = html.render(PAGE)
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert "<script" not in text
    assert "&lt;!--end of sample 1--&gt;" in text
    assert "id-of-" not in text
    assert "1,204 products so far; last chose:" in text
    assert "1 product so far; last chose:" in text
    assert text.count("nothing: no list could be made") == 2


def test_a_sample_can_be_taken_out_of_the_page() -> None:
    text = html.render(PAGE)
    left = samples.without(text, [1])
    assert "1,204" not in left
    assert "alert" not in left[left.index("What customers get") : left.index("ndcg@10 of every list")]
    assert left.count("TEA POT") == text.count("TEA POT") == 2
    assert left.count("the person asked to be forgotten") == 2
    parser = Balance()
    parser.feed(left)
    assert parser.open == []
    assert samples.without(left, [1]) == left


def test_without_samples_there_is_no_heading() -> None:
    assert "What customers get" not in html.render(page({"all": 0.05}))
