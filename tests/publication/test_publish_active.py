"""Publication: which run is active, which are kept, and how one goes back."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.ground.errors import GateError, PublishError
from pipeline.publication import publish, stores
from tests.small_shop import NIGHT, go, shop

LATER = NIGHT + timedelta(days=1)


def test_rollback_walks_back_through_what_was_published(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=NIGHT + timedelta(days=n)).write() for n in range(3)]
    ids = [go(made)["run_id"] for made in nights]
    config = nights[0].config
    assert publish.rollback(config).run_id == ids[1]
    assert publish.rollback(config).run_id == ids[0]
    with pytest.raises(PublishError, match="no run was active before"):
        publish.rollback(config)
    assert publish.rollback(config, to=str(ids[2])).run_id == ids[2]
    assert publish.rollback(config).run_id == ids[1]
    with pytest.raises(PublishError, match=r"run nonsense is not kept; the runs that are kept: 2011"):
        publish.rollback(config, to="nonsense")
    assert publish.active_run(config) == publish.ActiveRun(
        str(ids[1]), LATER, config.tables / "parquet" / f"run_id={ids[1]}"
    )


def test_an_older_night_is_kept_and_not_activated_unless_asked(tmp_path: Path) -> None:
    newer = shop(tmp_path, night=LATER).write()
    active = go(newer)["run_id"]
    older = shop(tmp_path).write()
    report = go(older)
    assert not report["activated"]
    assert publish.active_run(older.config).run_id == active  # type: ignore[union-attr]
    assert report["run_id"] in {run.run_id for run in publish.published_runs(older.config)}
    section = older.config.publish.model_copy(update={"activate_older": True})
    older.config = older.config.model_copy(update={"publish": section})
    again = go(older)
    assert again["activated"]
    assert again["run_id"] == report["run_id"]


def test_retention_keeps_the_newest_the_active_and_the_one_before(tmp_path: Path) -> None:
    nights = [shop(tmp_path, night=NIGHT + timedelta(days=n)) for n in range(4)]
    ids = []
    for made in nights:
        section = made.config.publish.model_copy(update={"keep_runs": 2})
        made.config = made.config.model_copy(update={"publish": section})
        ids.append(go(made.write())["run_id"])
    config = nights[0].config
    assert [run.run_id for run in publish.published_runs(config)] == ids[:1:-1]
    assert {p.name for p in (config.tables / "parquet").iterdir()} == {f"run_id={i}" for i in ids[2:]}
    assert publish.runs(config).column("run_id").to_pylist() == ids[::-1]  # the history outlives the tables
    with pytest.raises(PublishError, match="the runs that are kept"):
        publish.published_lists(config, str(ids[0]))


def test_the_run_before_a_night_is_of_an_earlier_night(tmp_path: Path) -> None:
    first, second = shop(tmp_path).write(), shop(tmp_path, night=LATER).write()
    assert publish.before(first.config, NIGHT) is None
    go(first)
    go(second)
    before = publish.before(first.config, LATER)
    assert before is not None
    assert before.run_date == NIGHT
    assert publish.before(first.config, NIGHT) is None


def test_two_runs_of_a_night_may_take_turns(tmp_path: Path) -> None:
    """Each was published after the other; the run before the night is neither."""
    go(shop(tmp_path).write())
    one, other = shop(tmp_path, night=LATER).write(), shop(tmp_path, night=LATER)
    other.config = other.config.model_copy(update={"seed": 3})
    ids = [go(made)["run_id"] for made in (one, other, one, other)]
    assert ids[0] != ids[1]
    assert ids[:2] == ids[2:]
    before = publish.before(one.config, LATER)
    assert before is not None
    assert before.run_date == NIGHT


def test_a_failed_check_publishes_nothing(tmp_path: Path) -> None:
    first = go(shop(tmp_path).write())
    broken = shop(tmp_path, night=LATER, new_lists=[[1, 0], [3, 4], [0]]).write()  # u0 has bought i0
    with pytest.raises(GateError, match=r"recommendations_seen \(1\): discover: user u0 has acted on item i0"):
        go(broken)
    assert publish.active_run(broken.config).run_id == first["run_id"]  # type: ignore[union-attr]
    assert len(publish.published_runs(broken.config)) == 1


def test_churn_is_reported_and_limited(tmp_path: Path) -> None:
    go(shop(tmp_path).write())
    other = shop(tmp_path, night=LATER, all_lists=[[7], [7], [7]]).write()
    report = go(other)
    # Everybody gets i7, i0, i1, i2 now; u0 had i0, i1, i4, i2, u1 had i2, i3, i7, i0, u2 had i3, i6, i0, i1.
    assert report["churn_for_you"] == pytest.approx((1 / 4 + 1 / 4 + 2 / 4) / 3, abs=1e-4)
    assert report["churn_discover"] == 0
    strict = other.config.publish.model_copy(update={"max_churn": 0.3})
    other.config = other.config.model_copy(update={"publish": strict})
    with pytest.raises(
        GateError, match=r"33% of the first 10 items of surface 'for_you' that are still wanted went in 1 n"
    ):
        go(other)


def test_what_nobody_wants_any_more_may_go(tmp_path: Path) -> None:
    go(shop(tmp_path).write())
    other = shop(tmp_path, night=LATER, all_lists=[[7], [7], [7]], last_age=2.0).write()
    strict = other.config.publish.model_copy(update={"max_churn": 0.0})
    other.config = other.config.model_copy(update={"publish": strict})
    assert go(other)["churn_for_you"] > 0


def test_a_run_id_depends_on_what_is_published_and_on_nothing_else(tmp_path: Path) -> None:
    made = shop(tmp_path / "a").write()
    same = shop(tmp_path / "b").write()
    same.config = same.config.model_copy(update={"publish": same.config.publish.model_copy(update={"keep_runs": 3})})
    other = replace(shop(tmp_path / "c"), night=date(2011, 10, 2), all_lists=[[1], [2], [3]]).write()
    ids = [go(each)["run_id"] for each in (made, same, other)]
    assert ids[0] == ids[1] != ids[2]


def test_a_run_keeps_the_lists_it_was_judged_by(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    judged = [f"judged.{pool}.parquet" for pool in made.config.pools]
    for name in judged:
        (made.folder("evaluate") / name).write_text(f"what {name} says")
    go(made)
    run = publish.active_run(made.config)
    assert run is not None
    for name in judged:
        (made.folder("evaluate") / name).unlink()
        assert (run.folder / name).read_text() == f"what {name} says"


def test_lost_copies_of_a_run_make_it_out_of_date(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    report = go(made)
    assert publish.still_holds(made.config, {"report": report})
    (stores.archive(made.config).path(report["run_id"]) / "runs.parquet").unlink()
    assert not publish.still_holds(made.config, {"report": report})


def test_retention_leaves_the_copies_of_runs_that_another_target_knows(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    kept = stores.archive(made.config)
    for night in (NIGHT - timedelta(days=1), NIGHT, LATER):  # loaded elsewhere
        kept.path(f"{night}-elsewhere").mkdir(parents=True)
    go(made)
    assert {run_id[:10] for run_id in kept.run_ids() if run_id.endswith("elsewhere")} == {str(NIGHT), str(LATER)}


def test_going_back_is_said_when_the_night_runs_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reports = [go(shop(tmp_path, night=night).write()) for night in (NIGHT, LATER)]
    config = shop(tmp_path).config
    assert publish.still_holds(config, {"report": reports[1]})
    assert "somebody went back" not in caplog.text
    publish.rollback(config)
    assert publish.still_holds(config, {"report": reports[1]})
    assert f"went back to {reports[0]['run_id']}" in caplog.text
