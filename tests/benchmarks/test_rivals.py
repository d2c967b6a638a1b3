"""The runner, the table and the settings, with a fake rival on a log of a dozen rows."""

import sys
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import scoring
from benchmarks.rivals import catalogue, report, runner
from benchmarks.rivals.catalogue import HERE, Rival
from benchmarks.rivals.runner import Measured, NightFiles

NIGHT = date(2020, 1, 31)
FAKE = Rival("fake", "Fake", str(Path(__file__).with_name("fake_rival.py")), protocols={"all": {}, "new": {}})
PAIRS = [("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "c"), ("cid", "a"), ("cid", "d")]


@pytest.fixture
def night(tmp_path: Path) -> NightFiles:
    users, items = (list(column) for column in zip(*PAIRS, strict=True))
    log = pa.table(
        {"user_id": users, "item_id": items, "time": [datetime(2020, 1, 5)] * len(users), "weight": [1.0] * len(users)}
    )
    found = NightFiles(NIGHT, *(tmp_path / f"{part}.parquet" for part in ("log", "history", "truth")))
    pq.write_table(log, found.history)
    pq.write_table(scoring.pairs(log), found.acted)
    pq.write_table(pa.table({"user_id": ["ann", "bob", "dan"], "item_id": ["d", "a", "a"]}), found.truth)
    return found


def run(rival: Rival, night: NightFiles, folder: Path) -> Measured:
    return runner.run(rival, night, Path(sys.executable), folder)


def test_a_rival_is_run_measured_and_kept(night: NightFiles, tmp_path: Path) -> None:
    folder = tmp_path / "fake"
    first = run(FAKE, night, folder)
    assert scoring.read_lists(folder / "new.parquet")["ann"] == ["c", "d"]
    assert first.seconds > 0
    assert 20 < first.peak_mb < 500  # pyarrow, not this process
    (folder / "all.parquet").unlink()
    assert run(FAKE, night, folder) == first
    assert not (folder / "all.parquet").exists()  # it was not run again


def test_other_settings_are_run_again(night: NightFiles, tmp_path: Path) -> None:
    folder = tmp_path / "fake"
    run(FAKE, night, folder)
    (folder / "all.parquet").unlink()
    run(replace(FAKE, protocols={"all": {"days": 7}}), night, folder)
    assert (folder / "all.parquet").exists()


def test_a_rival_that_fails_says_why(night: NightFiles, tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('no such model')")
    with pytest.raises(runner.FailedError, match="no such model"):
        run(replace(FAKE, script=str(script)), night, tmp_path / "broken")


def test_the_table_says_what_the_lists_are_worth(night: NightFiles, tmp_path: Path) -> None:
    run(FAKE, night, tmp_path / "fake")
    ours = tmp_path / "ours.parquet"
    scoring.write_lists(ours, {"ann": ["d"], "bob": ["a"]})
    files = {report.OURS: {NIGHT: ours}, "fake": {NIGHT: tmp_path / "fake" / "all.parquet"}}
    rows = report.score([night], files, {report.OURS: "**Nightjar**", "fake": "Fake"}, "all")
    assert [(r.name, round(r.mean, 4)) for r in rows] == [(report.OURS, 1), ("fake", 0.5)]
    assert rows[1].minus[NIGHT][0] == pytest.approx(0.5)  # ann's d is not among the fake's three
    assert rows[1].pooled == pytest.approx((0.5, 0, 1))
    lines = list(report.summary({"all": rows, "new": []}, {"fake": Measured(3.2, 1500)}))
    assert lines[2] == "| **Nightjar** | 1.0000 |  | - |  |  |"
    assert lines[3] == "| Fake | 0.5000 | +0.5000 [+0.0000, +1.0000] | - |  | 3 s, 1.5 GB |"
    assert "| Fake | 0.5000 | 0.5000 | 0.5000 |" in "\n".join(report.details(rows, "all"))


def test_a_list_without_every_night_is_left_out(night: NightFiles, tmp_path: Path) -> None:
    assert report.score([night], {"late": {NIGHT: tmp_path / "none.parquet"}, "never": {}}, {}, "all") == []


@pytest.mark.parametrize("name", catalogue.names())
def test_settings_name_what_exists_and_nights_do_not_mix(name: str) -> None:
    data = catalogue.read(name)
    assert data.example.exists()
    assert max(data.tuning) < min(data.reporting)
    for rival in data.rivals.values():
        assert rival.file.exists()
        assert not rival.environment or (HERE / "requirements" / f"{rival.environment}.txt").exists()
        assert set(rival.grid) <= {key for settings in rival.protocols.values() for key in settings}
        assert sum(map(len, rival.grid.values())) <= 24
