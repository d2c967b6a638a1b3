"""sql/features/item_stats.sql: given buyers and prices by day, expect what is known at the cut-off."""

import pyarrow as pa

from pipeline.ground import schemas, sql

TODAY = 1000


def _rows(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> pa.Table:
    kinds = {"session_id": pa.string(), "event_id": pa.string(), "price": pa.float64()}
    fields = [(name, kinds.get(name, pa.int32())) for name in columns]
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], pa.schema(fields))


def stats(buyers: list[tuple[int, int, int]], prices: list[tuple[int, int, float]]) -> dict[str, list[object]]:
    """Item statistics on day TODAY; buyers are (item, buyer, day), odd ones guests, prices (item, day, price)."""
    connection = sql.connect(2, 256)
    sql.execute(connection, "features/macros")
    given = {
        "item_index": pa.table({"item_index": pa.array([0, 1, 2, 3], pa.int32())}),
        "user_item_days": _rows(
            ("item_index", "user_index", "day", "actions"), [(*b, 1) for b in buyers if b[1] % 2 == 0]
        ),
        "actions": _rows(
            ("item_index", "user_index", "session_id", "event_id", "day", "weight"),
            [(item, None, f"s{b}" if b % 4 == 1 else None, f"e{b}", day, 1) for item, b, day in buyers if b % 2]
            + [(0, None, "s", "e", TODAY, -1), (0, 0, "s", "e", TODAY, 1)],
        ),
        "item_prices": _rows(("item_index", "day", "price"), list(prices)),
    }
    for name, rows in given.items():
        connection.register(name, rows)
    sql.execute(connection, "features/buyer_days", first_item=0, items=2)
    sql.add(connection, "features/buyer_days", first_item=2, items=4)
    params = {"cutoff_day": TODAY, "items": 3, "horizon_days": 14}
    found: dict[str, list[object]] = sql.query(
        connection, "features/item_stats", schemas.ITEM_STATS, **params
    ).to_pydict()
    return found


def test_windows_end_on_the_cutoff_day_and_count_a_buyer_once() -> None:
    days = [0, 0, 6, 7, 27, 28, 90, 91, 364, 365, -1]  # ages; the last one is after the cut-off
    found = stats([(0, buyer, TODAY - age) for buyer, age in enumerate(days)] + [(0, 0, TODAY - 300)], [(3, 0, 1.0)])
    assert [found[f"buyers_{n}"][0] for n in (7, 28, 91, 365)] == [3, 5, 7, 9]
    assert found["buyers_total"][0] == 10
    assert (found["first_age"][0], found["last_age"][0]) == (365, 0)


def test_a_year_ago_is_the_same_fortnight_as_the_one_to_come() -> None:
    ages = [365, 364, 351, 350, 10]  # the days after the cut-off day of last year: ages 364 to 351
    once = [(1, buyer, TODAY - age) for buyer, age in enumerate(ages)]
    again = [(1, 1, TODAY - age) for age in (400, 360, 351, 350, 1)]
    assert stats(once + again, [(3, 0, 1.0)])["buyers_year_ago"] == [0, 2, 0]


def test_the_price_is_the_recent_median_or_else_the_last_days() -> None:
    recent = [(0, TODAY - 90, 1.0), (0, TODAY, 3.0), (0, TODAY - 91, 100.0), (0, TODAY + 1, 100.0)]
    old = [(1, TODAY - 200, 5.0), (1, TODAY - 200, 7.0), (1, TODAY - 300, 50.0)]
    buyers = [(0, 1, TODAY), (1, 1, TODAY - 200), (1, 1, TODAY - 300)]
    assert stats(buyers, recent + old)["price"] == [2.0, 6.0, None]


def test_an_item_never_sold_has_a_row_and_one_not_yet_known_has_none() -> None:
    found = stats([(3, 1, TODAY)], [(3, TODAY, 1.0)])
    assert found["item_index"] == [0, 1, 2]
    assert found["buyers_total"] == [0, 0, 0]
    assert found["first_age"] == [None, None, None]
