"""The stage on a made-up night whose lists are known to be good or bad."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists
from pipeline.ground.errors import GateError, InputError
from pipeline.judging import champion, evaluate
from pipeline.judging.champion import Champion
from pipeline.ranking.finals import Recipe
from pipeline.sources.configuration import FullConfig
from tests.judged_night import CUTOFF, NIGHT, SINGLE, USERS, Night, make


@pytest.fixture(autouse=True)
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is published yet, unless a test says so."""
    monkeypatch.setattr(champion, "find", lambda *_: None)


def in_use(monkeypatch: pytest.MonkeyPatch, night: Night, name: str) -> None:
    """Let one of the night's lists be the table in use."""
    found = {pool: night.rows[pool, name] for pool in lists.KINDS}
    table = Champion("2011-10-02-abc", date(2011, 10, 2), "judged at the same cut-off", found)
    monkeypatch.setattr(champion, "find", lambda *_: table)


def run(night: Night, name: str = "out") -> tuple[dict[str, Any], Path]:
    out = night.config.home / name
    out.mkdir(parents=True)
    return evaluate.run(**night.inputs(), run_date=NIGHT, config=night.config, out=out), out


def test_a_first_publication_is_judged_against_the_baseline(tmp_path: Path) -> None:
    night = make(tmp_path)
    report, out = run(night)
    assert report["gate"] == "first publication"
    assert report["champion"] == "none"
    assert report["judged_cutoff"] == CUTOFF.isoformat()
    assert report["all.best_single"] in {*SINGLE, "buy_again"}
    assert report["all.best_single.low"] > 0
    assert report["all.opponent"] == "popularity"
    assert report["all.final.ndcg.low"] < report["all.final.ndcg"] < report["all.final.ndcg.high"]
    assert json.loads(json.dumps(report)) == report, "the report goes into the manifest"
    assert {path.name for path in out.iterdir()} == {
        "metrics.parquet",
        "ablation.parquet",
        "calibration.parquet",
        "reliability.parquet",
        "comparisons.parquet",
        "per_user.parquet",
        "samples.parquet",
        "user_groups.parquet",
        "judged.all.parquet",
        "judged.new.parquet",
        "report.html",
        "card.md",
    }


def test_metrics_are_those_of_the_users(tmp_path: Path) -> None:
    night = make(tmp_path)
    report, out = run(night)
    users = pq.read_table(out / "per_user.parquet").to_pylist()
    rows = pq.read_table(out / "metrics.parquet").to_pylist()
    table = {(r["pool"], r["list"], r["bucket_kind"], r["bucket"], r["metric"]): r for r in rows}
    for pool in lists.KINDS:
        mine = [row["ndcg@10"] for row in users if row["pool"] == pool]
        overall = table[pool, "final", "overall", "everyone", "ndcg@10"]
        assert overall["value"] == pytest.approx(np.mean(mine)) == pytest.approx(report[f"{pool}.final.ndcg"], abs=1e-6)
        assert overall["users"] == len(mine) <= USERS
        assert overall["low"] < overall["value"] < overall["high"]
        parts = [table[pool, "final", "users", bucket, "ndcg@10"] for bucket in ("new", "light", "heavy")]
        assert sum(part["users"] for part in parts) == len(mine)
        weighted = sum(part["value"] * part["users"] for part in parts) / len(mine)
        assert weighted == pytest.approx(overall["value"])
    assert ("all", "buy_again", "overall", "everyone", "coverage@10") in table
    assert ("all", "final", "items", "cold", "recall@50") in table


def test_comparisons_are_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path)
    in_use(monkeypatch, night, "weighted")
    report, out = run(night)
    rows = pq.read_table(out / "comparisons.parquet").to_pylist()
    table = {(r["pool"], r["versus"], r["metric"]): r for r in rows}
    assert report["gate"] == "passed"
    assert {versus for _, versus, _ in table} == {*SINGLE, "buy_again", "blend", "hybrid", "weighted", "champion"}
    for row in rows:
        assert row["low"] <= row["difference"] <= row["high"]
        assert row["difference"] == pytest.approx(row["final"] - row["other"])
        assert row["significant"] == (row["low"] > 0 or row["high"] < 0)
    same = {name: value for name, value in table["all", "champion", "ndcg@10"].items() if name != "versus"}
    assert same.items() <= table["all", "weighted", "ndcg@10"].items()


