from datetime import date, datetime

from pipeline.published.run_ids import is_of_day_so_far, known_until, partition_of, run_date_of, run_id_of

DAY = date(2011, 10, 2)
WHOLE = run_id_of(DAY, None, "1f0c9a7e55")
NOON, EVENING = (run_id_of(DAY, datetime(2011, 10, 2, hour, 5), "ffffffff00") for hour in (12, 18))


def test_the_name_of_a_run_says_what_it_is_of() -> None:
    assert (WHOLE, NOON) == ("2011-10-02-1f0c9a7e", "2011-10-02T1205-ffffffff")
    assert [partition_of(run) for run in (WHOLE, NOON)] == ["2011-10-02", "2011-10-02T1205"]
    assert [is_of_day_so_far(run) for run in (WHOLE, NOON)] == [False, True]
    assert {run_date_of(run) for run in (WHOLE, NOON)} == {DAY}


def test_the_more_a_run_knew_the_later_it_stands() -> None:
    before, after = "2011-10-01-ffffffff", "2011-10-03T0001-00000000"
    assert sorted([after, WHOLE, EVENING, before, NOON], key=known_until) == [before, NOON, EVENING, WHOLE, after]
