"""Editors' rules: what they do to lists, which of them hold on a night, and what is said about wrong ones."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.publication import editorial, publish
from pipeline.settings.sections.data import InputFiles
from tests.small_shop import NIGHT, Shop, go, shop

COLUMNS = ("kind", "surface", "item_id", "rank", "factor", "valid_from", "valid_until", "note")
VALID = NIGHT + timedelta(days=1)


def rule(kind: str, item: str, **given: object) -> dict[str, object]:
    return dict.fromkeys(COLUMNS) | {"kind": kind, "item_id": item} | given


def editors(folder: Path, rules: Sequence[dict[str, object]], name: str = "rules.csv") -> InputFiles:
    """Write a table of rules and its mapping."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.sql").write_text("select * from raw")
    if name.endswith("csv"):
        lines = [",".join(COLUMNS), *(",".join("" if r[c] is None else str(r[c]) for c in COLUMNS) for r in rules)]
        (folder / name).write_text("\n".join(lines) + "\n")
    else:
        (folder / name).write_text("".join(json.dumps(r, default=str) + "\n" for r in rules))
    return InputFiles(files=name, sql="rules.sql")


def edited(tmp_path: Path, *rules: dict[str, object], name: str = "rules.csv", **changes: Any) -> Shop:
    made = shop(tmp_path / "home", **changes).write()
    section = made.config.publish.model_copy(update={"editorial": editors(tmp_path, rules, name)})
    return replace(made, config=made.config.model_copy(update={"publish": section, "folder": tmp_path}))


def rows(made: Shop, table: str = "recommendations") -> list[dict[str, Any]]:
    active = publish.active_run(made.config)
    assert active is not None
    return list(pq.ParquetFile(active.folder / f"{table}.parquet").read().to_pylist())


def shown(made: Shop, surface: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows(made):
        if row["surface"] == surface:
            found.setdefault(row["user_id"], []).append(row["item_id"])
    return found


def outcomes(made: Shop) -> list[str]:
    out = next(made.config.lake.glob("publish/.run_date=*.partial"))
    table = pq.ParquetFile(out / "editorial.parquet").read()
    return [str(outcome) for outcome in table.column("outcome").to_pylist()]


def plain(tmp_path: Path, surface: str) -> dict[str, list[str]]:
    made = shop(tmp_path / "plain").write()
    go(made)
    return shown(made, surface)


@pytest.mark.parametrize("name", ["rules.csv", "rules.jsonl"])
def test_a_pin_is_at_its_rank_and_the_rest_in_its_order(tmp_path: Path, name: str) -> None:
    made = edited(tmp_path, rule("pin", "i7", surface="for_you", rank=2), name=name)
    go(made)
    before = plain(tmp_path, "for_you")
    for user, items in shown(made, "for_you").items():
        rest = [item for item in before[user] if item != "i7"]
        expected = [*rest[:1], "i7", *rest[1:]]
        assert items[: len(expected)] == expected[: len(items)]
    assert shown(made, "discover") == plain(tmp_path / "2", "discover")
    pinned = [row for row in rows(made) if row["item_id"] == "i7" and row["surface"] == "for_you"]
    assert {(row["source"], row["reason"]) for row in pinned} == {("editor:pin", "Chosen by our editors")}
    assert outcomes(made) == ["applied"]
    active = publish.active_run(made.config)
    assert active is not None
    judged = publish.published_lists(made.config, active.run_id)  # models are compared without editors
    assert len(pinned) == len(before)
    assert judged.num_rows == len(rows(made)) - len(pinned)


def test_who_has_an_item_is_not_given_it_to_discover(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("pin", "i2", surface="discover", rank=1))
    go(made)  # u0 and u1 bought i2
    lists = shown(made, "discover")
    assert lists["u2"][0] == "i2"
    assert lists["u0"] == plain(tmp_path, "discover")["u0"]
    assert "i2" not in lists["u1"]


def test_two_pins_keep_their_ranks_where_one_is_skipped(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("pin", "i2", rank=1), rule("pin", "i6", rank=3))
    go(made)
    for surface in ("for_you", "discover"):
        for user, items in shown(made, surface).items():
            assert items.index("i6") == 2
            assert ("i2" in items) == (surface == "for_you" or user == "u2")


def test_a_surface_of_which_everything_is_blocked_shows_nothing_and_stops_no_other(tmp_path: Path) -> None:
    made = edited(tmp_path, *(rule("block", f"i{item}", surface="discover") for item in range(8)))
    go(made)
    assert {row["surface"] for row in rows(made)} == {"for_you"}


def test_a_blocked_item_is_nowhere(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "i1"))
    go(made)
    assert "i1" not in {row["item_id"] for row in rows(made) + rows(made, "popular_items")}
    assert "i1" not in {row["similar_item_id"] for row in rows(made, "similar_items")}
    assert "i1" in {item for items in plain(tmp_path, "for_you").values() for item in items}


