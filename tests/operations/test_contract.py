"""The data contract: valid by the standard's own schema and model, and the same as what is really published."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import psycopg
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from pipeline.__main__ import main
from pipeline.operations import contract
from pipeline.settings.sections import checks
from pipeline.sources.configuration import FullConfig
from tests import small_shop
from tests.conftest import ROOT
from tests.postgres import PASSWORD, SUPERUSER
from tests.published.targets import runs

OF_ALL_RUNS = ["metric_history", "stage_runs"]
"""What readers of a database have beside the views of the active run."""
MONITORING = {"valid_by": "06:00", "textfile": "a.prom"}


def loaded(config: FullConfig) -> dict[str, Any]:
    """The contract as any reader of YAML has it."""
    content: dict[str, Any] = yaml.safe_load(contract.as_yaml(config))
    return content


def require_valid(content: dict[str, Any]) -> None:
    """Refuse what the standard's JSON schema or its model refuses."""
    schema = OpenDataContractStandard.json_schema()
    jsonschema.validate(content, json.loads(schema) if isinstance(schema, str) else schema)
    assert OpenDataContractStandard(**content).apiVersion == "v3.1.0"


def views(content: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """View -> column -> what the contract says of it."""
    return {one["physicalName"]: {p["name"]: p for p in one["properties"]} for one in content["schema"]}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_it_is_a_contract_by_the_standard(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://writer:hunter22@db.example:6432/shop?sslpassword=s3cr3t")
    config = FullConfig.model_validate({"home": tmp_path, "publish": {"target": target}, "monitoring": MONITORING})
    said = contract.as_yaml(config)
    require_valid(yaml.safe_load(said))
    assert said == contract.as_yaml(config)
    assert "hunter22" not in said
    assert "s3cr3t" not in said
    assert "writer" not in said


def test_a_fault_would_be_found(tmp_path: Path) -> None:
    content = loaded(FullConfig(home=tmp_path))
    with pytest.raises(jsonschema.ValidationError):
        require_valid(content | {"kind": "Promise"})
    del content["schema"][0]["properties"][0]["name"]
    with pytest.raises(jsonschema.ValidationError):
        require_valid(content)


def test_every_column_that_is_published_in_duckdb_is_in_it_and_no_other(tmp_path: Path) -> None:
    made = small_shop.shop(tmp_path).write()
    small_shop.go(made)
    content = loaded(made.config)
    (server,) = (one for one in content["servers"] if one["type"] == "duckdb")
    with duckdb.connect(server["database"], read_only=True) as tables:
        found = tables.execute(
            "select table_name, column_name, data_type from duckdb_columns() where table_name like 'current_%' "
            "or table_name in (select unnest($all_runs)) order by table_name, column_index",
            {"all_runs": OF_ALL_RUNS},
        ).fetchall()
        # DuckDB says what a type that it is given is called by itself
        types = {
            name: tables.execute(f"select typeof(null::{name})").fetchall()[0][0]
            for columns in views(content).values()
            for name in {column["physicalType"] for column in columns.values()}
        }
        required = {
            (view.removeprefix("current_"), name)
            for view, columns in views(content).items()
            for name, column in columns.items()
            if column["required"] and view != "metric_history"  # a view of runs, which has no such constraints
        }
        not_null = tables.execute(
            "select table_name, column_name from duckdb_columns() where not is_nullable and table_name not like "
            "'current_%' and table_name <> 'schema_version'"
        ).fetchall()
    promised = [
        (view, name, types[column["physicalType"]])
        for view, columns in sorted(views(content).items())
        for name, column in columns.items()
    ]
    assert found == promised
    assert set(not_null) == required


def test_every_column_that_is_published_in_postgresql_is_in_it_and_no_other(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = runs.make("postgres", tmp_path, request, monkeypatch)
    reader.publish(runs.A)
    content = loaded(reader.config)
    require_valid(content)
    (server,) = (one for one in content["servers"] if one["type"] == "postgres")
    where = {"host": server["host"], "port": server["port"], "dbname": server["database"]}
    with psycopg.connect(**where, user=SUPERUSER, password=PASSWORD) as db:
        found = db.execute(
            "select table_name, column_name, udt_name from information_schema.columns where table_schema = %s "
            "and (table_name like 'current_%%' or table_name = any(%s)) "
            'order by table_name collate "C", ordinal_position',
            (server["schema"], OF_ALL_RUNS),
        ).fetchall()
    plain = {"integer": "int4", "real": "float4", "boolean": "bool", "text[]": "_text"}
    promised = [
        (view, name, plain.get(column["physicalType"], column["physicalType"]))
        for view, columns in sorted(views(content).items())
        for name, column in columns.items()
    ]
    assert found == promised


def test_every_check_that_can_stop_a_publication_is_a_rule_and_one_that_is_off_is_none(tmp_path: Path) -> None:
    severity = {"search_results": "off", "recommendations_scores": "warn"}
    content = loaded(FullConfig.model_validate({"home": tmp_path, "checks": {"severity": severity}}))
    rules = {rule["name"]: rule for table in content["schema"] for rule in table.get("quality", [])}
    files = {path.stem for path in (ROOT / "sql" / "checks" / "tables").glob("*.sql")}
    assert set(rules) == files - {"search_results"}
    assert {name for name, rule in rules.items() if rule["severity"] == "warning"} == {
        "recommendations_scores",
        "exposure_limits",  # which warns unless it is told to stop
    }
    for name, rule in rules.items():
        first = (ROOT / "sql" / "checks" / "tables" / f"{name}.sql").read_text().splitlines()[0].removeprefix("-- ")
        assert first in rule["description"]
    assert rules["recommendations_scores"]["description"].startswith(
        "What sql/checks/tables/recommendations_scores.sql"
    )
    assert rules["runs"]["description"].startswith("No run is published in which sql/checks/tables/runs.sql finds")
    by_view = {one["name"]: [rule["name"] for rule in one.get("quality", [])] for one in content["schema"]}
    assert by_view["current_runs"] == ["runs"]
    assert "variants" in by_view["current_similar_items"]
    assert "user_profiles" not in by_view["current_recommendations"]
    assert checks.names("tables") == sorted(files)


def test_the_key_is_that_by_which_rows_are_unique(tmp_path: Path) -> None:
    made = small_shop.shop(tmp_path).write()
    small_shop.go(made)
    with duckdb.connect(str(tmp_path / "tables" / "current.duckdb"), read_only=True) as tables:
        for view, columns in views(loaded(made.config)).items():
            keyed = sorted((c["primaryKeyPosition"], name) for name, c in columns.items() if c.get("primaryKey"))
            assert [position for position, _ in keyed] == list(range(1, len(keyed) + 1))
            names = ", ".join(name for _, name in keyed)
            query = f"select count(*) - count(distinct ({names})) from {view}"
            assert tables.execute(query).fetchall() == [(0,)], view


def test_it_promises_what_the_settings_promise(tmp_path: Path) -> None:
    plain = {one["property"]: one for one in loaded(FullConfig(home=tmp_path))["slaProperties"]}
    assert set(plain) == {"frequency", "retention"}
    given = {"home": tmp_path, "timezone": "Europe/Berlin", "monitoring": MONITORING, "publish": {"keep_runs": 7}}
    said = {one["property"]: one for one in loaded(FullConfig.model_validate(given))["slaProperties"]}
    assert said["timeOfAvailability"]["value"] == "06:00"
    assert "Europe/Berlin" in said["timeOfAvailability"]["description"]
    assert said["retention"]["value"] == 7


def test_a_home_in_an_object_store_has_no_folder_of_this_machine(tmp_path: Path) -> None:
    content = loaded(FullConfig.model_validate({"home": f"file://{tmp_path}/store"}))
    require_valid(content)
    assert [one["server"] for one in content["servers"]] == ["parquet"]
    assert content["servers"][0]["location"].startswith(f"file://{tmp_path}/store/tables/parquet")


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text('[ingest.events]\nfiles = "log.csv"\nsql = "events.sql"\n')
    command = ["--config", str(file), "--set", f"home={json.dumps(str(tmp_path / 'home'))}", "--quiet", "contract"]
    assert main([*command, "--out", str(tmp_path / "out" / "nightjar.odcs.yaml")]) == 0
    assert capsys.readouterr().out == ""
    written = (tmp_path / "out" / "nightjar.odcs.yaml").read_text(encoding="utf-8")
    assert main(command) == 0
    assert capsys.readouterr().out == written
    require_valid(yaml.safe_load(written))
    assert not re.search(str(date.today().year), written), "no clock is asked"
