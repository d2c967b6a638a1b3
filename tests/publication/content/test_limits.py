"""Items that only some users may be shown, by what is known of these."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.limits import Limits
from pipeline.ground.errors import GateError
from pipeline.publication import publish
from pipeline.settings.sections.audiences import Audience
from tests.publication.content import checked_shop
from tests.publication.content.checked_shop import NIGHT, check, described, go, night_of
from tests.small_shop import Shop

LIMITS: dict[str, Any] = {
    "limits": [
        {"name": "age", "item": "min_age", "user": "born"},
        {"name": "region", "item": "regions", "user": "country", "rule": "among"},
    ]
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Path]:
    """u0 is of age on the very day that the tables are for, u1 a day too young, of u2 nothing is known."""
    made = checked_shop.shop(tmp_path_factory.mktemp("limited"), LIMITS)
    section = made.config.publish.model_copy(update={"audiences": (Audience(name="buyers"),)})
    made.config = made.config.model_copy(update={"publish": section})
    made.write()
    described(
        made,
        min_age=pa.array([None, 18, None, None, None, None, None, None], pa.float64()),
        regions=pa.array([None, None, None, "DE,AT", "FR", None, None, None], pa.string()),
    )
    known = [
        ("u0", "born", "1993-10-03"),
        ("u1", "born", "1993-10-04"),
        ("u0", "country", "at"),
        ("u1", "country", "FR"),
    ]
    rows = [dict(zip(checked_shop.USERS.schema.names, row, strict=True)) for row in known]
    night_of(made.config, NIGHT, users=rows)
    folder = check(made)
    go(made, folder)
    return made, folder


def test_limited_items_go_to_whom_they_are_for_and_to_nobody_unknown(limited: tuple[Shop, Path]) -> None:
    made, _ = limited
    run = publish.active_run(made.config)
    assert run is not None
    shown = {user: set[str]() for user in ("u0", "u1", "u2")}
    for row in pq.read_table(run.folder / "recommendations.parquet").to_pylist():
        shown[row["user_id"]].add(row["item_id"])
    kept = {user: items & {"i1", "i3", "i4"} for user, items in shown.items()}
    assert kept == {"u0": {"i1", "i3"}, "u1": {"i4"}, "u2": set()}
    for table, column in (
        ("popular_items", "item_id"),
        ("similar_items", "similar_item_id"),
        ("search_results", "item_id"),
    ):
        found = set(pq.read_table(run.folder / f"{table}.parquet")[column].to_pylist())
        assert found - {"i1", "i3", "i4"} == found != set(), table
    audience = pq.read_table(run.folder / "audiences.parquet").to_pylist()
    about = {(row["about"], row["user_id"]) for row in audience if row["about"] in {"i1", "i3", "i4"}}
    assert about == {("i1", "u0"), ("i4", "u1")} & about
    assert {row["about"] for row in audience} - {"i1", "i3", "i4"}


def test_a_list_that_breaks_a_limit_stops_the_publication(limited: tuple[Shop, Path], monkeypatch: Any) -> None:
    made, folder = limited
    monkeypatch.setattr(Limits, "forbidden", lambda self, users, items: (users + items) < -9)
    with pytest.raises(GateError, match="user u1 is never to be shown item i1"):
        go(made, folder)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ({"item": "nothing", "user": "born"}, "no attribute of the items"),
        ({"item": "regions", "user": "born"}, "is a word, and rule 'at_least' compares a number"),
        ({"item": "regions", "user": "born", "rule": "among"}, "user = 'born' is a date"),
    ],
)
def test_a_limit_is_of_attributes_that_can_be_compared(tmp_path: Path, limit: dict[str, str], why: str) -> None:
    made = checked_shop.shop(tmp_path, {})
    given = made.config.model_dump(exclude={"surfaces"}) | {"content": {"limits": [{"name": "one"} | limit]}}
    with pytest.raises(ValueError, match=why):
        type(made.config).model_validate(given)
