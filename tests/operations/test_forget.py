"""A person is removed from everything under the home folder, and nobody else is."""

import io
import json
import re
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.judging import arms, samples
from pipeline.operations import forget, load_history, site, verify
from pipeline.operations.tuning import trials
from pipeline.privacy import suppression
from pipeline.publication import publish
from pipeline.published import ledger
from pipeline.settings.sections.publication import Explore, Surface
from pipeline.sources.configuration import FullConfig
from tests import tiny_log
from tests.on_disk import everything_under
from tests.operations.a_home import ASKED, EARLIER, GONE, a_home, finished, names_them, published
from tests.small_shop import NIGHT


def test_nothing_of_the_person_stays_and_everything_of_others_does(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    site.run(config)
    shutil.copytree(config.home / "site" / "data", config.home / "site" / ".partial")  # left by a killed process
    before = published(config)
    assert len(names_them(config.home / "site")) > 1
    assert len(names_them(config.home)) > 20
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)
    assert b"person-778" in everything_under(config.home)
    assert b"person-778" in everything_under(config.home / "site")
    others = {name: [row for row in rows if row.get("user_id") != GONE] for name, rows in before.items()}
    assert published(config) == others
    assert others != before
    assert f"run {NIGHT}" in verify.run(config)
    assert [line.what for line in ledger.read(config.tables)] == ["published", "forgetting", "forgotten"]
    exported = (config.home / "exports" / f"run_date={NIGHT}" / "for_you.jsonl").read_text().splitlines()
    assert [json.loads(line)["user_id"] for line in exported] == ["person-7", "person-778"]
    said = json.loads(receipt.read_text())
    assert said["rows"]["events"] == 2
    assert said["rows"]["rejects"] == 2
    mine = sum(len(rows) for name, rows in before.items()) - sum(len(rows) for rows in others.values())
    assert said["rows"]["published"] + said["rows"]["database"] == mine
    assert said["rows"]["exports"] > 0
    assert said["nights_dropped"] == [NIGHT.isoformat()]
    assert (receipt.stat().st_mode & 0o777) == 0o600


def test_what_was_drawn_among_for_the_person_goes_too(tmp_path: Path) -> None:
    surface = Surface(name="for_you", k=4, explore=Explore(slots=(2,), record=1.0))
    config = a_home(tmp_path, surfaces=[surface])

    def record() -> list[dict[str, object]]:
        (path,) = (config.tables / "parquet").glob("run_id=*/withheld.for_you.parquet")
        rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
        return rows

    before = record()
    forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)
    assert record() == [row for row in before if row["user_id"] != GONE] != before