def test_a_block_of_one_surface_leaves_the_other(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "i1", surface="discover"))
    go(made)
    assert "i1" not in {item for items in shown(made, "discover").values() for item in items}
    assert "i1" in {item for items in shown(made, "for_you").values() for item in items}
    popular = {row["segment"]: row["item_id"] for row in reversed(rows(made, "popular_items"))}
    assert popular["all"] == "i0"
    assert "surface:discover" in popular


def test_a_boost_divides_the_place(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("boost", "i4", surface="for_you", factor=2))
    go(made)
    before, after = plain(tmp_path, "for_you"), shown(made, "for_you")
    assert before["u0"][:3] == ["i0", "i1", "i4"]
    assert after["u0"][:3] == ["i0", "i4", "i1"]  # the fourth of the ensemble's list (i5 is sold out) as the second
    (row,) = (r for r in rows(made) if r["item_id"] == "i4" and r["user_id"] == "u0" and r["surface"] == "for_you")
    assert row["source"] == "language_model+boost"
    assert row["reason"] != "Chosen by our editors"
    assert after["u1"] == before["u1"]


def test_a_rule_holds_on_the_days_its_tables_are_for(tmp_path: Path) -> None:
    day = timedelta(days=1)
    given = [
        rule("block", "i0", valid_from=VALID, valid_until=VALID),
        rule("block", "i1", valid_from=VALID + day),
        rule("block", "i2", valid_until=VALID - day),
        rule("block", "i3"),
    ]
    made = edited(tmp_path, *given)
    held = {n: [r["item_id"] for r in editorial.read(made.config, NIGHT + n * day).rows] for n in (-1, 0, 1)}
    assert held == {-1: ["i2", "i3"], 0: ["i0", "i3"], 1: ["i1", "i3"]}


def test_other_rules_are_another_run_and_the_same_rules_the_same(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "i1"))
    first = go(made)
    assert publish.still_holds(made.config, {"report": first})
    editors(tmp_path, [rule("block", "i1", note="why"), rule("block", "i2", valid_until=date(2001, 1, 1))])
    assert publish.still_holds(made.config, {"report": first})  # a note, and a rule of another time
    editors(tmp_path, [rule("block", "i2")])
    assert not publish.still_holds(made.config, {"report": first})
    assert go(made)["run_id"] != first["run_id"]


def test_without_rules_nothing_is_different(tmp_path: Path) -> None:
    made = edited(tmp_path)
    assert go(made)["editorial"] == ""
    assert outcomes(made) == []
    assert editorial.read(made.config, NIGHT).rows == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (rule("pin", "i5", rank=1), "item 'i5' is not available"),
        (rule("pin", "i99", rank=1), "item 'i99' is unknown"),
        (rule("pin", "i1", rank=5), "its rank is 5, and the list ends at 4"),
        (rule("pin", "i1", rank=1, surface="front"), "surface 'front' is not published"),
        (rule("boost", "i99", factor=2), "item 'i99' is unknown"),
    ],
)
@pytest.mark.few(2)
def test_a_rule_that_cannot_be_obeyed_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, given: dict[str, object], said: str
) -> None:
    made = edited(tmp_path, given)
    with caplog.at_level(logging.WARNING):
        go(made)
    assert said in caplog.text
    assert "rules.csv row 1" in caplog.text
    assert said in outcomes(made)[0]
    assert shown(made, "for_you") == plain(tmp_path, "for_you")