def test_a_worse_table_is_blocked_and_its_report_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path, final=0.0)
    in_use(monkeypatch, night, "weighted")
    with pytest.raises(GateError) as caught:
        run(night)
    kept = tmp_path / "blocked" / f"run_date={NIGHT}" / "report.html"
    message = str(caught.value)
    assert "pool 'all' is significantly worse than the table in use: ndcg@10" in message
    assert "difference -0." in message
    assert str(kept) in message
    assert "Not published" in kept.read_text()
    assert (kept.parent / "comparisons.parquet").is_file()


def test_what_stopped_a_moment_of_a_day_goes_once_a_later_one_passes(tmp_path: Path) -> None:
    config, kept = FullConfig(home=tmp_path), tmp_path / "blocked" / f"run_date={NIGHT}"
    kept.mkdir(parents=True)
    evaluate._blocked((), tmp_path, NIGHT, config)
    assert kept.is_dir(), "of a night that is over it stays to be read"
    evaluate._blocked((), tmp_path, NIGHT, config.so_far(datetime(2011, 10, 3, 13, tzinfo=UTC)))
    assert not kept.exists()


def test_a_table_worse_than_the_baseline_is_blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path, final=0.0)
    night.put("popularity", "popularity", 0.9)
    in_use(monkeypatch, night, "final")
    with pytest.raises(GateError, match="significantly worse than the baseline 'popularity'"):
        run(night)


def test_a_first_publication_that_is_worse_than_the_baseline_is_the_baseline(tmp_path: Path) -> None:
    night = make(tmp_path, final=0.0)
    night.put("popularity", "popularity", 0.9)
    report, out = run(night)
    assert (report["gate"], report["fallback"]) == ("first publication", "all,new")
    text = (out / "report.html").read_text()
    assert "“Best-sellers” is published on for_you, a first table instead of none" in text
    shown = lists.read_list(lists.cutoff_dir(night.folder("popularity"), NIGHT), "all", "popularity")[0]
    whose = int(pq.read_table(out / "samples.parquet").to_pylist()[0]["user_id"][1:])
    first = re.search(r"gets:.*?<ol><li><bdi>(\w+)</bdi>", text, flags=re.DOTALL)
    assert first is not None
    assert first[1] == f"i{shown[whose, 0]}"


def test_who_lets_nothing_stop_a_publication_gets_the_lists_as_they_were_made(tmp_path: Path) -> None:
    night = make(tmp_path, final=0.0, block=False)
    night.put("popularity", "popularity", 0.9)
    assert "fallback" not in run(night)[0]


def test_a_table_of_the_baseline_is_followed_by_tonights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table in use has the baseline's lists on the surfaces of pool `all` alone."""
    night = make(tmp_path, final=0.0)
    night.put("popularity", "popularity", 0.9)
    in_use(monkeypatch, night, "final")
    monkeypatch.setattr(champion, "fell_back", lambda *_: frozenset({"all"}))
    with pytest.raises(GateError) as stopped:
        run(night)
    assert "pool 'new' is significantly worse" in str(stopped.value)
    assert "pool 'all' is significantly worse" not in str(stopped.value)
    monkeypatch.setattr(champion, "fell_back", lambda *_: frozenset({"all", "new"}))
    report = run(night, "both")[0]
    assert (report["gate"], report["fallback"]) == ("passed", "all,new")


def test_a_first_publication_without_a_list_to_fall_back_to_is_blocked(tmp_path: Path) -> None:
    night = make(tmp_path, final=0.0, baseline="blend")
    night.put("fusion", "blend", 0.9)
    with pytest.raises(GateError, match="significantly worse than the baseline 'blend'"):
        run(night)


