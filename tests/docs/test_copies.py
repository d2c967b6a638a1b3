"""The programs of docs/copies.md, as they stand there, but for the servers' addresses."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.published.copies.shops import A, K, shop
from tests.redis_server import Server
from tests.search_server import SearchServer

PAGE = (ROOT / "docs" / "copies.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"```python\n# (\w+)\n(.*?)```", PAGE, flags=re.DOTALL))


@pytest.fixture
def servers(redis_server: Server, search_server: SearchServer) -> dict[str, tuple[str, str]]:
    """By kind where the page has a server, and where there is one."""
    return {
        "redis": ("redis://localhost:6379/0", redis_server.url),
        "opensearch": ("http://localhost:9200", search_server.url),
        "delta": ("", ""),
    }


@pytest.mark.parametrize("kind", ["redis", "delta", "opensearch"])
def test_a_program_prints_the_items_of_a_list(
    kind: str,
    tmp_path: Path,
    servers: dict[str, tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written, real = servers[kind]
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVER", real)
    where = {"place": "lakehouse"} if kind == "delta" else {"connection": "server"}
    made = shop(tmp_path / "home", copy={"kind": kind, **where})
    made.publish(A, users=("1", "12748"), surface="for_you")
    monkeypatch.chdir(tmp_path)
    program = PROGRAMS[kind].replace(written, real) if written else PROGRAMS[kind]
    exec(compile(program, "docs/copies.md", "exec"), {})
    assert capsys.readouterr().out.strip() == str([f"i{rank}" for rank in range(1, K + 1)])


def test_the_page_names_every_kind_and_setting() -> None:
    from pipeline.settings.sections.copies import PublishedCopy

    assert [name for name in PublishedCopy.model_fields if f"`{name}`" not in PAGE and f"{name} =" not in PAGE] == []