def test_a_block_wins_over_a_pin(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("pin", "i1", rank=1), rule("block", "i1", surface="discover"))
    go(made)
    assert outcomes(made) == ["not on discover: item 'i1' is blocked there", "applied"]
    assert {items[0] for items in shown(made, "for_you").values()} == {"i1"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (rule("pim", "i1"), "kind must be pin, block, boost, allow"),
        (rule("pin", "i1"), "a pin needs a rank"),
        (rule("pin", "i1", rank=0), "a pin needs a rank"),
        (rule("pin", "i1", rank=1.5), "rank is not a whole number"),
        (rule("pin", "i1", rank="first"), "rank is not a whole number"),
        (rule("pin", "", rank=1), "item_id is missing"),
        (rule("pin", "i1", rank=1, factor=2), "a pin has no factor"),
        (rule("boost", "i1"), "a boost needs a factor"),
        (rule("boost", "i1", factor=-1), "a boost needs a factor"),
        (rule("boost", "i1", factor="nan"), "a boost needs a factor"),
        (rule("boost", "i1", factor="much"), "factor is not a number"),
        (rule("block", "i1", rank=1), "only a pin has a rank"),
        (rule("block", "i1", factor=1), "a block has no factor"),
        (rule("allow", "i1", factor=2), "only a boost has a factor"),
        (rule("allow", "i1", rank=1), "only a pin has a rank"),
        (rule("block_document", "d1", surface="for_you"), "allow and the rules of documents are for all surfaces"),
        (rule("block", "i1", valid_from="soon"), "valid_from is not a date"),
        (rule("block", "i1", valid_until="infinity"), "valid_until is not a date"),
        (rule("block", "i1", valid_from="-infinity"), "valid_from is not a date"),
        (rule("block", "i1", valid_until="12345-01-01"), "valid_until is not a date"),
        (rule("block", "i1", valid_from="2011-10-03", valid_until="2011-10-02"), "valid_until is before valid_from"),
    ],
)
def test_a_row_that_is_no_rule_stops_the_publication(tmp_path: Path, given: dict[str, object], said: str) -> None:
    made = edited(tmp_path, rule("block", "i2"), given)
    with pytest.raises(InputError, match=rf"rules\.csv row 2: {said}"):
        go(made)
    assert publish.active_run(made.config) is None


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "i2"))
    with (tmp_path / "rules.csv").open("a") as file:
        file.write("pin,for_you\n")
    with pytest.raises(InputError, match=r"rules\.csv row 2: unreadable"):
        go(made)


@pytest.mark.parametrize(
    "second", [rule("pin", "i2", rank=1), rule("pin", "i1", rank=2), rule("pin", "i1", rank=2, surface="for_you")]
)
def test_pins_that_contradict_each_other_are_refused(tmp_path: Path, second: dict[str, object]) -> None:
    made = edited(tmp_path, rule("pin", "i1", rank=1), second)
    with pytest.raises(InputError, match=r"row 1 and rules\.csv row 2 both pin"):
        go(made)


def test_no_file_is_an_error(tmp_path: Path) -> None:
    made = edited(tmp_path)
    (tmp_path / "rules.csv").unlink()
    with pytest.raises(InputError, match=r"no file matches 'rules\.csv'"):
        go(made)


@pytest.mark.parametrize("name", ["rules.csv", "rules.jsonl"])
def test_a_file_that_lost_its_rows_lifts_no_block(tmp_path: Path, name: str) -> None:
    made = edited(tmp_path, rule("block", "i2"), name=name)
    (tmp_path / name).write_text("")
    with pytest.raises(InputError, match=rf"{name} is empty \(publish\.editorial\).* has the names of its columns"):
        go(made)
    assert publish.active_run(made.config) is None
    editors(tmp_path, [] if name.endswith("csv") else [rule("block", "i2", valid_until=NIGHT)], name)
    go(made)
    assert outcomes(made) == []


def test_blanks_around_an_item_do_not_matter(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("block", "  i2 "))
    go(made)
    assert outcomes(made) == ["applied"]
    assert all("i2" not in items for items in shown(made, "for_you").values())


def test_an_artifact_keeps_the_rules(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("boost", "i1", factor=3, note="autumn"))
    go(made)
    out = next(made.config.lake.glob("publish/.run_date=*.partial"))
    (row,) = pq.ParquetFile(out / "editorial.parquet").read().to_pylist()
    assert (row["kind"], row["factor"], row["note"], row["file"], row["row"]) == (
        "boost",
        3.0,
        "autumn",
        "rules.csv",
        1,
    )
    assert artifacts.describe(out)["editorial.parquet"]["rows"] == 1
