"""docs/runbook.md, as written: every block of it is run by a shell, in order, on one small shop."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.publication import publish
from pipeline.sources.configuration import FullConfig
from tests.conftest import EXAMPLE, NIGHT, ROOT, SMALL, small_config

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
BAD = {"ensemble": {"members": ["popularity"], "final": "popularity"}}
WORDS = {"fine_tune": {"model": "none"}}
"""An item is known by its words: nothing on the page is about the language model, and half of the time would be."""
SOMEBODY = "12748"


def blocks() -> dict[str, list[str]]:
    """The page's `sh` blocks by heading; those before the first heading under ""."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", "\n" + PAGE, flags=re.MULTILINE):
        heading = part.splitlines()[0] if found or not part.startswith("\n") else ""
        found[heading] = re.findall(r"^```sh\n(.*?)^```$", part, flags=re.MULTILINE | re.DOTALL)
    return found


class Shop:
    """A folder for everything, and the operator's shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.toml = home / "pipeline.toml"
        self.configure({})

    def configure(self, over: dict[str, object]) -> None:
        """Write pipeline.toml: the example's, small, with `over` on top."""
        sections = SMALL | WORDS | over
        plain = "\n".join(f"{k} = {json.dumps(v)}" for k, v in sections.items() if not isinstance(v, dict))
        tables = [
            f"[{k}]\n" + "\n".join(f"{a} = {json.dumps(b)}" for a, b in v.items())
            for k, v in sections.items()
            if isinstance(v, dict)
        ]
        text = "\n".join(
            [f"folder = {json.dumps(str(EXAMPLE.parent))}", plain, EXAMPLE.read_text(encoding="utf-8"), *tables]
        )
        self.toml.write_text(text + "\n", encoding="utf-8")

    @property
    def config(self) -> FullConfig:
        return small_config(self.home)

    def active(self) -> str:
        found = publish.active_run(self.config)
        return found.run_id if found else ""

    def type(self, block: str, fails: bool = False) -> str:
        """Run a block after the page's first one; its output."""
        script = "\n".join(["set -eu", *blocks()[""], block]).replace(".venv/bin/python", sys.executable)
        known = {
            "NIGHTJAR_CONFIG": str(self.toml),
            "NIGHTJAR_HOME": str(self.home),
            "NIGHT": str(NIGHT),
            "SOMEBODY": SOMEBODY,
        }
        done = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=os.environ | known, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


def rows_of(shop: Shop, user: str) -> int:
    with duckdb.connect(str(shop.config.tables / "current.duckdb"), read_only=True) as tables:
        query = "select count(*) from current_recommendations where user_id = $user"
        return int(tables.execute(query, {"user": user}).fetchall()[0][0])


def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    shop, page = Shop(tmp_path), blocks()
    shop.type(page["First deployment"][0])
    first = shop.active()
    assert first.startswith(str(NIGHT))
    shop.type(page["A night's log is missing, empty or cut"][0])

    shop.configure(BAD)
    again, in_spite = page["The gate is closed"]
    assert "GateError" in shop.type(again, fails=True)
    assert shop.active() == first
    shop.type(in_spite)
    bad = shop.active()
    assert bad != first
    shop.configure({})

    shop.type(page["A rollback"][0])
    assert shop.active() == first
    shop.configure(BAD)  # the gate compares with the run that is active, not with the night's latest one
    assert "GateError" in shop.type(again, fails=True)
    assert shop.active() == first
    shop.configure({})
    shop.type(page["A backfill"][0])
    assert shop.active() == first

    tables, lake = page["A lost disk"]
    shop.type(tables)
    assert shop.active() == first
    shop.type(lake)
    assert shop.active() == first

    assert rows_of(shop, SOMEBODY) > 0
    shop.type(page["Somebody asks to be forgotten"][0])
    assert rows_of(shop, SOMEBODY) == 0
    shop.type(page["The disk fills up"][0])


def test_every_block_is_run() -> None:
    run = re.findall(r'page\["([^"]+)"\]', Path(__file__).read_text(encoding="utf-8"))
    assert {heading for heading, found in blocks().items() if found} == {*run, ""}
