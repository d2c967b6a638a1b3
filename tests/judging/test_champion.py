"""Which table tonight is compared with, and that its rows become the right lists."""

import json
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.judging import champion, evaluate
from pipeline.judging.champion import Setting
from pipeline.publication import publish, stores, unshaped
from pipeline.published.contract import ActiveRun
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig

USERS = pa.array(["ann", "bob", "cid"])
ITEMS = pa.array(["a", "b", "c", "d"])
CUTOFF = date(2011, 9, 18)
TONIGHT = date(2011, 10, 3)


def test_rows_become_lists_in_rank_order() -> None:
    rows = [("bob", "c", 3), ("bob", "a", 1), ("eve", "a", 1), ("ann", "d", 2), ("ann", "gone", 1), ("bob", "b", 7)]
    table = pa.Table.from_pylist([dict(zip(unshaped.ROWS.names, row, strict=True)) for row in rows])
    assert champion.placed(table, USERS, ITEMS).tolist() == [[-1, 3, -1], [0, 2, 1], [-1, -1, -1]]


def test_no_rows_become_empty_lists() -> None:
    assert champion.placed(unshaped.ROWS.empty_table(), USERS, ITEMS).tolist() == [[-1], [-1], [-1]]


def test_judged_lists_survive_the_disk(tmp_path: Path) -> None:
    lists = np.array([[3, 1, -1], [-1, -1, -1], [0, 1, 2]], dtype=np.int32)
    unshaped.write_lists(tmp_path / "x.parquet", lists, USERS, ITEMS, block_users=2)
    table = pq.read_table(tmp_path / "x.parquet")
    assert table.slice(0, 2).to_pylist() == [
        {"user_id": "ann", "item_id": "d", "rank": 1},
        {"user_id": "ann", "item_id": "b", "rank": 2},
    ]
    np.testing.assert_array_equal(champion.placed(table, USERS, ITEMS), lists)


@dataclass
class Shelf:
    """Published runs, newest first, and what each shows to ann on for_you."""

    home: Path
    shown: dict[date, str] = field(default_factory=dict)
    unread: set[date] = field(default_factory=set)
    """Nights whose run no reader ever saw."""

    @property
    def setting(self) -> Setting:
        return Setting(TONIGHT, CUTOFF, USERS, ITEMS, FullConfig(home=self.home, surfaces=(Surface(name="for_you"),)))

    def runs(self) -> list[ActiveRun]:
        return [ActiveRun(f"{night}-x", night, self.folder(night)) for night in sorted(self.shown, reverse=True)]

    def folder(self, night: date) -> Path:
        """The run's folder, with its tables as far as the gate looks for them."""
        folder = self.home / f"{night}-x"
        folder.mkdir(exist_ok=True)
        (folder / "recommendations.parquet").touch()
        return folder

    def lists(self, run_id: str) -> pa.Table:
        shown = self.shown[date.fromisoformat(run_id[:10])]
        row = {"surface": "for_you", "user_id": "ann", "rank": 1, "item_id": shown}
        return pa.Table.from_pylist([row, row | {"surface": "elsewhere", "item_id": "d"}])

    def read(self) -> set[str]:
        return {run.run_id for run in self.runs() if run.run_date not in self.unread}

    def judged(self, night: date, cutoff: date, shown: int, on: str | None = None) -> None:
        """Let a night's run have been judged, on tonight's users or others."""
        folder = self.folder(night)
        for pool in ("all", "new"):
            items = np.array([[shown], [-1], [-1]])
            unshaped.write_lists(champion.judged_path(folder, pool), items, USERS, ITEMS, 8)
        metrics = json.dumps({"judged_cutoff": cutoff.isoformat()} | ({} if on is None else {champion.ON: on}))
        pq.write_table(pa.table({"metrics": [metrics]}), folder / "runs.parquet")

    def find(self, tonight: int = 0) -> tuple[date, int | None] | None:
        """The opponent's night and what it shows ann, when tonight shows her item `tonight`."""
        mine = np.array([[tonight, -1], [-1, -1], [-1, -1]])
        found = champion.find(self.setting, {"all": mine, "new": mine})
        return found and (found.run_date, int(found.lists["all"][0, 0]) if found.lists else None)


@pytest.fixture(name="shelf")
def fixture_shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(tmp_path)
    monkeypatch.setattr(publish, "published_runs", lambda _: shelf.runs())
    monkeypatch.setattr(stores, "target", lambda _: SimpleNamespace(ever_active=shelf.read))
    monkeypatch.setattr(publish, "active_run", lambda _: next(iter(shelf.runs()), None))
    monkeypatch.setattr(publish, "published_lists", lambda _, run_id: shelf.lists(run_id))
    before = lambda _, night: next((run for run in shelf.runs() if run.run_date < night), None)  # noqa: E731
    monkeypatch.setattr(publish, "before", before)
    return shelf


def test_a_home_without_tables_has_no_opponent(tmp_path: Path) -> None:
    assert champion.find(Setting(TONIGHT, CUTOFF, USERS, ITEMS, FullConfig(home=tmp_path)), {}) is None


def test_a_first_publication_has_no_opponent(shelf: Shelf) -> None:
    assert shelf.find() is None