def test_where_tonight_is_a_single_list_the_baseline_has_had_its_chance(tmp_path: Path) -> None:
    night = make(tmp_path, final=0.0)
    night.put("popularity", "popularity", 0.9)
    night.recipes({pool: Recipe((0.5, 0.5), "popularity", 1.0) for pool in lists.KINDS})
    report, out = run(night)
    assert report["gate"] == "first publication"
    assert "alone: on the label windows nothing that was learned did better" in (out / "report.html").read_text()


def test_a_single_list_does_not_pass_before_the_table_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path, final=0.0)
    in_use(monkeypatch, night, "weighted")
    night.recipes({pool: Recipe((0.5, 0.5), "popularity", 1.0) for pool in lists.KINDS})
    with pytest.raises(GateError, match="significantly worse than the table in use"):
        run(night)


def test_only_what_everybody_likes_may_be_the_same_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = make(tmp_path)
    in_use(monkeypatch, night, "final")
    folder = lists.cutoff_dir(night.folder("ensemble"), NIGHT)
    items, scores = (np.array(array) for array in lists.read_list(folder, "all", "final"))
    lists.write_list(folder, "all", "final", np.repeat(items[:1], len(items), 0), np.repeat(scores[:1], len(items), 0))
    for single, share in (("als", 1.0), ("popularity", 0.25)):
        night.recipes({"all": Recipe((0.5, 0.5), single, share)})
        with pytest.raises(GateError, match="the very same first 10 items"):
            run(night, single)
    monkeypatch.setattr(champion, "find", lambda *_: None)
    report = run(night, "first")[0]
    assert (report["gate"], report["fallback"]) == ("first publication", "all")
    night.recipes({"all": Recipe((0.5, 0.5), "trending", 0.75)})
    report = run(night)[0]
    assert (report["gate"], report.get("fallback")) == ("first publication", None)


def test_a_broken_list_is_blocked(tmp_path: Path) -> None:
    night = make(tmp_path)
    folder = lists.cutoff_dir(night.folder("ensemble"), NIGHT)
    items, scores = (np.array(array) for array in lists.read_list(folder, "new", "final"))
    items[:, 1] = items[:, 0]
    lists.write_list(folder, "new", "final", items, scores)
    with pytest.raises(GateError, match=f"pool 'new': {USERS} of {USERS} lists have an item shown twice"):
        run(night)


def test_without_blocking_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path, final=0.0, block=False)
    in_use(monkeypatch, night, "weighted")
    report, out = run(night)
    assert report["gate"] == "overridden"
    assert "Published although the gate says no" in (out / "report.html").read_text()
    assert not (tmp_path / "blocked").exists()


def test_the_same_lists_are_not_worse_than_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path)
    in_use(monkeypatch, night, "final")
    report, out = run(night)
    assert report["gate"] == "passed"
    assert re.search(r"against the table in use \(0\.\d+\): the same", (out / "report.html").read_text())


def test_run_twice_the_bytes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = make(tmp_path)
    in_use(monkeypatch, night, "blend")
    one, two = run(night, "one"), run(night, "two")
    assert one[0] == two[0]
    assert artifacts.describe(one[1]) == artifacts.describe(two[1])


def test_a_shop_too_young_to_judge_still_gets_its_table(tmp_path: Path) -> None:
    night = make(tmp_path)
    path = lists.cutoff_dir(night.folder("features"), CUTOFF) / "labels.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    report, out = run(night)
    assert report["gate"] == "first publication"
    assert "nothing to judge" in (out / "report.html").read_text()


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    night = make(tmp_path)
    lists.cutoff_dir(night.folder("ensemble"), CUTOFF).joinpath("new.final.items.npy").unlink()
    with pytest.raises(InputError, match=r"new\.final"):
        run(night)


def test_a_missing_cutoff_is_named(tmp_path: Path) -> None:
    night = make(tmp_path)
    path = night.folder("features") / "cutoffs.parquet"
    pq.write_table(pq.read_table(path).slice(0, 1), path)
    with pytest.raises(InputError, match=f"no cut-off {CUTOFF}"):
        run(night)
