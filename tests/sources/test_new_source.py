"""A new source is one module and one line: it is fitted, fused, judged, reported, wired and shown."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

NIGHT = date(2025, 6, 28)

MODULE = '''
"""What came last: the newest items, for everybody."""

import numpy as np

from pipeline.settings.sections.base import SourceSection
from pipeline.sources.candidates import make_parts, write_source
from pipeline.sources.contract import CandidateList, Source


class Newest(SourceSection):
    """The newest items."""

    candidates: int = 30
    """Length of the lists."""


SOURCE = Source(Newest, lists=(CandidateList("newest", "What came last", says="everybody"),))


def run(*, features, config, section, memo):
    """Write the list `newest` of every cut-off."""

    def make(cutoff, previous, folder):
        def score(users):
            return np.tile(np.arange(1, cutoff.items + 1, dtype=np.float32), (len(users), 1))

        write_source(folder, "newest", cutoff, score, section=section, config=config)

    return make_parts("newest", make, features=features, memo=memo, config=config)
'''
LINE = '    "newest": (),\n'
SETTINGS = {
    "label_windows": 5,
    "newest.candidates": 25,
    "als.factors": 8,
    "fusion.rounds": 5,
    "fusion.ablation_rounds": 5,
    "fusion.activity_rounds": 5,
    "fusion.alpha_step": 0.5,
    "fusion.negatives": 20,
    "ensemble.members": ["hybrid", "newest"],
    "ensemble.final": "newest",  # so that what is shown is its own
    "evaluate.block": False,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which the source was added, and a night of the starter shop run with it."""
    copy = tmp_path_factory.mktemp("project")
    for folder in ("pipeline", "sql", "dags"):
        shutil.copytree(ROOT / folder, copy / folder)  # with what is compiled of it
    (copy / "pipeline" / "sources" / "newest.py").write_text(MODULE, encoding="utf-8")
    registry = copy / "pipeline" / "sources" / "__init__.py"
    before, brace, after = registry.read_text(encoding="utf-8").partition("\n}\n")
    registry.write_text(f"{before}\n{LINE.rstrip()}{brace}{after}", encoding="utf-8")
    flags = [flag for name, value in SETTINGS.items() for flag in ("--set", f"{name}={json.dumps(value)}")]
    python(copy, "-m", "pipeline", "init", "shop")
    python(copy, "-m", "pipeline", *flags, "run", "--run-date", str(NIGHT), "--with-history")
    return copy


def python(project: Path, *arguments: str) -> str:
    """Run Python in the copy; what it printed."""
    environment = os.environ | {
        "PYTHONPATH": str(project),
        "NIGHTJAR_HOME": str(project / "home"),
        "NIGHTJAR_CONFIG": str(project / "shop" / "pipeline.toml"),
        "AIRFLOW_HOME": str(project / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    run = [sys.executable, *arguments]
    done = subprocess.run(run, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def folder(project: Path, stage: str) -> Path:
    return artifacts.stage_dir(project / "home" / "lake", stage, NIGHT)


def test_it_is_fitted_with_its_settings(project: Path) -> None:
    (tonight,) = folder(project, "newest").glob(f"cutoff={NIGHT}")
    items, scores = lists.read_list(tonight, "all", "newest")
    assert items.shape[1] == 25
    assert (items[:, 0] == items[:, 0].max()).all()
    assert (scores[:, 0] == items[:, 0] + 1).all()


def test_it_is_fused(project: Path) -> None:
    assert "newest" in json.loads((folder(project, "fusion") / "sources.json").read_text())
    importance = pq.read_table(folder(project, "fusion") / "fold=publish" / "importance.parquet")
    assert {"newest.rank", "newest.rank_new", "newest.score"} <= set(importance.column("feature").to_pylist())


def test_it_is_judged_and_reported(project: Path) -> None:
    metrics = pq.read_table(folder(project, "evaluate") / "metrics.parquet", partitioning=None)
    assert "newest" in metrics.column("list").to_pylist()
    assert "What came last" in (folder(project, "evaluate") / "report.html").read_text(encoding="utf-8")


def test_it_is_shown(project: Path) -> None:
    table = pq.read_table(folder(project, "publish") / "recommendations.parquet", partitioning=None)
    assert "newest" in set(table.column("source").to_pylist())
    user = table.column("user_id")[0].as_py()
    assert f"user {user}" in python(project, "-m", "pipeline", "show", "--user", user)


def test_it_is_a_task_of_the_dag(project: Path) -> None:
    read = (
        "import sys; sys.path.insert(0, 'dags'); import nightly_recommendations as m; d = m.nightly_recommendations();"
        "print(sorted(d.get_task('newest').upstream_task_ids), 'newest' in d.get_task('fusion').upstream_task_ids)"
    )
    assert python(project, "-c", read).splitlines()[-1] == "['features'] True"