def test_in_the_same_week_the_champions_judged_lists_count(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", date(2011, 9, 15): "c"}
    shelf.judged(date(2011, 10, 2), CUTOFF, 1)
    assert shelf.find() == (date(2011, 10, 2), 1)


def test_in_a_new_week_the_table_that_was_in_use_counts(shelf: Shelf) -> None:
    shelf.shown = {
        date(2011, 10, 2): "b",
        date(2011, 9, 20): "b",  # knew part of the judged window
        CUTOFF: "c",
        date(2011, 9, 15): "d",
    }
    shelf.judged(date(2011, 10, 2), date(2011, 9, 11), 1)
    assert shelf.find() == (CUTOFF, 2)


def test_a_run_that_no_reader_saw_was_not_in_use(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", CUTOFF: "c", date(2011, 9, 15): "d"}
    shelf.unread = {CUTOFF}
    assert shelf.find() == (date(2011, 9, 15), 3)


def test_lists_that_were_judged_on_others_are_not_compared(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", CUTOFF: "c"}
    shelf.judged(date(2011, 10, 2), CUTOFF, 1, on=shelf.setting.judged_on)
    assert shelf.find() == (date(2011, 10, 2), 1)
    shelf.judged(date(2011, 10, 2), CUTOFF, 1, on="of other users, or less deep")
    assert shelf.find() == (CUTOFF, 2)


def test_who_is_judged_and_how_deep_is_told_apart(shelf: Shelf) -> None:
    setting = shelf.setting
    deeper = setting.config.evaluate.model_copy(update={"deep": 60})
    others = [
        replace(setting, user_ids=USERS.take(pa.array([0, 1]))),
        replace(setting, config=setting.config.model_copy(update={"evaluate": deeper})),
    ]
    assert len({one.judged_on for one in [setting, *others]}) == 3
    assert replace(setting, run_date=CUTOFF).judged_on == setting.judged_on


def test_lists_as_the_models_made_them_count_before_published_ones(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", CUTOFF: "c"}
    made = np.array([[3, 0], [-1, -1], [2, -1]])
    unshaped.write_lists(unshaped.path(shelf.folder(CUTOFF), "all"), made, USERS, ITEMS, 8)
    found = champion.find(shelf.setting, {})
    assert found is not None
    assert found.lists["all"].tolist() == made.tolist()


def test_a_run_whose_copies_are_lost_is_passed_over(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", CUTOFF: "c", date(2011, 9, 15): "d"}
    for run in shelf.runs():
        if run.run_date == CUTOFF:
            (run.folder / "recommendations.parquet").unlink()
            shelf.folder = lambda night: shelf.home / f"{night}-x"  # type: ignore[method-assign]
    assert shelf.find() == (date(2011, 9, 15), 3)


def test_a_table_that_is_too_old_does_not_count(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 10, 2): "b", date(2011, 9, 3): "c"}
    assert shelf.find() == (date(2011, 10, 2), None)


def test_a_night_run_again_unchanged_meets_the_opponent_of_the_first_time(shelf: Shelf) -> None:
    shelf.shown = {TONIGHT: "a"}
    shelf.judged(TONIGHT, CUTOFF, 0)
    assert shelf.find(tonight=0) is None
    shelf.shown[date(2011, 10, 2)] = "b"
    shelf.judged(date(2011, 10, 2), CUTOFF, 1)
    assert shelf.find(tonight=0) == (date(2011, 10, 2), 1)


def test_a_night_run_again_with_other_lists_meets_itself(shelf: Shelf) -> None:
    shelf.shown = {TONIGHT: "a"}
    shelf.judged(TONIGHT, CUTOFF, 0)
    assert shelf.find(tonight=2) == (TONIGHT, 0)


def test_a_backfill_does_not_meet_a_later_night(shelf: Shelf) -> None:
    shelf.shown = {date(2011, 11, 6): "a", date(2011, 10, 2): "b"}
    shelf.judged(date(2011, 10, 2), CUTOFF, 1)
    assert shelf.find() == (date(2011, 10, 2), 1)


def test_a_verdict_holds_until_the_opponent_changes_as_after_a_rollback(shelf: Shelf) -> None:
    shelf.shown = {TONIGHT: "a", date(2011, 10, 2): "b", date(2011, 10, 1): "c"}
    for night, shown in ((TONIGHT, 0), (date(2011, 10, 2), 1), (date(2011, 10, 1), 2)):
        shelf.judged(night, CUTOFF, shown)
    mine = np.array([[0, -1], [-1, -1], [-1, -1]])
    met = champion.find(shelf.setting, {"all": mine, "new": mine})
    files = {path.name: {"sha256": artifacts.file_sha256(path)} for path in shelf.folder(TONIGHT).glob("judged.*")}
    report = {"judged_cutoff": CUTOFF.isoformat(), "opponent": met and met.identity}
    manifest = {"run_date": TONIGHT.isoformat(), "report": report, "files": files}
    assert evaluate.still_holds(shelf.setting.config, manifest)
    del shelf.shown[date(2011, 10, 2)]  # what a rollback to the night before does to `before`
    assert not evaluate.still_holds(shelf.setting.config, manifest)
    assert evaluate.still_holds(shelf.setting.config, manifest | {"report": report | {"opponent": _identity(shelf)}})


def _identity(shelf: Shelf) -> str | None:
    mine = np.array([[0, -1], [-1, -1], [-1, -1]])
    met = champion.find(shelf.setting, {"all": mine, "new": mine})
    return met and met.identity
