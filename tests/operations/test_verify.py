"""A published run, changed behind the shop's back in every place where it stands."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError, PublishError
from pipeline.operations import verify
from pipeline.publication import handing_over, stores
from pipeline.published import ledger, signing
from tests.published.targets.runs import A, B, Shop, filled, history, tables

KEY = base64.b64encode(bytes(range(32))).decode()


def publish(shop: Shop, run_id: str, **changes: str) -> None:
    """As handing over does."""
    archive, target = stores.archive(shop.config), shop.target
    with target.lock():
        folder = archive.keep(run_id, tables(shop.home / "files" / run_id, run_id, **changes))
        target.load(run_id, folder, history(run_id))
        ledger.publish(shop.config.tables, archive, run_id, {})
        target.activate(run_id, published=True)


def two_runs(shop: Shop) -> None:
    """Publish both."""
    publish(shop, A)
    publish(shop, B, reason="a\x00b")


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.slow)])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A target with two runs, the second one active; a text has what PostgreSQL cannot hold."""
    return filled(request.param, two_runs, tmp_path, request, monkeypatch)


def change(shop: Shop, run_id: str, statement: str) -> None:
    """A statement of somebody who may write the tables."""
    if shop.kind == "duckdb":
        import duckdb

        with duckdb.connect(str(shop.config.tables / "runs" / f"{run_id}.duckdb")) as file:
            file.execute(statement).fetchall()
    else:
        with psycopg.connect(os.environ["NIGHTJAR_DSN"], autocommit=True) as connection:
            connection.execute("set search_path = nightjar")
            connection.execute(statement.encode())


def faults(shop: Shop, **given: str) -> list[str]:
    """What is found."""
    with pytest.raises(PublishError) as found:
        verify.run(shop.config, **given)
    return str(found.value).splitlines()[1:]


def test_what_was_published_is_what_is_there(shop: Shop) -> None:
    told = verify.run(shop.config).splitlines()
    head = ledger.read(shop.config.tables)[-1].hash
    assert told[:2] == [f"ledger: 2 lines, head {head}", "signed: 0 of 2"]
    files = {run_id: len(list(stores.archive(shop.config).path(run_id).iterdir())) for run_id in (A, B)}
    rows = sum(pq.read_metadata(path).num_rows for path in stores.archive(shop.config).path(B).iterdir()) - 1
    assert told[2:] == [f"run {run_id}: {files[run_id]} files, {rows} rows" for run_id in (B, A)]
    assert verify.run(shop.config, head=ledger.read(shop.config.tables)[0].hash)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "update recommendations set item_id = 'mine' where user_id = 'u' and rank = 1",
            "1 rows of its file .*, 1 of the",
        ),
        ("delete from similar_items", r"2 rows of its file are not in the database, 0 of"),
        ("insert into popular_items select * from popular_items where rank = 1", "0 rows of its file.*, 1 of"),
        ("update runs set metrics = '{}'", "what table runs says of it"),
    ],
)
@pytest.mark.few(2)
def test_a_row_that_somebody_changed_is_found(shop: Shop, statement: str, said: str) -> None:
    if shop.kind == "postgres" and "insert" in statement:
        pytest.skip("there the key keeps a row from being there twice")
    change(shop, B, statement)
    assert re.search(said, "\n".join(faults(shop)))


def test_a_view_that_shows_something_else_is_found(shop: Shop) -> None:
    columns = "run_id, surface, user_id, rank, item_id, score, source, reason, policy, propensity"
    shown = columns.replace("user_id", "'u'::text as user_id")
    change(shop, B, "drop view current_recommendations")
    before = (
        "recommendations" if shop.kind == "duckdb" else f"(select '{B}'::text as run_id, * from recommendations) as r"
    )
    change(shop, B, f"create view current_recommendations as select {shown} from {before}")
    assert any("table recommendations" in fault for fault in faults(shop))


@pytest.mark.parametrize("what", ["changed", "is gone", "was not published"])
def test_a_file_that_somebody_changed_is_found(shop: Shop, what: str) -> None:
    path = stores.archive(shop.config).path(A) / "popular_items.parquet"
    table = pq.read_table(path, partitioning=None)
    path.unlink()  # a link to the night's own file
    if what == "changed":
        pq.write_table(pa.concat_tables([table, table]), path)
    elif what == "was not published":
        pq.write_table(table, path)
        path = path.with_name("more.parquet")
        path.write_text("x")
    assert any(f"run {A}: {path.name}" in fault and what in fault for fault in faults(shop))


