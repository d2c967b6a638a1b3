"""Objects that no manifest names go, and nothing that a manifest names, or is about to."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ground import artifacts, keeping
from pipeline.store import garbage
from pipeline.store.contract import Entry
from tests.store.machines import NEXT, NIGHT, content_of, finish, folder_of, machine


def test_garbage_goes_when_it_has_been_some_for_a_day(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(url, tmp_path / "one")
    finish(folder_of(one), a=b"old version")
    finish(folder_of(one), a=b"new", b=b"kept")
    assert garbage.collect(one) == garbage.Garbage(0, len(b"old version"))
    later = time.time() + garbage.GRACE_SECONDS
    monkeypatch.setattr(garbage.time, "time", lambda: later)
    assert garbage.collect(one, dry_run=True) == garbage.Garbage(len(b"old version"), 0)
    assert garbage.collect(one) == garbage.Garbage(len(b"old version"), 0)
    assert garbage.collect(one) == garbage.Garbage(0, 0)
    other = machine(url, tmp_path / "other")
    keeping.bring(folder_of(other))
    assert content_of(folder_of(other))["b"] == b"kept"


def test_where_people_are_forgotten_garbage_goes_at_once_but_for_what_is_on_its_way(url: str, tmp_path: Path) -> None:
    one = machine(url, tmp_path / "one")
    finish(folder_of(one, stage="ease"), a=b"old version")
    finish(folder_of(one, stage="ease"), a=b"new")
    (tmp_path / "x").write_bytes(b"coming")
    one.store.upload("objects/lake/als/run_date=2024-01-02/v=1/x", tmp_path / "x")
    with artifacts.lock(folder_of(one, NEXT)):
        assert garbage.collect(one, at_once=True) == garbage.Garbage(len(b"old version"), len(b"coming"))
    assert garbage.collect(one, at_once=True) == garbage.Garbage(len(b"coming"), 0)


@pytest.mark.parametrize(
    ("held", "part"),
    [
        ("privacy.jsonl", "state/privacy"),
        ("receipts", "state/receipts"),
        ("forgotten.json", "state/ingest"),
        ("lake/evaluate/run_date=2024-01-02", "blocked/run_date=2024-01-02"),
        ("lake/als/run_date=2024-01-03", "lake/als/run_date=2024-01-02"),  # a neighbour's, which it may link
    ],
)
def test_what_is_on_its_way_stays_whatever_its_lease_is_called(url: str, tmp_path: Path, held: str, part: str) -> None:
    one = machine(url, tmp_path / "one")
    (tmp_path / "x").write_bytes(b"coming")
    one.store.upload(f"objects/{part}/v=1/x", tmp_path / "x")
    with keeping.held(one.home / held):
        assert garbage.collect(one, at_once=True) == garbage.Garbage(0, len(b"coming"))
    assert garbage.collect(one, at_once=True) == garbage.Garbage(len(b"coming"), 0)


def test_a_manifest_that_is_written_while_garbage_is_looked_for_keeps_its_objects(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its objects were listed, and its lease is given back before leases are."""
    one, other = machine(url, tmp_path / "one"), machine(url, tmp_path / "other")
    finish(folder_of(other), a=b"whole")
    key, listed = f"lake/als/run_date={NIGHT}/manifest.json", one.store.list
    content, _ = one.store.get(key) or (b"", {})
    one.store.delete([key])

    def beside(folder: str) -> Iterator[Entry]:
        if folder == garbage.LEASES:
            one.store.put(key, content)
        yield from listed(folder)

    monkeypatch.setattr(one.store, "list", beside)
    assert garbage.collect(one, at_once=True) == garbage.Garbage(0, 0)
    keeping.bring(folder_of(one))
    assert content_of(folder_of(one))["a"] == b"whole"
