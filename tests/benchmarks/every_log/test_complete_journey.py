"""The groceries' raw files, from a wheel of a few rows."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks.every_log.shop import Seen
from benchmarks.every_log.shops import complete_journey, section_rules


def test_a_log_a_month_of_purchases_and_redemptions(groceries: Path) -> None:
    assert sorted(file.name for file in (groceries / "logs").iterdir()) == ["2017-05.csv.zst", "2017-06.csv.zst"]
    june = section_rules.read(groceries / "logs" / "2017-06.csv.zst").to_pylist()
    assert [(row["household"], row["what"], row["item"]) for row in june] == [
        ("7", "redemption", "coupon-5"),
        ("8", "purchase", "2"),
    ]
    seen = Seen(groceries, date(2017, 5, 31), timedelta(days=14))
    assert (seen.history, seen.truth) == ({"7": {"1"}}, {"7": {"coupon-5"}, "8": {"2"}})


def test_a_coupon_is_there_from_its_campaign_and_says_when_the_last_is_over(groceries: Path) -> None:
    rows = section_rules.read(groceries / "catalogue.csv.zst").to_pylist()
    found = [(row["item"], row["time"], row["until"]) for row in rows if row["kind"] == "coupon"]
    assert found == [
        ("coupon-5", "2017-05-01", "2017-06-01"),
        ("coupon-6", "2017-05-01", "2017-06-01"),
        ("coupon-5", "2017-05-20", "2017-07-01"),
    ]
    assert {row["until"] for row in rows if row["kind"] == "product"} == {""}
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
def test_on_offer_is_what_is_out_on_the_next_day(groceries: Path, night: date, out: set[str]) -> None:
    assert complete_journey.offer(Seen(groceries, night, timedelta(days=14))) == out


@pytest.mark.parametrize(
    ("night", "out"),
    [
        (date(2017, 4, 29), {}),
        (date(2017, 4, 30), {"7": {"coupon-5", "coupon-6"}, "8": {"coupon-5", "coupon-6"}}),
        (date(2017, 6, 1), {"7": {"coupon-5"}}),  # the second campaign was not sent to household 8
        (date(2017, 7, 1), {}),
    ],
)
def test_a_coupon_is_offered_to_whom_its_campaign_was_sent(groceries: Path, night: date, out: dict[str, str]) -> None:
    assert complete_journey.sent(Seen(groceries, night, timedelta(days=14))) == out
    rows = section_rules.read(groceries / "offered.csv.zst").to_pylist()
    assert {(row["household"], row["coupon"], row["begins"]) for row in rows} == {
        ("7", "coupon-5", "2017-05-01"),
        ("7", "coupon-6", "2017-05-01"),
        ("8", "coupon-5", "2017-05-01"),
        ("8", "coupon-6", "2017-05-01"),
        ("7", "coupon-5", "2017-05-20"),
    }
