"""run_stage on two toy stages: `ingest` writes a number, `double` doubles what it reads."""

import sys
import threading
import time
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError, UnavailableError
from pipeline.operations import stages, timings
from pipeline.sources.configuration import FullConfig

NIGHT = date(2011, 10, 2)
CALLS: list[str] = []


def number(*, run_date: date, config: FullConfig, out: Path) -> stages.Report:
    CALLS.append("ingest")
    (out / "number.txt").write_text(str(run_date.day + config.seed))
    return {"rows": 1}


def double(*, ingest: Path, config: FullConfig, out: Path) -> stages.Report:
    CALLS.append("double")
    (out / "number.txt").write_text(str(2 * int((ingest / "number.txt").read_text())))
    return {"doubled": True}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FullConfig:
    for name, run in (("ingest", number), ("double", double)):
        module = ModuleType(f"toy_{name}")
        module.run = run  # type: ignore[attr-defined]
        module.IS_HISTORY = name == "ingest"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"toy_{name}", module)
    monkeypatch.setattr(stages, "STAGES", {"ingest": "toy_ingest", "double": "toy_double"})
    monkeypatch.setattr(FullConfig, "digest", lambda self, *names: f"{names}{self.seed if 'ingest' in names else 0}")
    CALLS.clear()
    return FullConfig(home=tmp_path)


def test_a_stage_is_given_what_its_parameters_name(config: FullConfig) -> None:
    manifests = stages.run(NIGHT, config)
    assert stages.upstream("double") == ("ingest",)
    assert list(manifests) == ["ingest", "double"]
    folder = artifacts.stage_dir(config.lake, "double", NIGHT)
    assert (folder / "number.txt").read_text() == "4"
    manifest = artifacts.read_manifest(folder)
    assert manifest["report"] == {"doubled": True}
    assert manifest["files"]["number.txt"]["bytes"] == 1
    assert manifest["peak_memory_mb"] > 0


def test_what_is_up_to_date_is_skipped_and_what_is_not_is_redone(config: FullConfig) -> None:
    stages.run(NIGHT, config)
    stages.run(NIGHT, config)
    assert CALLS == ["ingest", "double"]
    stages.run(NIGHT, config.model_copy(update={"seed": 1}), stages=["ingest"], force=True)
    stages.run(NIGHT, config.model_copy(update={"seed": 1}))
    assert CALLS == ["ingest", "double", "ingest", "double"]
    assert (artifacts.stage_dir(config.lake, "double", NIGHT) / "number.txt").read_text() == "6"


def test_a_late_partition_of_an_earlier_night_makes_its_readers_out_of_date(config: FullConfig) -> None:
    stages.run(NIGHT, config)
    stages.run(date(2011, 10, 1), config, stages=["ingest"])
    stages.run(NIGHT, config)
    assert CALLS == ["ingest", "double", "ingest", "double"]
    stages.run(date(2011, 10, 3), config, stages=["ingest"])
    stages.run(NIGHT, config)
    assert len(CALLS) == 5, "a later night is not read"


def test_a_missing_input_names_the_stage_to_run(config: FullConfig) -> None:
    with pytest.raises(InputError, match="run stage 'ingest' for 2011-10-02 first"):
        stages.run(NIGHT, config, stages=["double"])


