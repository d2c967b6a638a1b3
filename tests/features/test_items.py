"""Which items a surface may show on a day: predicates, ages and days against hand-made answers."""

import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline.features.items import shown_items
from pipeline.ground import schemas
from pipeline.ground.errors import InputError
from pipeline.settings import predicate_process
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig

DAY = date(2011, 10, 3)


def items(count: int = 4) -> pa.Table:
    rows = [
        {
            "item_index": i,
            "item_id": f"i{i}",
            "title": f"title {i}",
            "text": "",
            "price": float(i) if i else None,
            "kind": "coupon" if i == 3 else "product",
            "available": i != 2,
            "first_seen": DAY - timedelta(days=7 if i == 3 else 400),
            "valid_from": None if i else DAY,
        }
        for i in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.ITEMS)


def config_of(surface: Surface) -> FullConfig:
    return FullConfig().model_copy(update={"surfaces": (surface,)})


def shown(**rules: Any) -> list[bool]:
    mask: list[bool] = shown_items(items(), config_of(Surface(name="s", **rules)), DAY)["s"].tolist()
    return mask


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("true", [True, True, False, True]),
        ("kind = 'coupon'", [False, False, False, True]),
        ("price >= 1", [False, True, False, True]),  # no price: not shown
        ("price is null or price between 1 and 2 -- cheap", [True, True, False, False]),
        ("lower(title) like '%3' or item_id in ('i0', 'i2')", [True, False, False, True]),
        ("first_seen < date '2010-01-01'", [False] * 4),
        ("first_seen > $valid_on - 8", [False, False, False, True]),
        ("valid_from = valid_on", [True, False, False, False]),
    ],
)
@pytest.mark.few(3)
def test_a_predicate_is_a_condition_on_an_available_item(where: str, expected: list[bool]) -> None:
    assert shown(where=where) == expected


def test_an_item_grows_too_old_for_a_surface() -> None:
    """From its first day or, where it has none, the day it was seen; both days count."""
    assert shown(max_age_days=7) == [True, False, False, True]
    assert shown(max_age_days=6) == [True, False, False, False]
    assert shown(where="price > 1", max_age_days=7) == [False, False, False, True]


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("true; drop table items", "not one expression"),
        ("true) from items; drop table items; select (true", "not one expression"),
        ("true) from items union all select (true", "is not a condition"),
        ("item_id in (select item_id from items)", "it has a subquery"),
        ("exists (from read_csv('/etc/passwd'))", "it calls read_csv"),
        ("getenv('HOME') = ''", "it calls getenv"),
        ("random() < 0.5", "it calls random"),
        ("now() > first_seen", "it calls now"),
        ("current_date > first_seen", "items has no column current_date"),
        ("row_number() over () < 3", "it has a window"),
        ("nonsense = 1", "items has no column nonsense"),
        ("$x", "it has a parameter"),
        ("price", "is a DOUBLE: write a condition"),
        ("true, false", "is not a condition"),
        ("price = 'a word'", "is not a condition"),
        ("kind = 'product", "not one expression"),
        (" ", "is not a condition"),
    ],
)
def test_what_is_no_condition_on_the_items_is_refused_by_name(where: str, complaint: str) -> None:
    said = "surface 's': where = .*" + complaint.replace("(", r"\(")
    with pytest.raises(ValidationError, match=said):  # when the configuration is read, without any data
        Surface(name="s", where=where)


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("true) from items; drop table items; select (true", "not one expression"),
        ("item_id in (select item_id from items)", "it has a subquery"),
        ("getenv('HOME') = ''", "it calls getenv"),
        ("row_number() over () < 3", "it has a window"),
        ("nonsense = 1", "items has no column nonsense"),
        ("$x", "it has a parameter"),
        ("price", "is a DOUBLE: write a condition"),
        ("price = 'a word'", "is not a condition"),
    ],
)
def test_a_condition_that_nobody_has_checked_is_checked_before_it_is_asked(where: str, complaint: str) -> None:
    with pytest.raises(InputError, match=f"surface 's': where = .*{complaint}"):
        shown_items(items(), config_of(Surface.model_construct(name="s", where=where)), DAY)


def test_the_unknown_item_has_the_columns_of_the_items() -> None:
    with predicate_process.over(None, None) as connection:
        found = connection.table("items").to_arrow_table().schema
    assert found.names == [*schemas.ITEMS.names, "valid_on"]
    assert found.types == [*schemas.ITEMS.types, pa.date32()]


def test_a_predicate_is_checked_without_pandas() -> None:
    code = "import sys; from pipeline.settings.config import Surface; Surface(name='s', where='price > 1')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'pandas' not in sys.modules"], check=True)
