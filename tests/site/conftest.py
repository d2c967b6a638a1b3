"""A shop whose ids, titles and queries mean harm, its site, and a browser."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.ground import artifacts
from pipeline.publication import likeness
from pipeline.site import build
from tests.site import browser
from tests.site.harm import ITEMS, QUERIES, TITLES, USERS
from tests.small_shop import NIGHT, Shop, go, shop

METRICS = {
    "all.final.ndcg": 0.3612,
    "all.final.ndcg.low": 0.35,
    "all.final.ndcg.high": 0.37,
    "new.final.ndcg": 0.1604,
    "all.final.group_gap": 0.1234,
    "all.final.group_gap.low": 0.0321,
    "all.final.group_gap.high": 0.2345,
    "all.best_single": "buy_again",
    "all.best_single.difference": 0.0301,
    "all.best_single.low": 0.01,
    "all.best_single.high": 0.05,
    "gate": "passed",
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two nights, the newer one active; the night after them was held back."""
    home = tmp_path_factory.mktemp("shop")
    vectors = np.array([[1, 0.1, 0], [0, 1, 0]])
    given = {"titles": TITLES, "user_ids": USERS, "item_ids": ITEMS, "metrics": METRICS}
    given |= {"queries": QUERIES, "query_vectors": vectors}
    made = shop(home, **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likeness, "ALIKE", 0.75)  # of the few pairs of eight items one in a hundred is less than one
        for night in (NIGHT - timedelta(days=1), NIGHT):
            _publish(shop(home, night=night, **given))
    blocked = home / "blocked" / f"run_date={NIGHT + timedelta(days=1)}"
    blocked.mkdir(parents=True)
    (blocked / "report.html").write_text("why not")
    return made


def _publish(of: Shop) -> None:
    of.write()
    report = go(of)
    quality = {"events": 6, "duplicates": 1, "late": 2, "left_out": 0}
    for stage, said in (
        ("ingest", {"quality": quality, "rejects": 3, "unusual": {"volume": ["<b>few</b>"]}}),
        ("publish", report),
    ):
        folder = artifacts.stage_dir(of.config.lake, stage, of.night)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = {"stage": stage, "files": {}, "report": said, "seconds": 1.5, "peak_memory_mb": 200}
        artifacts.write_manifest(folder, manifest)
    report_page = artifacts.stage_dir(of.config.lake, "evaluate", of.night) / "report.html"
    report_page.write_text(f"report of {of.night}")


@pytest.fixture(scope="session")
def site(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's site."""
    out = tmp_path_factory.mktemp("out") / "site"
    build.write(made.config, out)
    return out


@pytest.fixture(scope="session")
def published(made: Shop) -> dict[str, pa.Table]:
    """The active run's tables, read by nobody but pyarrow."""
    import pyarrow.parquet as pq

    (folder,) = (made.config.tables / "parquet").glob(f"run_id={NIGHT}*")
    return {path.stem: pq.read_table(path, partitioning=None) for path in folder.glob("*.parquet")}


@pytest.fixture(scope="session")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    """A tab of a browser."""
    with browser.opened(tmp_path_factory.mktemp("browser")) as tab:
        yield tab
