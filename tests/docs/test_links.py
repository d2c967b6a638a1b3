"""Links hold in a checkout, and lead to the same page on the site."""

import re
from pathlib import Path

import pytest

from docs.generate import links, tables
from tests.conftest import ROOT
from tests.docs.pages import PAGES, name, prose

MADE = {"configuration.md", "tables/index.md", *(f"tables/{table.name}.md" for table in tables.published())}

TO_BE_ADDED = {"together", "item_titles", "members", ".env"}
"""What the pages of docs/adding add by way of example, and what a command they name writes."""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_linked_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", prose(page.read_text(encoding="utf-8")))
    for target in targets:
        if "://" in target:
            continue
        file = (page.parent / target).resolve()
        if file.is_relative_to(ROOT / "docs") and file.relative_to(ROOT / "docs").as_posix() in MADE:
            assert page.is_relative_to(ROOT / "docs"), f"{name(page)}: {target} is only on the site"
        else:
            assert file.exists(), f"{name(page)}: {target}"


def test_every_page_is_in_the_sites_navigation() -> None:
    """mkdocs itself says so, but takes long: this is noticed in the fast suite."""
    listed = re.findall(r"(?:: |- )([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    stand = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/**/*.md")}
    made = {page for page in MADE if not page.startswith("tables/") or page == "tables/index.md"}
    assert sorted((stand | made | set(links.elsewhere())) - set(listed)) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page: Path) -> None:
    spans = re.findall(
        r"`((?:pipeline|sql|dags|docker|tests|examples)/[\w./-]+)`", prose(page.read_text(encoding="utf-8"))
    )
    there = [span for span in spans if Path(span).stem.removeprefix("test_") not in TO_BE_ADDED]
    assert [span for span in there if not (ROOT / span).exists()] == []


@pytest.mark.parametrize(
    ("page", "said", "there"),
    [
        ("index.md", "[a](docs/runbook.md#a-backfill)", "[a](runbook.md#a-backfill)"),
        ("index.md", "[a](sql/README.md)", "[a](queries.md)"),
        ("index.md", "![a](examples/online_retail/report.png)", "![a](examples/online_retail/report.png)"),
        ("index.md", "[a](examples/online_retail)", "[a](examples/online_retail.md)"),
        ("index.md", "[the licence](LICENSE)", "the licence"),
        ("results/index.md", "[a](../../examples/deskdrop/README.md)", "[a](../examples/deskdrop.md)"),
        ("results/index.md", "[a](new-items.md#first)", "[a](new-items.md#first)"),
        ("queries.md", "[a](../docs/postgresql.md)", "[a](postgresql.md)"),
        ("index.md", "[a](https://example.org/b.md) [b](#limits)", "[a](https://example.org/b.md) [b](#limits)"),
        (
            "index.md",
            "```\n[a](sql/README.md)\n```\n[a](sql/README.md)",
            "```\n[a](sql/README.md)\n```\n[a](queries.md)",
        ),
    ],
)
def test_links_of_a_checkout_become_those_of_the_site(page: str, said: str, there: str) -> None:
    assert links.for_site(said, page) == there
