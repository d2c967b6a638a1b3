"""The view metric_history in both databases, against the same JSON read by plain Python."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest

from pipeline.published.contract import RUNS
from pipeline.published.histories import METRIC_HISTORY
from tests.published.targets.older import make_older
from tests.published.targets.runs import A, B, C, Shop, history, make, tables

JUDGED: dict[str, Any] = {
    "all.final.ndcg": 0.358561,
    "all.final.ndcg.low": 0.334729,
    "all.final.ndcg.high": 0.382272,
    "all.final.ndcg@10.low": 0.334729,
    "all.final.ndcg@10.high": 0.382272,
    "all.final.recall": 0.377735,
    "all.final.recall@50.low": 0.354699,
    "all.final.recall@50.high": 0.401633,
    "all.final.coverage": 0.195642,
    "all.buy_again.ndcg": 0.345059,
    "all.champion.ndcg": 0.358561,
    "all.best_single": "buy_again",
    "all.best_single.difference": 0.013503,
    "all.best_single.low": 0.007934,
    "all.best_single.high": 0.018912,
    "all.opponent": "champion",
    "all.opponent.difference": 0.0,
    "all.opponent.low": 0.0,
    "all.opponent.high": 0.0,
    "all.calibration.users.brier": 0.080898,
    "coupons-new.final.ndcg": 0.25,
    "since.for_you.ndcg": 0.2716,
    "since.for_you.run": A,
    "champion": "the table of 2011-09-30 (judged at the same cut-off)",
    "gate": "passed",
    "k": 10,
    "deep": 50,
}
CHOSEN = ("best_single", "best_member", "opponent")


def by_hand(run_id: str, said: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    """What a run's JSON says, by run, pool, list and metric."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, number in said.items():
        pool, _, rest = key.partition(".")
        name, _, metric = rest.partition(".")
        if not re.fullmatch("(.+-)?(all|new)", pool) or not metric or isinstance(number, str):
            continue
        end = metric.rpartition(".")[2] if metric.rpartition(".")[2] in ("low", "high") else "value"
        if name in CHOSEN:
            name, metric = said[f"{pool}.{name}"], "difference"
        elif name == "calibration":
            name, metric = "final", f"calibration.{metric}"
        else:
            metric = re.sub("(@[0-9]+)?([.](low|high))?$", "", metric)
        k = {"recall": said.get("deep")}.get(metric, said.get("k"))
        known = {"low": None, "high": None, "gate": said.get("gate"), "best": name == said.get(f"{pool}.best_single")}
        row = found.setdefault((run_id, pool, name, metric), known)
        row |= {end: number, "k": None if metric == "difference" or metric.startswith("calibration") else k}
    return found


def of(said: dict[str, str]) -> pa.Table:
    """RUNS of some runs, each with what it says of itself as text."""
    rows = [row | {"metrics": said[row["run_id"]]} for row in history(*said).to_pylist()]
    return pa.Table.from_pylist(rows, schema=RUNS.schema)


def publish(shop: Shop, run_id: str, said: dict[str, str]) -> None:
    shop.target.load(run_id, tables(shop.home / "files" / run_id, run_id), of(said))
    shop.target.activate(run_id, published=True)


def seen(shop: Shop) -> dict[tuple[str, ...], dict[str, Any]]:
    names = "run_id, pool, list, metric, k, value, low, high, is_best_single, gate"
    rows = shop.query(f"select {names} from metric_history")
    held = ("k", "value", "low", "high", "best", "gate")
    found = {row[:4]: dict(zip(held, row[4:], strict=True)) for row in rows}
    assert len(found) == len(rows), "the key is unique"
    return near(found)


def near(found: dict[tuple[str, ...], dict[str, Any]]) -> dict[tuple[str, ...], Any]:
    """The same, as float32 has it."""
    kept = ("value", "low", "high")
    return {
        key: {name: np.float32(one) if name in kept and one is not None else one for name, one in row.items()}
        for key, row in found.items()
    }


@pytest.fixture(params=["duckdb", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return make(request.param, tmp_path, request, monkeypatch)


def test_every_run_has_its_figures_whichever_is_active(shop: Shop) -> None:
    other = {"new.final.ndcg": 0.5, "new.als.ndcg": 0.25, "gate": "overridden", "k": 20}
    said = {A: JUDGED, B: other}
    publish(shop, A, {A: json.dumps(JUDGED)})
    publish(shop, B, {run_id: json.dumps(one) for run_id, one in said.items()})
    wanted = by_hand(A, JUDGED) | by_hand(B, other)
    assert wanted[A, "all", "buy_again", "difference"]["high"] == 0.018912
    assert seen(shop) == near(wanted)
    dates = shop.query("select distinct run_id, cast(run_date as varchar) from metric_history order by 1")
    assert dates == [(A, "2011-10-02"), (B, "2011-10-03")]
    shop.target.activate(A, published=False)
    assert seen(shop) == near(wanted if shop.kind == "postgres" else by_hand(A, JUDGED))


def test_a_run_that_says_nothing_or_no_number_takes_no_other_with_it(shop: Shop) -> None:
    said = {A: json.dumps(JUDGED), B: "{}", C: '{"all.final.ndcg": NaN, "all.als.ndcg": 0.5}'}
    publish(shop, C, said)
    assert seen(shop) == near(by_hand(A, JUDGED) | by_hand(C, {"all.als.ndcg": 0.5}))


def test_columns_are_those_that_are_declared(shop: Shop) -> None:
    shop.publish(A)
    if shop.kind == "duckdb":
        found = shop.query("select column_name from duckdb_columns() where table_name = 'metric_history'")
    else:
        where = "table_name = 'metric_history' order by ordinal_position"
        found = shop.query(f"select column_name from information_schema.columns where {where}")
    assert [name for (name,) in found] == METRIC_HISTORY.schema.names


def test_somebody_who_is_forgotten_takes_nothing_of_it(shop: Shop) -> None:
    publish(shop, A, {A: json.dumps(JUDGED)})
    before = seen(shop)
    assert shop.target.forget("u") > 0
    assert seen(shop) == before


@pytest.mark.parametrize("version", range(4))
def test_a_schema_of_an_older_version_gets_it_and_its_runs_are_in_it(
    version: int, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make("postgres", tmp_path, request, monkeypatch)
    make_older(shop, version)
    shop.load(B)
    rows = shop.query("select run_id, pool, list, metric, value from metric_history order by 1")
    assert rows == [(run_id, "all", "final", "ndcg", 0.5) for run_id in (A, B)]
    with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
        connection.execute("drop view nightjar.metric_history")
    shop.load(B)
    assert len(seen(shop)) == 2
