"""What holds of copies whatever their kind."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from pipeline.ground.errors import InputError, PublishError, UnavailableError
from pipeline.publication import following, publish, stores
from pipeline.publication.tables import published
from pipeline.published.copies import contract
from pipeline.published.copies.lists import Lists
from pipeline.settings.sections.copies import PublishedCopy
from tests.on_disk import everything_under
from tests.published.copies.shops import A, B, CopiedShop, K, shop
from tests.published.targets import runs
from tests.published.targets.runs import USERS
from tests.redis_server import Server
from tests.search_server import SearchServer


def lake(made: CopiedShop, name: str) -> dict[str, int]:
    """The rows of each run in a copy's recommendations."""
    ids = DeltaTable(str(made.config.home / name / "recommendations")).to_pyarrow_table().column("run_id")
    return {entry["values"]: entry["counts"] for entry in ids.value_counts().to_pylist()}


def test_a_shop_without_copies_imports_none() -> None:
    said = (
        "import sys, pipeline.publication.publish, pipeline.operations.forget\n"
        "from pipeline.publication import following\n"
        "from pipeline.sources.configuration import FullConfig\n"
        "following.require(FullConfig()), following.follow(FullConfig())\n"
        "unwanted = ('pipeline.published.copies', 'deltalake', 'redis', 'opensearch')\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("package", "settings"),
    [
        ("deltalake", {"kind": "delta", "place": "lakehouse"}),
        ("redis", {"kind": "redis", "connection": "serving"}),
        ("opensearchpy", {"kind": "opensearch", "connection": "serving"}),
    ],
)
def test_a_client_that_is_not_installed_is_said_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, settings: dict[str, Any]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    made = shop(tmp_path, one=settings)
    with pytest.raises(InputError, match=rf"kind '{settings['kind']}'.*pip install '\.\[copies\]'"):
        following.require(made.config)


def test_a_publication_refuses_before_it_makes_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import small_shop

    monkeypatch.delenv("NIGHTJAR_CONNECTION_SERVING", raising=False)
    made = small_shop.shop(tmp_path).write()
    copies = {"serving": PublishedCopy(kind="redis", connection="serving")}
    section = made.config.publish.model_copy(update={"copies": copies})
    made.config = made.config.model_copy(update={"publish": section})
    with pytest.raises(InputError, match="NIGHTJAR_CONNECTION_SERVING"):
        small_shop.go(made)
    assert publish.active_run(made.config) is None


def test_one_that_fails_keeps_no_other_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_CONNECTION_AWAY", "redis://127.0.0.1:1")
    made = shop(
        tmp_path,
        first={"kind": "redis", "connection": "away"},
        broken={"kind": "delta", "place": "broken"},
        last={"kind": "delta", "place": "lakehouse"},
    )
    made.config.home.mkdir(exist_ok=True)
    (made.config.home / "broken").write_text("a file")
    made.activate(A)
    with pytest.raises(UnavailableError, match=r"copies are behind: copy 'first' \(redis\).*; copy 'broken' \(delta\)"):
        following.follow(made.config)
    assert lake(made, "lakehouse") == {A: K * len(USERS)}


def test_nothing_is_done_before_the_first_publication(tmp_path: Path) -> None:
    made = shop(tmp_path, lake={"kind": "delta", "place": "lakehouse"})
    following.follow(made.config)
    following.follow(made.config, alone=True)
    assert not (made.config.home / "lakehouse").exists()


def test_where_the_target_has_no_run_any_more_nobody_is_left_in_a_copy(
    tmp_path: Path, redis_server: Server, search_server: SearchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its tables are lost, and then somebody is to be forgotten."""
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", redis_server.url)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SEARCH", search_server.url)
    made = shop(
        tmp_path,
        lake={"kind": "delta", "place": "lakehouse"},
        files={"kind": "opensearch", "place": "search_files"},
        serving={"kind": "redis", "connection": "serving", "prefix": "left"},
        search={"kind": "opensearch", "connection": "search", "prefix": "left"},
    )
    made.publish(A, users=("person-77",))
    (made.config.tables / "current.duckdb").unlink()
    following.follow(made.config)
    assert lake(made, "lakehouse") == {A: K}, "a publication will have it; until then readers keep what they have"
    following.follow(made.config, alone=True)
    assert lake(made, "lakehouse") == {}
    assert [name for name in ("lakehouse", "search_files") if b"person-77" in everything_under(tmp_path / name)] == []
    assert list(redis_server.client().scan_iter("left:*")) == []
    assert search_server.client().indices.get_mapping(index="left-*") == {}


def test_a_run_whose_files_are_gone_is_said(tmp_path: Path) -> None:
    made = shop(tmp_path, lake={"kind": "delta", "place": "lakehouse"})
    made.activate(A)
    made.file(A, "similar_items").unlink()
    with pytest.raises(PublishError, match=f"run_id={A} is not whole.*publish its night again"):
        following.follow(made.config)


def test_copies_follow_postgres_too(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = runs.make("postgres", tmp_path, request, monkeypatch)
    copies = {"lake": PublishedCopy(kind="delta", place="lakehouse")}
    section = target.config.publish.model_copy(update={"copies": copies})
    made = CopiedShop(target.config.model_copy(update={"publish": section}))
    for run_id in (A, B):
        made.publish(run_id)
    assert lake(made, "lakehouse") == {B: K * len(USERS)}
    publish.rollback(made.config)
    assert lake(made, "lakehouse") == {A: K * len(USERS)}


def test_a_load_is_named_by_what_the_files_say(tmp_path: Path) -> None:
    made = shop(tmp_path)
    made.activate(A)
    folder, tables = stores.archive(made.config).path(A), published()
    before = contract.load_of(A, folder, tables)
    assert before.startswith(f"{A}-")
    assert before == contract.load_of(A, folder, tables)
    made.activate(A, users=("u", "v"))
    assert contract.load_of(A, folder, tables) != before


def test_lists_are_of_every_table_that_is_looked_up() -> None:
    found = {table.name: Lists.of(table) for table in published()}
    assert {name: one and (one.field, one.within, one.ranked) for name, one in found.items()} == {
        "runs": ("run_id", (), False),
        "recommendations": ("user_id", ("surface",), True),
        "similar_items": ("item_id", (), True),
        "popular_items": ("segment", (), True),
        "search_results": ("query", (), True),
        "search_terms": ("term", (), True),
        "user_profiles": ("user_id", (), False),
        "recommendation_outcomes": None,
        "audiences": ("about", ("audience",), True),
        "document_labels": None,
        "labels_wanted": ("label_set", (), True),
        "entity_sentiment": None,
        "entity_events": None,
        "topics": ("topic_id", (), False),
        "question_clusters": ("cluster_id", (), False),
        "answers": ("cluster_id", (), True),
        "unanswered": ("cluster_id", (), False),
        "exposure": None,
        "explanations": ("user_id", ("surface",), True),
        "data_checks": None,
    }
