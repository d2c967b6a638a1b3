"""How published runs have done since, in the report and at the gate: what is said, and when."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import GateError
from pipeline.judging import evaluate, since_publication
from pipeline.judging.outcomes import OUTCOMES
from pipeline.publication import stores
from pipeline.published.contract import RUNS
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig
from tests.judged_night import Night, make
from tests.published.targets.runs import history, outcome

RUN, NEWER = "2011-09-18-aaaaaaaa", "2011-09-25-bbbbbbbb"


def row(run_id: str = RUN, ndcg: float = 0.25, days: int = 14, **changes: Any) -> dict[str, Any]:
    """A run's row for everybody."""
    interval = {"ndcg": ndcg, "ndcg_low": ndcg - 0.03, "ndcg_high": ndcg + 0.03}
    names = {"bucket_kind": "overall", "surface": "for_you", "judged_run_id": run_id, "days": days}
    return outcome("everyone", **(names | interval | changes))


def judged_to(config: FullConfig, run_id: str = RUN, **metrics: float) -> None:
    """Keep a run that was judged so before it was published."""
    folder = stores.archive(config).path(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [history(run_id).to_pylist()[0] | {"metrics": json.dumps(metrics)}]
    pq.write_table(pa.Table.from_pylist(rows, schema=RUNS.schema), folder / "runs.parquet")


def promise(config: FullConfig, value: float, run_id: str = RUN) -> None:
    numbers = {"": value, ".low": value - 0.04, ".high": value + 0.04}
    judged_to(config, run_id, **{f"all.final.ndcg{end}": number for end, number in numbers.items()})


@pytest.fixture
def config(tmp_path: Path) -> FullConfig:
    return FullConfig(home=tmp_path)


# The difference's half interval is 0.05 = (0.03^2 + 0.04^2)^0.5, and a tenth is tolerated.
@pytest.mark.parametrize(("promised", "falls"), [(0.25, False), (0.33, False), (0.335, True), (0.4, True)])
def test_a_run_fell_where_the_whole_interval_is_below_what_is_tolerated(
    config: FullConfig, promised: float, falls: bool
) -> None:
    promise(config, promised)
    assert bool(since_publication.fallen([row()], config)) is falls
    loose = config.model_copy(update={"evaluate": config.evaluate.model_copy(update={"drift_tolerance": 0.5})})
    assert since_publication.fallen([row()], loose) == []


def test_only_whole_horizons_of_runs_that_were_read_are_compared(config: FullConfig) -> None:
    for run_id in (RUN, NEWER):
        promise(config, 0.5, run_id)
    assert since_publication.fallen([row(days=13)], config) == []
    assert since_publication.fallen([row(was_active=False)], config) == []
    assert since_publication.fallen([row(run_id="2011-09-01-unknown0")], config) == []  # what it promised is lost
    (said,) = since_publication.fallen([row(NEWER, days=7), row(RUN)], config)
    assert f"run {RUN} had ndcg@10 0.2500 [0.2200, 0.2800], 40 users, and was judged to have 0.5000" in said
    assert since_publication.fallen([row(NEWER, ndcg=0.5), row(RUN)], config) == []  # the newest whole one counts


def test_surfaces_that_show_something_else_than_was_judged_are_not_compared(config: FullConfig) -> None:
    promise(config, 0.5)
    for rules in (
        {"where": "price > 1"},
        {"exclude_seen_days": 3},
        {"diversity": 0.1},
        {"long_tail": 1},
        {"calibrated_mix": 0.5},
        {"min_exposure": 0.5},
        {"max_per_category": 2},
        {"k": 9},
        {"explore": {"slots": [1, 2, 3]}},
    ):
        changed = config.model_copy(update={"surfaces": (Surface.model_validate({"name": "for_you"} | rules),)})
        assert since_publication.fallen([row()], changed) == []


def test_the_report_lists_the_runs_beside_what_they_were_judged_to(config: FullConfig) -> None:
    promise(config, 0.3)
    rows = [row(NEWER, days=7, impressions=0, clicks=0), row(RUN, impressions=0, clicks=0), row(surface="<b>")]
    ((title, html),) = since_publication.section(rows, config, ["a <run> fell"])
    assert title == "Since publication"
    assert html.index("2011-09-25") < html.index("2011-09-18")
    assert "<td>0.300</td><td>0.250</td><td>0.220 to 0.280</td>" in html
    assert "a &lt;run&gt; fell" in html
    assert "clicked" not in html
    assert "clicked" in since_publication.section([row()], config, [])[0][1]
    assert since_publication.section([], config, []) == []


def evaluated(made: Night, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What `evaluate` reports of a night that has these outcomes."""
    pq.write_table(pa.Table.from_pylist(rows, schema=OUTCOMES), made.folder("outcomes") / "outcomes.parquet")
    out = artifacts.stage_dir(made.config.lake, "evaluate", made.night)
    out.mkdir(parents=True, exist_ok=True)
    return evaluate.run(**made.inputs(), run_date=made.night, config=made.config, out=out)


def test_a_fall_is_said_and_stops_only_where_it_is_told_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = make(tmp_path)
    run_id = f"{made.night - timedelta(days=14)}-aaaaaaaa"
    promise(made.config, 0.6, run_id)
    report = evaluated(made, [row(run_id)])
    assert "a published run did worse than it was judged to: surface 'for_you'" in caplog.text
    assert report["gate"] == "first publication"
    assert (report["since.for_you.run"], report["since.for_you.ndcg"]) == (run_id, 0.25)
    page = (made.folder("evaluate") / "report.html").read_text()
    assert "Since publication" in page
    caplog.clear()
    evaluated(told(made, "off"), [row(run_id)])
    assert "worse than it was judged" not in caplog.text
    with pytest.raises(GateError, match="surface 'for_you': on the 14 days since"):
        evaluated(told(made, "stop"), [row(run_id)])


def told(made: Night, drift: str) -> Night:
    """The night with evaluate.drift set."""
    settings = made.config.evaluate.model_copy(update={"drift": drift})
    made.config = made.config.model_copy(update={"evaluate": settings})
    return made
