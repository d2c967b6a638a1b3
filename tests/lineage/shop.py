"""A small shop whose nights are followed, and the file that its events are sent to."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.lineage import sending
from pipeline.operations import stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import shop

START, DAYS, USERS, ITEMS = date(2024, 1, 1), 50, 40, 30
NIGHT = START + timedelta(days=DAYS - 1)
EVENTS = """
with lines as (select *, try_cast(stars as double) as rated from raw)
select buyer as user_id, sku as item_id, try_cast(moment as timestamp) as event_time, lower(what) as event_type,
    rated as value, try_cast(paid as double) as price, _file, _row
from lines
where what is not null
"""
ITEM_SQL = 'select code as item_id, "name" as title, blurb as text, try_cast(cost as double) as price, _file from raw'
SETTINGS: dict[str, Any] = {
    "fine_tune": {"steps": 4, "epochs": 1, "layers": 2},
    "horizon_days": 7,
    "label_windows": 3,
    "threads": 1,
    "block_users": 16,
    "als": {"factors": 8},
    "explanations": {"ranks": 3},
    "fusion": {"rounds": 10, "ablation_rounds": 5, "activity_rounds": 10, "alpha_step": 0.5, "negatives": 20},
}


def write(folder: Path) -> FullConfig:
    """A log of every day, a catalogue, and a configuration."""
    (folder / "logs").mkdir(parents=True)
    rng = random.Random(5)
    for day in (START + timedelta(days=n) for n in range(DAYS)):
        lines = ["buyer,sku,moment,what,stars,paid,unused"]
        for user in range(USERS):
            for kind in ("VIEW", "PURCHASE") if rng.random() < 0.5 else ():
                item = (user * 5 + rng.randrange(9)) % ITEMS
                lines.append(
                    f"u{user},i{item},{day} 1{rng.randrange(10)}:00:00,{kind},{rng.randrange(1, 6)},{item}.5,x"
                )
        (folder / "logs" / f"{day}.csv").write_text("\n".join(lines) + "\n")
    rows = [f"i{n},THING {n},a thing of {n},{n}.5" for n in range(ITEMS)]
    (folder / "things.csv").write_text("\n".join(["code,name,blurb,cost", *rows]) + "\n")
    (folder / "things.sql").write_text(ITEM_SQL)
    given = {"items": {"files": "things.csv", "sql": "things.sql"}}
    return shop(folder, files="logs/{year}-{month}-{day}.csv", mapping=EVENTS, ingest=given, **SETTINGS)


@contextmanager
def sent_to(file: Path) -> Iterator[None]:
    """The official client's file transport, as its environment variables have it."""
    variables = {"TYPE": "file", "LOG_FILE_PATH": str(file), "APPEND": "true"}
    with collected({f"OPENLINEAGE__TRANSPORT__{name}": value for name, value in variables.items()}):
        yield


@contextmanager
def collected(variables: dict[str, str]) -> Iterator[None]:
    """Lineage as variables of the environment have it, and nothing of it afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sending._Pause, "until", 0.0)
        patch.setattr(sending._Pause, "is_said", False)
        sending._client.cache_clear()
        yield
    sending._client.cache_clear()


def events(file: Path) -> list[dict[str, Any]]:
    """What was sent to a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@contextmanager
def watched() -> Iterator[dict[str, set[tuple[str, str]]]]:
    """The files of the lake that each stage opens, Parquet and NumPy: (stage, path in its folder)."""
    found: dict[str, set[tuple[str, str]]] = {}
    running: list[str] = []

    def note(path: object) -> None:
        parts = str(path).split("/run_date=")
        if running and len(parts) == 2 and isinstance(path, str | Path):
            stage, inside = parts[0].rsplit("/", 1)[-1], parts[1].partition("/")[2]
            if stage != running[-1]:
                found.setdefault(running[-1], set()).add((stage, inside))

    call, opened, loaded, whole = stages.call, pq.ParquetFile.__init__, np.load, pq.read_table

    def calling(stage: str, *args: Any) -> Any:
        running.append(stage)
        try:
            return call(stage, *args)
        finally:
            running.pop()

    def opening(self: pq.ParquetFile, source: Any, *args: Any, **named: Any) -> None:
        note(source)
        opened(self, source, *args, **named)

    def loading(file: Any, *args: Any, **named: Any) -> Any:
        note(file)
        return loaded(file, *args, **named)

    def reading(source: Any, *args: Any, **named: Any) -> Any:
        note(source)
        return whole(source, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "call", calling)
        patch.setattr(pq, "read_table", reading)
        patch.setattr(pq.ParquetFile, "__init__", opening)
        patch.setattr(np, "load", loading)
        yield found
