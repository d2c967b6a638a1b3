"""A mapping that would take all the memory is refused before it runs; it is tried in a process with bounds."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.intake import dry_run
from pipeline.operations import check
from tests.tiny_log import ITEMS, MAPPING, ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
HUGE = [
    "len(range(2000000000))::varchar",
    "length(repeat('a', 2000000000) || item)::varchar",
    "length(lpad(item, 2000000000, 'x'))::varchar",
    "list_reduce(range(40)::varchar[], lambda x, y: x || x)",
    "len(list_transform(range(100000), lambda x: range(100000)))::varchar",
]


def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments that processes are given from here on."""
    given: list[dict[str, str]] = []
    run = dry_run.subprocess.run
    monkeypatch.setattr(dry_run.subprocess, "run", lambda *args, **kw: (given.append(kw["env"]), run(*args, **kw))[1])
    return given


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "log.jsonl", [row("u", f"i{n}", f"{NIGHT} 10:00:{n:02}") for n in range(30)])
    return tmp_path


@pytest.mark.parametrize("item", HUGE)
@pytest.mark.few(2)
def test_what_takes_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, item: str) -> None:
    monkeypatch.setattr(dry_run, "MEMORY_MB", 256)  # is filled sooner; the next test fills what there is
    config = shop(folder, mapping=MAPPING.replace("item as item_id", f"{item} as item_id"))
    said = r"events\.sql needs more than 256 MiB of memory, or 20 s .*write it so that it takes less"
    with pytest.raises(InputError, match=said):
        ingest(config, NIGHT)


def test_a_check_and_the_items_are_tried_too(folder: Path) -> None:
    config = shop(folder, items=ITEMS.replace("upper(item)", HUGE[0]))
    (problem,) = check.check(config).problems
    assert "items.sql needs more than 1,024 MiB" in problem


def test_what_takes_little_runs_and_sees_no_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "secret")
    given = asked(monkeypatch)
    mapping = MAPPING.replace("item as item_id", "lpad(item, 4, '0') || len(range(1000)) || nothing as item_id")
    mapping = mapping.replace("|| nothing", "|| coalesce(nothing, '')")
    config = shop(folder, mapping=mapping)
    assert {e["item_id"] for e in rows_of(ingest(config, NIGHT))} >= {"00i41000"}
    assert len(given) == 1
    assert "secret" not in "".join(given[0].values())


@pytest.mark.parametrize("source", ["raw", "raw, range(2) as r(n)"])
def test_other_mappings_start_no_process(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    given = asked(monkeypatch)
    ingest(shop(folder, mapping=MAPPING.replace("raw", source), items=ITEMS), NIGHT)
    assert given == []
