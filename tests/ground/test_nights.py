from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.ground.errors import InputError
from pipeline.ground.nights import (
    parse_moment,
    parse_nights,
    require_over,
    require_past,
    resolve_moment,
    resolve_run_date,
)

TWO_AT_NIGHT = datetime(2011, 10, 2, 2, tzinfo=UTC)


def test_the_parameter_wins_then_the_logical_date_then_the_day_before_run_after() -> None:
    later = datetime(2011, 10, 9, 5, tzinfo=UTC)
    assert resolve_run_date("2011-07-31", TWO_AT_NIGHT, later) == date(2011, 7, 31)
    assert resolve_run_date(None, TWO_AT_NIGHT, later) == date(2011, 10, 2)
    assert resolve_run_date(None, None, later) == date(2011, 10, 8)


def test_a_backfill_refuses_the_parameter() -> None:
    with pytest.raises(InputError, match="--from-date"):
        resolve_run_date("2011-07-31", TWO_AT_NIGHT, None, "backfill")
    assert resolve_run_date(None, TWO_AT_NIGHT, None, "backfill") == date(2011, 10, 2)


@pytest.mark.parametrize("text", ["2011-13-01", "yesterday", "2011-10-02'; drop table runs"])
def test_what_is_not_a_date_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        resolve_run_date(text, None, None)


def test_a_run_without_any_date_is_refused() -> None:
    with pytest.raises(InputError, match="no date"):
        resolve_run_date(None, None, None)


def test_nights_are_one_or_an_inclusive_range() -> None:
    assert parse_nights("2011-10-02") == [date(2011, 10, 2)]
    assert parse_nights("2011-09-30..2011-10-02") == [date(2011, 9, 30), date(2011, 10, 1), date(2011, 10, 2)]
    for wrong in ("2011-10-02..2011-10-01", "2011-10", ".."):
        with pytest.raises(InputError):
            parse_nights(wrong)


def test_a_day_that_is_not_over_cannot_be_run() -> None:
    today = date(2011, 10, 3)
    require_over(date(2011, 10, 2), today)
    for night in (today, date(2011, 12, 25)):
        with pytest.raises(InputError, match=rf"the day {night} is not over .*run 2011-10-02 or an earlier night"):
            require_over(night, today)


def test_a_moment_is_of_the_shops_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_moment("2011-10-02T14:05", "Europe/Berlin") == datetime(2011, 10, 2, 12, 5, tzinfo=UTC)
    due = datetime(2011, 10, 2, 22, 0, 31, tzinfo=UTC)  # the next day in Berlin
    with pytest.raises(InputError, match="run the night 2011-10-02"):
        resolve_moment(None, due, None, "Europe/Berlin")
    later = due.replace(minute=7)
    assert resolve_moment(None, later, None, "Europe/Berlin") == datetime(2011, 10, 3, 0, 7, tzinfo=berlin)
    assert resolve_moment(None, None, TWO_AT_NIGHT).date() == date(2011, 10, 2)
    assert resolve_moment("2011-10-01T09:00", due, None) == datetime(2011, 10, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2011-10-02", "2011-10-02T25:00", "14:00", "2011-10-02T14:00+02:00", "2011-10-02T14"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="YYYY-MM-DDTHH:MM"):
        parse_moment(text)


def test_at_midnight_it_is_the_nights_run() -> None:
    with pytest.raises(InputError, match="run the night 2011-10-01"):
        parse_moment("2011-10-02T00:00")


def test_a_moment_that_has_not_come_is_refused() -> None:
    now = datetime(2011, 10, 2, 14, 5, 1, tzinfo=UTC)
    require_past(datetime(2011, 10, 2, 14, 5, tzinfo=UTC), now)
    with pytest.raises(InputError, match=r"2011-10-02T15:00 has not come yet \(it is 2011-10-02T14:05 in UTC\)"):
        require_past(datetime(2011, 10, 2, 15, tzinfo=UTC), now)


def test_clocks_that_are_put_on_or_back_do_not_move_a_moment() -> None:
    with pytest.raises(InputError, match="2025-03-30T02:30 does not exist in Europe/Berlin"):
        parse_moment("2025-03-30T02:30", "Europe/Berlin")
    first = parse_moment("2025-10-26T02:30", "Europe/Berlin")  # 00:30 UTC; the second is at 01:30
    zone = ZoneInfo("Europe/Berlin")
    require_past(first, datetime(2025, 10, 26, 1, 10, tzinfo=UTC).astimezone(zone))
    with pytest.raises(InputError, match="has not come yet"):
        require_past(first, datetime(2025, 10, 26, 0, 10, tzinfo=UTC).astimezone(zone))