def test_what_follows_from_an_artifact_is_brought_up_each_time_and_its_failure_leaves_the_artifact(
    config: FullConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [True, False]

    def follow(given: FullConfig) -> None:
        CALLS.append("follow")
        if fails and fails.pop(0):
            raise UnavailableError("a copy is behind")

    monkeypatch.setattr(sys.modules["toy_double"], "follow", follow, raising=False)
    with pytest.raises(UnavailableError):
        stages.run(NIGHT, config)
    assert artifacts.is_finished(artifacts.stage_dir(config.lake, "double", NIGHT))
    assert stages.run(NIGHT, config)["double"]["skipped"]
    assert CALLS == ["ingest", "double", "follow", "follow"]


def test_an_unknown_stage_is_refused_before_anything_runs(config: FullConfig) -> None:
    with pytest.raises(InputError, match="there is no stage 'tripple'"):
        stages.run(NIGHT, config, stages=["ingest", "tripple"])
    assert CALLS == []


def test_a_failing_stage_leaves_nothing(config: FullConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*, run_date: date, config: FullConfig, out: Path) -> stages.Report:
        (out / "half.txt").write_text("half")
        raise InputError(f"no log for {run_date}")

    monkeypatch.setattr(sys.modules["toy_ingest"], "run", fail)
    with pytest.raises(InputError):
        stages.run(NIGHT, config)
    assert not list((config.lake / "ingest").glob("*run_date=*.partial"))
    assert not artifacts.stage_dir(config.lake, "ingest", NIGHT).exists()


def test_the_table_of_timings_has_a_line_per_stage_and_a_total(config: FullConfig) -> None:
    text = timings.table(stages.run(NIGHT, config))
    assert [line.split()[0] for line in text.splitlines()] == ["stage", "ingest", "double", "total"]
    assert "up to date" in timings.table(stages.run(NIGHT, config))


def test_a_night_that_never_ran_has_no_timings(config: FullConfig) -> None:
    with pytest.raises(InputError, match="no stage of 2011-10-02 is finished"):
        timings.of_night(config, NIGHT)


def total(*, ingest: Path, double: Path, triple: Path, config: FullConfig, out: Path) -> stages.Report:
    CALLS.append("total")
    (out / "number.txt").write_text("".join((p / "number.txt").read_text() for p in (ingest, double, triple)))
    return {}


def triple(*, double: Path, config: FullConfig, out: Path) -> stages.Report:
    (out / "number.txt").write_text((double / "number.txt").read_text() * 3)
    return {}


@pytest.fixture
def longer(config: FullConfig, monkeypatch: pytest.MonkeyPatch) -> FullConfig:
    """Two more stages, of which one reads what the other was made from."""
    for name, run in (("triple", triple), ("total", total)):
        module = ModuleType(f"toy_{name}")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"toy_{name}", module)
    monkeypatch.setattr(stages, "STAGES", {n: f"toy_{n}" for n in ("ingest", "double", "triple", "total")})
    return config


def test_what_two_runs_made_with_different_settings_is_not_mixed(longer: FullConfig) -> None:
    stages.run(NIGHT, longer)
    other = longer.model_copy(update={"seed": 1})
    stages.run(NIGHT, other, stages=["ingest", "double"], force=True)
    with pytest.raises(InputError, match="'triple' again"):
        stages.run(NIGHT, other, stages=["total"])
    stages.run(NIGHT, other)
    assert (artifacts.stage_dir(longer.lake, "total", NIGHT) / "number.txt").read_text() == "36666"


def test_what_a_stage_reads_is_not_replaced_meanwhile(longer: FullConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """While `triple` reads, another run wants to replace `double`: it waits."""
    stages.run(NIGHT, longer)
    reading, order = threading.Event(), []
    doubled = longer.model_copy(update={"seed": 2})

    def slow(*, double: Path, config: FullConfig, out: Path) -> stages.Report:
        reading.set()
        time.sleep(0.3)
        order.append("read")
        return triple(double=double, config=config, out=out)

    def replace() -> None:
        assert reading.wait(5)
        stages.run_stage("double", NIGHT, doubled, force=True)
        order.append("replaced")

    monkeypatch.setattr(sys.modules["toy_triple"], "run", slow)
    thread = threading.Thread(target=replace)
    thread.start()
    stages.run_stage("triple", NIGHT, longer, force=True)
    thread.join()
    assert order == ["read", "replaced"]


def test_a_source_that_is_switched_off_makes_nothing_and_is_made_when_it_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("toy_als")
    module.run = number  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_als", module)
    monkeypatch.setattr(stages, "STAGES", {"als": "toy_als"})
    on = FullConfig(home=tmp_path)
    off = on.model_copy(update={"als": on.als.model_copy(update={"enabled": False})})
    manifest = stages.run_stage("als", NIGHT, off)
    assert (manifest["report"], manifest["files"]) == ({"enabled": False}, {})
    assert stages.run_stage("als", NIGHT, on)["report"] == {"rows": 1}


def test_the_encoder_is_tuned_only_for_the_language_model() -> None:
    on = FullConfig()
    off = on.model_copy(update={"language_model": on.language_model.model_copy(update={"enabled": False})})
    assert stages.is_wanted("fine_tune", on)
    assert not stages.is_wanted("fine_tune", off)


def test_what_a_stage_read_beside_its_inputs_is_asked_of_the_stage(
    config: FullConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, holds = [], [True]

    def still_holds(config: FullConfig, manifest: dict[str, object]) -> bool:
        asked.append(manifest["report"])
        return holds[0]

    monkeypatch.setattr(sys.modules["toy_double"], "still_holds", still_holds, raising=False)
    stages.run(NIGHT, config)
    stages.run(NIGHT, config)
    assert (asked, CALLS) == ([{"doubled": True}], ["ingest", "double"])
    holds[0] = False
    stages.run(NIGHT, config)
    assert CALLS == ["ingest", "double", "double"]