def test_what_leads_readers_elsewhere_is_found(shop: Shop) -> None:
    if shop.kind == "postgres":
        pytest.skip("there it is the views, see above")
    pointer, elsewhere = shop.config.tables / "current.duckdb", shop.home / f"{B}.duckdb"
    elsewhere.write_bytes(pointer.read_bytes())
    pointer.unlink()
    assert any("current.duckdb leads to no run" in fault for fault in faults(shop))
    pointer.symlink_to(elsewhere)
    assert any("current.duckdb leads elsewhere" in fault for fault in faults(shop))
    (shop.config.tables / "runs" / f"{B}.duckdb").unlink()
    assert any("current.duckdb leads to no run" in fault for fault in faults(shop))


def test_a_run_that_nobody_published_and_a_folder_in_one_are_found(shop: Shop) -> None:
    archive = stores.archive(shop.config)
    (archive.path(A) / "more").mkdir()
    (archive.path(A) / "more" / "x").write_text("x")
    stranger = archive.path("2011-10-04-dddddddd")
    stranger.mkdir()
    (stranger / "runs.parquet").write_bytes((archive.path(A) / "runs.parquet").read_bytes())
    found = "\n".join(faults(shop))
    assert f"run {A}: more/x was not published" in found
    assert "run 2011-10-04-dddddddd stands in no line" in found


def test_people_who_are_half_forgotten_are_told_of(shop: Shop) -> None:
    (shop.home / "receipts").mkdir()
    (shop.home / "receipts" / ".forget-0123456789abcdef.jsonl").write_text("")
    assert any("run `forget` for the same people again" in fault for fault in faults(shop))


def edit(shop: Shop, edited: Callable[[list[str]], list[str]]) -> None:
    path = shop.config.tables / ledger.FILE
    path.write_text("".join(edited(path.read_text().splitlines(keepends=True))))


def test_lines_that_somebody_changed_or_removed_are_found(shop: Shop) -> None:
    head = ledger.read(shop.config.tables)[-1].hash
    edit(shop, lambda lines: [lines[0].replace('"what":"published"', '"what":"Published"'), *lines[1:]])
    assert any("line 2 of the ledger does not follow" in fault for fault in faults(shop))
    edit(shop, lambda lines: lines[1:])
    assert any("line 1 of the ledger does not follow" in fault for fault in faults(shop))
    edit(shop, lambda _: [])
    with pytest.raises(PublishError, match="has no line"):
        verify.run(shop.config)
    publish(shop, A)
    found = faults(shop, head=head)
    assert found[0].startswith(f"no line of the ledger has the hash {head}")
    assert found[1].startswith(f"run {B} stands in no line")


def test_who_approved_a_run_is_told_and_signed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(signing.VARIABLE, KEY)
    handing_over.approve(shop.config, B, "Ann \x1b[2J", "2011-10-04T05:00:00+00:00")
    told = verify.run(shop.config).splitlines()
    assert told[2] == f"approved: run {B}, by Ann \x1b[2J, 2011-10-04T05:00:00+00:00"  # printed as text, see terminal
    file = shop.config.tables / ledger.FILE
    file.write_bytes(file.read_bytes().replace(b"Ann", b"Bob"))
    assert faults(shop) == ["line 3 of the ledger has a signature that is not its key's"]


def test_signatures_are_those_of_the_shop_or_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(signing.VARIABLE, KEY)
    signer = signing.from_environment()
    assert signer is not None
    publish(shop, A, reason="another")
    assert f"signed: 1 of 3, by {signer.public}" in verify.run(shop.config)
    found = faults(shop, signed_by=signer.public)
    assert found == ["line 1 of the ledger is not signed", "line 2 of the ledger is not signed"]
    assert "line 3 of the ledger is signed by" in faults(shop, signed_by="0" * 64)[-1]
    edit(shop, lambda lines: [*lines[:2], lines[2].replace("recommendations.parquet", "recommendation.parquet")])
    assert "line 3 of the ledger has a signature that is not its key's" in faults(shop)
    assert KEY not in (shop.config.tables / ledger.FILE).read_text()


def test_a_damaged_file_is_a_fault_and_no_crash(shop: Shop) -> None:
    path = stores.archive(shop.config).path(A) / "popular_items.parquet"
    path.unlink()
    path.write_bytes(b"PAR1 nothing")
    (path.with_name("runs.parquet")).unlink()
    (path.with_name("runs.parquet")).write_bytes(b"PAR1")
    found = "\n".join(faults(shop))
    assert "table popular_items: cannot be compared" in found
    assert f"run {A} cannot be read whole" in found


def test_what_is_no_key_or_hash_is_refused(shop: Shop) -> None:
    for given in ({"signed_by": "x"}, {"head": "12"}):
        with pytest.raises(InputError, match="64 hexadecimal digits"):
            verify.run(shop.config, **given)
