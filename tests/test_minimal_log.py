"""A log of user, item, time and type, and nothing else: a night of Deskdrop with every default."""

import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks import scoring
from tests.conftest import ROOT, command, settings

DESKDROP = ROOT / "examples" / "deskdrop"
NIGHT, HORIZON = date(2016, 5, 15), 14
EVENTS = """
select md5(concat_ws('|', user, item, time, type)) as event_id, user as user_id, item as item_id,
    try_cast(time as timestamptz) as event_time, type as event_type, _file, _row
from raw
"""
TOML = """
[ingest.events]
files = "log.csv"
sql = "events.sql"
"""
FAST = {"label_windows": 5, "als": {"factors": 32}, "fine_tune": {"steps": 0}, "fusion": {"rounds": 40}}


def write_shop(folder: Path) -> Path:
    """The types that Nightjar knows without being told, among them none of a purchase; the configuration's path."""
    statement = """
        copy (
            select distinct personId as user, contentId as item, make_timestamp(timestamp * 1000000) || 'Z' as time,
                case eventType when 'COMMENT CREATED' then 'comment' else lower(eventType) end as type
            from read_csv($files) where eventType in ('VIEW', 'LIKE', 'COMMENT CREATED') order by all
        ) to '{}' (header)
    """
    with duckdb.connect() as connection:
        files = str(DESKDROP / "logs" / "2016-0[345].csv.zst")
        connection.execute(statement.format(folder / "log.csv"), {"files": files})
    (folder / "events.sql").write_text(EVENTS)
    (folder / "pipeline.toml").write_text(TOML)
    return folder / "pipeline.toml"


@pytest.mark.slow
def test_a_minimal_log_runs_and_is_better_than_best_sellers(tmp_path: Path) -> None:
    pipeline = [sys.executable, "-m", "pipeline", "--config", str(write_shop(tmp_path)), *settings(FAST)]
    home = tmp_path / "home"
    command(*pipeline, "load-history", "--before", str(NIGHT), home=home)
    said = command(*pipeline, "run", "--run-date", str(NIGHT), home=home)
    assert "every behaviour that speaks for an item is the goal (" in said.stdout + said.stderr

    published = pq.read_table(home / "lake" / "publish" / f"run_date={NIGHT}" / "recommendations.parquet")
    history = scoring.grouped(scoring.purchases(DESKDROP, scoring.BEGINNING, NIGHT))
    truth = scoring.grouped(scoring.purchases(DESKDROP, NIGHT, NIGHT + timedelta(days=HORIZON)))
    for surface, protocol in (("for_you", "all"), ("discover", "new")):
        ours = scoring.per_user(scoring.by_user(published, surface), truth, history, protocol)[0]
        best = dict.fromkeys(history, best_sellers(NIGHT, history, protocol))
        assert ours.mean() > 1.5 * scoring.per_user(best, truth, history, protocol)[0].mean() > 0


def best_sellers(night: date, history: scoring.Acted, protocol: str) -> list[str]:
    """The items of the last 28 days by their users; under `new`, enough that known ones can be left out."""
    recent = scoring.purchases(DESKDROP, night - timedelta(days=28), night)
    items, users = np.unique(recent["item_id"].to_numpy(zero_copy_only=False), return_counts=True)
    most = 50 + (max(map(len, history.values())) if protocol == "new" else 0)
    return [str(i) for i in items[np.argsort(-users, kind="stable")][:most]]
