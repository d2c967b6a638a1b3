"""The example shop's real log as if it were written today, for tests that need a night the scheduler would run now.

Every date is moved by a multiple of 28 days, so a Saturday stays a Saturday (the shop is closed) and the weekly and
monthly work falls on the days it would have fallen on. One customer in six is kept and the encoder is a tiny one, which
makes a night cheap.
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb

from tests.conftest import EXAMPLE
from tests.encoder.tiny_encoder import write_tiny_bert

FIRST = date(2010, 6, 6)
"""The scheduled night is one of the 28 that begin with this one."""
MONTHS = ("2009-12", *(f"2010-{month:02}" for month in range(1, 8)))

SETTINGS = """
label_windows = 3
window_stride_days = 14
threads = 2
[als]
factors = 16
[fine_tune]
model = "MODEL"
steps = 1
max_tokens = 16
[fusion]
rounds = 5
[ingest]
allow_empty = true
max_reject_share = 0.9
[ingest.events]
files = "logs/{year}-{month}.csv"
sql = "events.sql"
[ingest.items]
files = "logs/{year}-{month}.csv"
sql = "items.sql"
[features.event_types.purchase]
weight = 1.0
label = true
[features.event_types.return]
weight = -1.0
[evaluate]
block = false  # so few customers are judged that chance would close the gate
[checks.severity]
volume = "warn"  # a sixth of a shop has nights of a few dozen events
freshness = "warn"
[publish]
max_churn = 1.0
"""


def write(folder: Path, night: date, more: str = "") -> Path:
    """Write a shop whose log reaches beyond `night`.

    Args:
        folder: gets logs, mappings and the configuration.
        night: the newest night that is to be run.
        more: lines for the configuration's [publish].
    Returns:
        The configuration.
    """
    days = (night - FIRST).days // 28 * 28
    (folder / "logs").mkdir(parents=True)
    for name in ("events.sql", "items.sql"):
        shutil.copyfile(EXAMPLE.parent / name, folder / name)
    with duckdb.connect(config={"threads": 2}) as connection:
        files = [str(EXAMPLE.parent / "logs" / f"{month}.csv.zst") for month in MONTHS]
        connection.execute(
            """
            create table log as
            select * replace (strftime(InvoiceDate::timestamp + to_days($days), '%Y-%m-%d %H:%M:%S') as InvoiceDate)
            from read_csv($files, all_varchar = true)
            where CustomerID is null and hash(InvoiceNo) % 6 = 0 or hash(CustomerID) % 6 = 0
            """,
            {"days": days, "files": files},
        ).fetchall()
        months = connection.execute("select distinct InvoiceDate[:7] from log order by all").fetchall()
        for (month,) in months:
            relation = connection.sql("from log where InvoiceDate[:7] = $month", params={"month": month})
            relation.write_csv(str(folder / "logs" / f"{month}.csv"), header=True)
    path = folder / "pipeline.toml"
    model = write_tiny_bert(folder / "model")
    path.write_text(SETTINGS.replace("MODEL", str(model)) + more, encoding="utf-8")
    return path
