"""The pages of the published tables."""

import pytest

from docs.generate import tables
from pipeline.publication.tables import NAMES
from pipeline.published.contract import PublishedTable
from pipeline.published.histories import HISTORIES
from tests.conftest import ROOT


@pytest.mark.parametrize("table", tables.published(), ids=lambda table: table.name)
def test_a_page_has_every_column(table: PublishedTable) -> None:
    page = tables.page(table)
    assert [name for name in table.schema.names if f"| `{name}` |" not in page] == []
    assert [column.name for column in table.columns if column.meaning not in page] == []


def test_every_published_table_has_a_page_and_is_in_the_readme() -> None:
    every = [table.name for table in tables.published()]
    assert every == [*NAMES, *(table.name for table in HISTORIES)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in every if f"`{name}`" not in readme] == []


def test_a_page_leads_to_the_queries_that_read_the_table() -> None:
    page = tables.page(next(table for table in tables.published() if table.name == "similar_items"))
    assert "[4. Similar items on a product page](../queries.md#4-similar-items-on-a-product-page)" in page
    assert "1. A user's list" not in page
