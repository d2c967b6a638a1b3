"""What a run says about itself: also what people's privacy has cost, where anything is noised."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pipeline.ground import artifacts
from pipeline.publication.night import Night
from pipeline.publication.tables import runs
from tests.sources import shop


def metrics(folder: Path, **settings: Any) -> dict[str, Any]:
    report = {"cutoffs": 3, "epsilon_per_fit": 3.0, "epsilon_spent": 7.5, "delta": 1e-5, "releases": 4, "private": "so"}
    asked = {"epsilon_spent": 2.5} if "epsilon_queries" in settings.get("privacy", {}) else {}
    stages = {"als": report, "ease": {"epsilon_spent": 1.0}, "evaluate": {"gate": "open"}, "features": asked}
    for name, said in stages.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / artifacts.MANIFEST).write_text(json.dumps({"report": said}))
    night = SimpleNamespace(
        config=shop.config_for(folder, **settings),
        sources={"als": folder / "als", "ease": folder / "ease"},
        features=folder / "features",
        evaluate=folder / "evaluate",
        run_id="2011-05-01-abc",
        run_date=date(2011, 5, 1),
        valid_from=datetime(2011, 5, 2, tzinfo=UTC),
        exposed={},
    )
    (table,) = runs.make(cast(Night, night))
    found: dict[str, Any] = json.loads(table.column("metrics")[0].as_py())
    return found


def test_a_run_without_noise_says_nothing_of_privacy(tmp_path: Path) -> None:
    assert metrics(tmp_path) == {"gate": "open"}


def test_a_run_says_what_its_noise_cost_so_far(tmp_path: Path) -> None:
    assert metrics(tmp_path, privacy={"epsilon_per_fit": 3.0, "epsilon_budget": 30.0}) == {
        "gate": "open",
        "privacy.als.epsilon_per_fit": 3.0,
        "privacy.als.epsilon_spent": 7.5,
        "privacy.als.delta": 1e-5,
        "privacy.als.releases": 4,
    }


def test_what_is_released_of_queries_counts_beside_it(tmp_path: Path) -> None:
    found = metrics(tmp_path, privacy={"epsilon_queries": 1.0, "epsilon_budget": 30.0})
    assert found["privacy.features.epsilon_spent"] == 2.5
