import hashlib
import json
from pathlib import Path

import pytest

from pipeline.ground.errors import PublishError
from pipeline.published import ledger
from pipeline.published.archive import Archive

A, B = "2011-10-02-aaaaaaaa", "2011-10-03-bbbbbbbb"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two runs of two files each."""
    made = Archive(tmp_path, [])
    for run_id in (A, B):
        made.path(run_id).mkdir(parents=True)
        for name in ("lists.parquet", "runs.parquet"):
            (made.path(run_id) / name).write_text(f"{run_id} {name}")
    return made


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_line_has_the_hash_of_the_one_before(tmp_path: Path, archive: Archive) -> None:
    ledger.publish(tmp_path, archive, A, {"als": "1"})
    ledger.publish(tmp_path, archive, B, {"als": "2"})
    raw = (tmp_path / ledger.FILE).read_text().splitlines()
    said = [json.loads(line) for line in raw]
    assert [line["before"] for line in said] == ["0" * 64, sha(raw[0])]
    assert [line["number"] for line in said] == [1, 2]
    assert said[1]["runs"] == {B: {name: sha(f"{B} {name}") for name in ("lists.parquet", "runs.parquet")}}
    assert (said[1]["made_of"], said[1]["what"], said[1]["signature"]) == ({"als": "2"}, "published", "")
    assert [line.hash for line in ledger.read(tmp_path)] == list(map(sha, raw))


def test_the_same_publication_again_is_no_line_and_another_one_is(tmp_path: Path, archive: Archive) -> None:
    for _ in range(2):
        ledger.publish(tmp_path, archive, A, {})
    assert len(ledger.read(tmp_path)) == 1
    (archive.path(A) / "lists.parquet").write_text("others")
    ledger.publish(tmp_path, archive, A, {})
    assert ledger.State.after(ledger.read(tmp_path)).runs[A]["lists.parquet"] == sha("others")


def test_who_approved_a_run_stands_in_a_line_of_its_own(tmp_path: Path, archive: Archive) -> None:
    with pytest.raises(PublishError, match=f"no line of run {A}, which Ann approved"):
        ledger.approve(tmp_path, A, "Ann", "2011-10-03T05:00:00+00:00")
    ledger.publish(tmp_path, archive, A, {"als": "1"})
    for name in ("Ann", "Ann", "Bob \u2603"):
        ledger.approve(tmp_path, A, name, "2011-10-03T05:00:00+00:00")
    lines = ledger.read(tmp_path)
    assert [line.what for line in lines] == ["published", "approved", "approved"]
    assert [line.approved.get("by") for line in lines] == [None, "Ann", "Bob \u2603"]
    assert lines[1].runs == lines[0].runs
    assert ledger.State.after(lines) == ledger.State.after(lines[:1])
    assert "approved" not in json.loads(lines[0].raw), "a signature of a version before holds"
    ledger.publish(tmp_path, archive, A, {"als": "1"})
    assert len(ledger.read(tmp_path)) == 3


def test_a_line_that_a_dying_process_did_not_end_is_none_and_goes(tmp_path: Path, archive: Archive) -> None:
    ledger.publish(tmp_path, archive, A, {})
    whole = (tmp_path / ledger.FILE).read_bytes()
    (tmp_path / ledger.FILE).write_bytes(whole + whole[:100])
    assert len(ledger.read(tmp_path)) == 1
    ledger.publish(tmp_path, archive, B, {})
    assert [line.number for line in ledger.read(tmp_path)] == [1, 2]
    assert (tmp_path / ledger.FILE).read_bytes().startswith(whole)


@pytest.mark.parametrize(
    "line", [b"{}", b"[1]", b"[" * 100_000, b"\xff", b'{"number":1,"what":2,"runs":{}}', b'{"runs":{"a":[]}}']
)
def test_a_damaged_line_is_named_and_keeps_nobody_from_publishing(
    tmp_path: Path, archive: Archive, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ledger.FILE).write_bytes(line + b"\n")
    with pytest.raises(PublishError, match=r"line 1 of .*ledger.jsonl is damaged"):
        ledger.read(tmp_path)
    ledger.publish(tmp_path, archive, A, {})
    added = json.loads((tmp_path / ledger.FILE).read_bytes().splitlines()[1])
    assert (added["number"], added["before"]) == (2, hashlib.sha256(line).hexdigest())
    assert "line 1" in caplog.text


def test_forgetting_writes_down_what_it_changed_and_nothing_else(tmp_path: Path, archive: Archive) -> None:
    with ledger.forgetting(tmp_path, archive):
        pass
    assert not (tmp_path / ledger.FILE).exists()  # before the first publication
    for run_id in (A, B):
        ledger.publish(tmp_path, archive, run_id, {})
    (archive.path(B) / "lists.parquet").write_text("somebody's")
    (archive.path(A) / "runs.parquet").write_text("somebody's too")
    with ledger.forgetting(tmp_path, archive):
        assert ledger.State.after(ledger.read(tmp_path)).forgetting
        (archive.path(A) / "lists.parquet").write_text("without")
        (archive.path(B) / "lists.parquet").write_text("somebody's, without")
    lines = ledger.read(tmp_path)
    assert [line.what for line in lines[2:]] == ["forgetting", "forgotten"]
    assert lines[-1].runs == {A: {"lists.parquet": sha("without"), "runs.parquet": sha(f"{A} runs.parquet")}}
    assert ledger.State.after(lines).runs[B]["lists.parquet"] == sha(f"{B} lists.parquet")


def test_what_died_while_it_forgot_is_completed_by_the_next_one(tmp_path: Path, archive: Archive) -> None:
    def dies() -> None:
        with ledger.forgetting(tmp_path, archive):
            (archive.path(A) / "lists.parquet").write_text("without")
            raise KeyboardInterrupt

    ledger.publish(tmp_path, archive, A, {})
    with pytest.raises(KeyboardInterrupt):
        dies()
    assert ledger.State.after(ledger.read(tmp_path)).forgetting
    with ledger.forgetting(tmp_path, archive):
        pass
    state = ledger.State.after(ledger.read(tmp_path))
    assert (state.forgetting, state.runs[A]["lists.parquet"]) == (False, sha("without"))
    assert len(ledger.read(tmp_path)) == 3
