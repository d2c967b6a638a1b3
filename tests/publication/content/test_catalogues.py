"""What checks find in a catalogue as it is said, how much of it, and what they say of themselves."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError
from tests.publication.content import checked_shop
from tests.publication.content.checked_shop import NIGHT, check, document, findings, night_of
from tests.small_shop import Shop


def told_of(made: Shop, **said: str) -> None:
    """Write what the catalogue says of items, and one harmless document."""
    row = dict.fromkeys(checked_shop.ITEMS.schema.names)
    items = [row | {"item_id": item, "title": title, "rows": 1} for item, title in said.items()]
    night_of(made.config, NIGHT, documents=[document("d0", "thank you", author="u9")], items=items)


def test_the_title_said_last_counts_too_and_rules_of_nobodys_documents_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = ["block_document,,nothing,,,,,", "block_document,,d0,,,,,"]
    made = checked_shop.shop(tmp_path, {"checks": [{"name": "one", "words": ["gnome"]}]}, rules)
    made.write()
    told_of(made, i4="gnome, renamed")
    folder = check(made)
    assert set(findings(folder)) == {("i3", "one"), ("i4", "one"), ("d0", "editors")}  # i3 is called so as it is shown
    assert "document 'nothing' is unknown" in caplog.text
    assert "2 of 8 items are held back: one (2)" in caplog.text


def test_who_is_in_no_finding_is_not_known_there(tmp_path: Path) -> None:
    """So that whoever forgets them drops no night's findings about others."""
    made = checked_shop.shop(tmp_path, {"checks": [{"name": "one", "words": ["gnome"]}]})
    made.write()
    told_of(made, i4="gnome")
    assert pq.read_table(check(made) / "authors.parquet")["user_id"].to_pylist() == []


def test_a_check_that_finds_everything_is_named(tmp_path: Path) -> None:
    made = checked_shop.shop(tmp_path, {"checks": [{"name": "one", "words": ["gnome"]}]})
    made.write()
    told_of(made, **{f"i{n}": "gnome" for n in range(8)})
    with pytest.raises(InputError, match=r"hold back all 8 items: one \(8\); nothing would be left"):
        check(made)
