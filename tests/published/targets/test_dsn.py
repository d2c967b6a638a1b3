"""Where the connection comes from, as libpq and as Airflow write it, and that it is never repeated."""

import json

import pytest

from pipeline.ground.errors import PublishError
from pipeline.published.targets.dsn import from_environment

PLAIN = {"host": "db.shop", "port": "5433", "user": "nightjar", "password": "p@ss/w:rd", "dbname": "shop"}
URL = "postgresql://nightjar:p%40ss%2Fw%3Ard@db.shop:5433/shop"


@pytest.mark.parametrize(
    "environment",
    [
        {"NIGHTJAR_DSN": URL},
        {"NIGHTJAR_DSN": "host=db.shop port=5433 user=nightjar dbname=shop password=p@ss/w:rd"},
        {"AIRFLOW_CONN_NIGHTJAR": URL},
        {"AIRFLOW_CONN_NIGHTJAR": URL.replace("postgresql", "postgres")},
        {"AIRFLOW_CONN_NIGHTJAR": URL + "?cursor=dictcursor"},  # for Airflow's hook
        {
            "AIRFLOW_CONN_NIGHTJAR": json.dumps(
                {"conn_type": "postgres", "host": "db.shop", "port": 5433, "login": "nightjar", "schema": "shop"}
                | {"password": "p@ss/w:rd", "extra": {"cursor": "dictcursor"}}
            )
        },
        {"NIGHTJAR_DSN": URL, "AIRFLOW_CONN_NIGHTJAR": "postgres://other/one"},
        {"NIGHTJAR_DSN": "", "AIRFLOW_CONN_NIGHTJAR": URL},
    ],
)
def test_a_connection_is_read(environment: dict[str, str]) -> None:
    found = from_environment(environment)
    assert {key: found[key] for key in PLAIN} == PLAIN
    assert "cursor" not in found
    assert "p@ss" not in f"{found!r} {found} {found.described()}"


def test_settings_of_libpq_are_kept() -> None:
    assert from_environment({"NIGHTJAR_DSN": URL + "?sslmode=verify-full"})["sslmode"] == "verify-full"
    assert from_environment({"AIRFLOW_CONN_NIGHTJAR": URL + "?sslmode=require"})["sslmode"] == "require"
    extra = json.dumps({"conn_type": "postgres", "host": "h", "extra": '{"sslrootcert": "/ca.pem"}'})
    assert from_environment({"AIRFLOW_CONN_NIGHTJAR": extra})["sslrootcert"] == "/ca.pem"
    assert from_environment({"NIGHTJAR_DSN": URL + "?connect_timeout=3"})["connect_timeout"] == "3"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://nightjar:s3cret@more@db/shop",
        "postgresql://nightjar:s3cret/more@db/shop",
        "postgresql://nightjar:12/s3cret@db/shop",
        "host=db password=s3cret more",
        "s3cret",
        "mysql://nightjar:s3cret@db/shop",
        '{"conn_type": "postgres", "password": "s3cret"',
        '{"conn_type": "mysql", "password": "s3cret"}',
    ],
)
@pytest.mark.parametrize("name", ["NIGHTJAR_DSN", "AIRFLOW_CONN_NIGHTJAR"])
def test_what_is_none_is_refused_and_not_repeated(name: str, text: str) -> None:
    if name == "AIRFLOW_CONN_NIGHTJAR" and text.startswith("postgresql://nightjar:s3cret@more@"):
        found = from_environment({name: text})  # Airflow splits at the last @, so this is what was meant
        assert (found["password"], found["host"]) == ("s3cret@more", "db")
        return
    with pytest.raises(PublishError, match=f"{name} is not a connection to PostgreSQL") as raised:
        from_environment({name: text})
    assert raised.value.__cause__ is None
    assert "s3cret" not in str(raised.value)


def test_without_a_variable_both_are_named() -> None:
    with pytest.raises(PublishError, match="neither NIGHTJAR_DSN nor AIRFLOW_CONN_NIGHTJAR is set"):
        from_environment({})