def test_a_partition_is_what_ingest_writes_now(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    forget.forget(config, [GONE], ASKED)
    for night in (EARLIER, NIGHT):
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        manifest = artifacts.read_manifest(folder)
        assert manifest["files"] == artifacts.describe(folder)
        assert manifest["report"]["events"] == len(tiny_log.rows_of(folder)) == 1
    again = config.model_copy(update={"home": tmp_path / "again"})
    with suppression.lock(again, alone=True):
        suppression.add(again, [GONE])
    load_history.load_history(again, NIGHT)
    for night in (EARLIER, NIGHT):
        ours, theirs = (tiny_log.digests(artifacts.stage_dir(c.lake, "ingest", night)) for c in (config, again))
        assert ours["events.parquet"] == theirs["events.parquet"]
    evaluate = artifacts.stage_dir(config.lake, "evaluate", NIGHT)
    assert artifacts.read_manifest(evaluate)["files"] == artifacts.describe(evaluate)


def test_the_report_loses_the_sample_of_the_person(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    evaluate = artifacts.stage_dir(config.lake, "evaluate", NIGHT)
    blocked = config.home / "blocked" / f"run_date={EARLIER}"
    cards = [f"<!--sample {n}--><p>history of {n}</p><!--end of sample {n}-->" for n in (1, 2, 1, 2)]
    for folder in (evaluate, blocked):
        whose = {"sample": pa.array([1, 2], pa.int32()), "user_id": ["person-7", GONE]}
        pq.write_table(pa.table(whose, schema=samples.SCHEMA), folder / samples.FILE)
        (folder / "report.html").write_text(f"<body>{''.join(cards)}</body>")
    artifacts.write_manifest(evaluate, artifacts.read_manifest(evaluate) | {"files": artifacts.describe(evaluate)})
    forget.forget(config, [GONE], ASKED)
    for folder in (evaluate, blocked):
        text = (folder / "report.html").read_text()
        assert text.count("history of 1") == 2
        assert "history of 2" not in text
        assert pq.read_table(folder / samples.FILE).column("user_id").to_pylist() == ["person-7"]
    assert artifacts.read_manifest(evaluate)["files"] == artifacts.describe(evaluate)


def test_a_search_for_better_settings_forgets_them_too(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    theirs = trials.workshop(config, config.home / trials.SEARCH / "als-0123abcd")
    for stage in ("features", "als"):
        shutil.copytree(artifacts.stage_dir(config.lake, stage, NIGHT), artifacts.stage_dir(theirs.lake, stage, NIGHT))
    study = theirs.home / "study.db"
    study.write_text("which settings were how good")
    forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)
    assert not artifacts.stage_dir(theirs.lake, "als", NIGHT).exists()
    assert study.is_file()


def test_what_a_comparison_that_died_has_left_goes_too(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    left = trials.workshop(config, config.home / "compare" / "published")
    shutil.copytree(
        artifacts.stage_dir(config.lake, "features", NIGHT), artifacts.stage_dir(left.lake, "features", NIGHT)
    )
    spilled = config.home / ".spill-of-the-dead"
    spilled.mkdir()
    (spilled / "duckdb_temp").write_text(GONE)
    forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)
    assert not (config.home / "compare").exists()
    assert not spilled.exists()


def test_nights_go_whose_features_do_not_name_somebody_as_a_user(tmp_path: Path) -> None:
    """What is known of an experiment's users goes from night to night, longer than `retention.event_days`; and what
    features know as an onlooker, who did nothing that tells anything, may be in the slots of `outcomes`.
    """
    config, later = a_home(tmp_path), NIGHT + timedelta(days=400)
    row = {"surface": "for_you", "arm": "a", "days": 3, "actions": 1, "hits": 0, "clicks": 0}
    people = pa.table({"user_id": ["person-7", "person-778"]})
    for stage, file, rows in (
        ("features", "users.parquet", people),
        ("outcomes", arms.USERS_FILE, pa.Table.from_pylist([row | {"user_id": GONE}], schema=arms.USERS)),
    ):
        with artifacts.writing(artifacts.stage_dir(config.lake, stage, later)) as out:
            pq.write_table(rows, out / file)
            artifacts.write_manifest(out, {"files": artifacts.describe(out)})
    looked = pa.table({"user_id": [GONE]})
    for stage, files in (
        ("features", {"users": people, "onlookers": looked}),
        ("outcomes", {"slots": looked}),
    ):
        with artifacts.writing(artifacts.stage_dir(config.lake, stage, later + timedelta(days=1))) as out:
            for name, rows in files.items():
                pq.write_table(rows, out / f"{name}.parquet")
            artifacts.write_manifest(out, {"files": artifacts.describe(out)})
    forget.forget(config, [GONE], ASKED)
    assert not names_them(config.home)


def test_somebody_nobody_knows_gets_zeros(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    before = finished(config)
    (receipt,) = forget.forget(config, ["person-nobody"], ASKED)
    assert not any(json.loads(receipt.read_text())["rows"].values())
    assert finished(config) == before


def test_asked_twice_there_are_two_receipts(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    one, two = (forget.forget(config, [GONE], ASKED)[0] for _ in range(2))
    assert one != two
    assert json.loads(one.read_text())["rows"]["events"] == 2
    assert json.loads(two.read_text())["rows"]["events"] == 0


def test_several_people_and_an_item_of_the_same_name(tmp_path: Path) -> None:
    config = a_home(tmp_path)
    receipts = forget.forget(config, [GONE, "i1", "person-7"], ASKED)
    assert [json.loads(r.read_text())["rows"]["events"] for r in receipts] == [2, 0, 2]
    rows = publish.published_lists(config, publish.published_runs(config)[0].run_id).to_pylist()
    assert {row["user_id"] for row in rows} == {"person-778"}
    assert "i1" in {
        row["item_id"]
        for row in pq.ParquetFile(next(config.tables.glob("parquet/*/similar_items.parquet"))).read().to_pylist()
    }


@pytest.mark.parametrize("ids", [[], [""], ["a", ""]])
def test_an_empty_id_is_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(InputError, match="needs the id"):
        forget.forget(FullConfig(home=tmp_path), ids, ASKED)


def test_with_pseudonyms_the_plain_id_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "a-key-of-the-test-0123456789")
    config = a_home(tmp_path, pseudonyms=True)
    (receipt,) = forget.forget(config, [GONE], ASKED)
    assert json.loads(receipt.read_text())["rows"]["events"] == 2
    assert not names_them(config.home)


def test_the_command_reads_ids_from_a_file_and_never_says_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = a_home(tmp_path)
    monkeypatch.setenv("NIGHTJAR_HOME", str(config.home))
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GONE}\nperson-7\nperson-nobody\n"))
    assert main(["forget", "--file", "-", "--asked", str(ASKED)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert ["2 events" in said[0], "2 events" in said[1], "not known" in said[2]] == [True] * 3
    assert not re.search("person-7|person-nobody", "".join(said).replace(str(tmp_path), ""))
    (tmp_path / "ids.txt").write_bytes(f'\ufeff{GONE}\r\n\n "person-7" \n'.encode())  # as a spreadsheet writes it
    assert main(["forget", "--file", str(tmp_path / "ids.txt"), "--asked", str(ASKED)]) == 0
    again = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in again] == [line.split(":")[0] for line in said[:2]]  # the same two people
    assert main(["forget", "--file", str(tmp_path / "none")]) == 1
    assert "cannot be read" in capsys.readouterr().err
