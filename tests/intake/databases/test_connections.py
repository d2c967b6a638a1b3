"""Where databases are: found in the environment, never shown; and what a query becomes."""

import json
from datetime import date

import pytest

from pipeline.ground.errors import InputError
from pipeline.intake.databases import connections, drivers

NIGHT = date(2024, 2, 29)
POSTGRESQL, MYSQL, SQLITE = drivers.DRIVERS
SECRET = "p@ss/w:rd"
URL = "postgresql://reader:p%40ss%2Fw%3Ard@db.example:5433/shop"


def test_a_connection_comes_from_its_own_variable_or_from_airflows() -> None:
    own = connections.from_environment("shop", {"NIGHTJAR_CONNECTION_SHOP": URL, "AIRFLOW_CONN_SHOP": "no matter"})
    assert (own.driver.schemes[0], own.url) == ("postgresql", URL)
    described = {"conn_type": "postgres", "host": "db.example", "port": 5433, "login": "reader", "password": SECRET}
    airflow = connections.from_environment("shop", {"AIRFLOW_CONN_SHOP": json.dumps(described | {"schema": "shop"})})
    for part in ("host=db.example", "port=5433", "user=reader", "dbname=shop", SECRET):
        assert part in airflow.url
    file = connections.from_environment("shop", {"NIGHTJAR_CONNECTION_SHOP": "sqlite:///data/shop.db"})
    assert (file.driver.schemes[0], file.url) == ("sqlite", "/data/shop.db")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NIGHTJAR_CONNECTION_SHOP": f"oracle://reader:{SECRET}@db/shop"},
        {"NIGHTJAR_CONNECTION_SHOP": SECRET},
        {"AIRFLOW_CONN_SHOP": f"ftp://reader:{SECRET}@db/shop"},
        {"AIRFLOW_CONN_SHOP": "{" + SECRET},
    ],
)
def test_what_cannot_be_read_is_said_without_its_value(environment: dict[str, str]) -> None:
    with pytest.raises(InputError, match="NIGHTJAR_CONNECTION_SHOP") as caught:
        connections.from_environment("shop", environment)
    assert SECRET not in str(caught.value)
    assert "reader" not in str(caught.value)


def test_no_form_of_the_password_is_left_in_a_message() -> None:
    for url in (URL, f"host=db.example user=reader password='{SECRET}'", f"postgresql://db/shop?password={SECRET}"):
        one = connections.Connection("shop", POSTGRESQL, url)
        said = one.redacted(f"could not reach {url}:\n password {SECRET} or p%40ss%2Fw%3Ard of reader")
        assert SECRET not in said
        assert "\n" not in said
        assert url not in said
        assert SECRET not in repr(one)
    assert "p%40ss" not in connections.Connection("shop", POSTGRESQL, URL).redacted("failed: p%40ss%2Fw%3Ard")


def test_the_night_and_the_day_after_are_literals_of_the_database() -> None:
    query = "select $tag$ $night$ $tag$ from t where at >= $night and at < $next and note <> '$nightly'"
    assert connections.bound(query, NIGHT, POSTGRESQL) == (
        "select $tag$ $night$ $tag$ from t where at >= DATE '2024-02-29' and at < DATE '2024-03-01' "
        "and note <> '$nightly'"
    )
    assert connections.bound("$night", NIGHT, SQLITE) == "'2024-02-29'"
    assert connections.asks_for_night(query)
    assert not connections.asks_for_night("select 1 -- nightly $nights")
