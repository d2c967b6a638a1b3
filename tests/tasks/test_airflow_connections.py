"""A connection that only Airflow's database has: a task of a real Airflow reads by it, and shows it nowhere."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.intake.databases import connections
from pipeline.tasks import airflow_connections
from tests import mysql_server as servers
from tests.intake.databases.test_extraction import FILES, LOG, TINY, TUESDAY
from tests.on_disk import everything_under
from tests.tiny_log import MAPPING, rows_of

ROOT = Path(__file__).parents[2]
SECRET = "p@ss/w:rd"
PROBE = """
from airflow.sdk import dag, task

@dag(schedule=None)
def probe():
    @task
    def ingest() -> str:
        from pipeline.tasks.run_task import run_task
        return run_task("ingest", {"run_date": "2024-01-02"}, None, None)
    ingest()

probe()
"""
SHOP = f"""
[ingest.events]
files = "{FILES}"
sql = "events.sql"
connection = "shop"
query = "query.sql"
"""


def airflow(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of Airflow; what it says."""
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_task_reads_by_it_and_shows_it_nowhere(mysql_server: servers.Server, tmp_path: Path) -> None:
    mysql_server.create_database("known_to_airflow")
    mysql_server.do("use known_to_airflow", "create table log (user text, item text, ts datetime, type text)")
    values = ", ".join(f"('{row['user']}', '{row['item']}', '{row['ts']}', '{row['type']}')" for row in LOG)
    mysql_server.do(f"insert into known_to_airflow.log values {values}")
    files = {"pipeline.toml": SHOP, "events.sql": MAPPING, "query.sql": TINY, "dags/probe.py": PROBE}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NIGHTJAR_CONFIG": str(tmp_path / "pipeline.toml"),
        "NIGHTJAR_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(ROOT),
    }
    airflow(environment, "db", "migrate")
    parts = {"conn_type": "mysql", "host": "127.0.0.1", "port": mysql_server.port, "login": servers.USER}
    described = json.dumps(parts | {"password": servers.PASSWORD, "schema": "known_to_airflow"})
    airflow(environment, "connections", "add", "shop", "--conn-json", described)
    said = airflow(environment, "dags", "test", "probe")
    assert len(rows_of(tmp_path / "home" / "lake" / "ingest" / f"run_date={TUESDAY}")) == 2
    assert servers.PASSWORD not in said
    assert servers.PASSWORD.encode() not in everything_under(tmp_path / "airflow") + everything_under(tmp_path / "home")


def test_it_is_asked_last_and_only_where_airflow_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_ALSO", [])
    asked = []

    def lookup(name: str) -> str | None:
        asked.append(name)
        return json.dumps({"conn_type": "mysql", "host": "db", "login": "u", "password": SECRET, "schema": "s"})

    with pytest.raises(InputError, match="not known"):
        connections.from_environment("shop", {})
    connections.also_from(lookup)
    connections.also_from(lookup)
    assert connections.from_environment("shop", {"NIGHTJAR_CONNECTION_SHOP": "sqlite:///here"}).url == "/here"
    assert connections.from_environment("shop", {}).url == "mysql://u:p%40ss%2Fw%3Ard@db:3306/s"
    assert len(asked) == 1
    monkeypatch.delitem(sys.modules, "airflow.sdk", raising=False)
    assert airflow_connections.described("shop") is None


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("mysql://u:p%40ss%2Fw%3Ard@db:3307/s?charset=utf8", "mysql://u:p%40ss%2Fw%3Ard@db:3307/s"),
        ('{"conn_type": "mysql", "host": "db", "extra": {"ssl": {"ca": "/ca.pem"}}}', "mysql://:@db:3306/?ssl_ca=%2Fca.pem"),
        ('{"conn_type": "mysql", "extra": "{\\"unix_socket\\": \\"/s\\"}"}', "mysql://:@localhost:3306/?unix_socket=%2Fs"),
    ],
)  # fmt: skip
def test_a_connection_to_mysql_is_read_as_airflow_writes_it(given: str, url: str) -> None:
    found = connections.from_environment("shop", {"AIRFLOW_CONN_SHOP": given})
    assert (found.driver.schemes[0], found.url) == ("mysql", url)
