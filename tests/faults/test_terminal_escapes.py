"""A log, a mapping or a file's name that holds escapes steers no terminal, whatever is printed or logged of it."""

import logging
from pathlib import Path

import pytest

from pipeline import __main__
from pipeline.ground import terminal

ESCAPES = ("\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\u202e")
ESCAPE = "".join(ESCAPES)
HEAD = "user,item,ts,type"
SELECT = """select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type,
_file, _row"""


def said(tmp_path: Path, capfd: pytest.CaptureFixture[str], mapping: str, lines: list[str], name: str = "log") -> str:
    """What `load-history` prints and logs."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / f"{name}.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    (tmp_path / "events.sql").write_text(mapping)
    config = tmp_path / "pipeline.toml"
    config.write_text(f'home = "{tmp_path}/home"\n[ingest.events]\nfiles = "logs/*.csv"\nsql = "events.sql"\n')
    logging.getLogger().handlers.clear()
    __main__.main(["--config", str(config), "load-history", "--until", "2024-01-01"])
    out, err = capfd.readouterr()
    return out + err


@pytest.mark.parametrize(
    ("mapping", "lines", "name"),
    [
        (f"{SELECT}, '{ESCAPE} refused' as reject_reason from raw", ["u,i,2024-01-01,purchase"] * 3, "log"),
        (f"{SELECT}, case when item = 'x' then '{ESCAPE} refused' end as reject_reason from raw",
         [*(f"u,i{n},2024-01-01,purchase" for n in range(30)), "u,x,2024-01-01,purchase"], "log"),
        (f"{SELECT} from raw", [f"u,{ESCAPE} refused,never,purchase"] * 3, "log"),
        (f"{SELECT} from raw", [f"u,i,2024-01-01,{ESCAPE} refused"] * 3, "log"),
        (f"{SELECT}, item::int as price from raw", [f"u,{ESCAPE} refused,2024-01-01,purchase"], "log"),
        (f"{SELECT}, \"{ESCAPE} refused\" as query from raw", ["u,i,2024-01-01,purchase"], "log"),
        (f"{SELECT}, error('{ESCAPE} refused') as query from raw", ["u,i,2024-01-01,purchase"], "log"),
        (f"{SELECT} from raw where '{ESCAPE} refused", ["u,i,2024-01-01,purchase"], "log"),
        (f"{SELECT} from \"{ESCAPE} refused\"", ["u,i,2024-01-01,purchase"], "log"),
        (f"{SELECT} from raw", ["u,i,never,purchase"] * 3, f"{ESCAPE} refused".replace("\x07", "")),
    ],
)  # fmt: skip
def test_nothing_that_steers_it_is_printed_or_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mapping: str, lines: list[str], name: str
) -> None:
    text = said(tmp_path, capfd, mapping, lines, name)
    assert "refused" in text, "it is quoted"
    assert [c for c in text if c in ESCAPE and ord(c) not in range(0x20, 0x7F)] == []
    assert terminal.harmless(text) == text


def test_other_packages_log_as_they_do(caplog: pytest.LogCaptureFixture) -> None:
    terminal.guard_logs()
    terminal.guard_logs()
    logging.getLogger("other").warning("\x1b[1m%s", "bold")
    logging.getLogger("pipeline.other").warning("\x1b[1m%s", "bold")
    assert caplog.messages == ["\x1b[1mbold", "[1mbold"]


def test_a_record_that_is_made_without_a_name_is_one() -> None:
    """As Airflow's formatter makes them, of another record's content."""
    terminal.guard_logs()
    made = logging.makeLogRecord({"name": "pipeline.x", "msg": "taken over"})
    assert (made.name, made.getMessage()) == ("pipeline.x", "taken over")
