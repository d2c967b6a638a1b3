"""What can be looked up is what the published tables say, whatever the ids and titles are."""

import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipeline.ground import sql
from pipeline.site import pages, shards
from tests.site import reading
from tests.site.harm import ITEMS, QUERIES, TITLES, USERS
from tests.small_shop import Shop

K = 10


def _node(call: str, given: Any = None) -> Any:
    """What a call of the site's script returns, outside any page."""
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node")
    script = (pages.ASSETS / "site.js").read_text(encoding="utf-8")
    said = f"{script}\nconst given = JSON.parse(require('fs').readFileSync(0)); console.log(JSON.stringify({call}));"
    done = subprocess.run([node, "-e", said], input=json.dumps(given), capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("user", range(len(USERS)))
def test_every_user_has_the_published_lists(site: Path, published: dict[str, pa.Table], user: int) -> None:
    items, reasons, users = reading.content(site, "users", USERS[user])
    ((_, segment, categories, events, last, lists),) = [row for row in users if row[0] == USERS[user]]
    titles = dict(items)
    rows = [r for r in published["recommendations"].to_pylist() if r["user_id"] == USERS[user] and r["rank"] <= K]
    wanted = sorted((r["surface"], r["rank"], r["item_id"], round(r["score"], 4), r["reason"]) for r in rows)
    found = [
        (surface, rank, items[row[0]][0], row[1], reasons[row[2]])
        for surface, list_ in lists
        for rank, row in enumerate(list_, start=1)
    ]
    assert sorted(found) == wanted
    assert {item: titles[item] for _, _, item, _, _ in found} == {
        item: TITLES[ITEMS.index(item)] or item for _, _, item, _, _ in found
    }
    (profile,) = [r for r in published["user_profiles"].to_pylist() if r["user_id"] == USERS[user]]
    assert (segment, categories, events, last) == (
        profile["segment"],
        profile["top_categories"],
        profile["events"],
        profile["last_event_time"].date().isoformat(),
    )


def test_every_item_says_who_sees_it_and_what_is_like_it(site: Path, published: dict[str, pa.Table]) -> None:
    shown = [r for r in published["recommendations"].to_pylist() if r["rank"] <= K]
    for place, item in enumerate(ITEMS):
        (found,) = [row for row in reading.content(site, "items", item) if row[0] == item]
        assert found[1] == (TITLES[place] or item)
        mine = [r for r in shown if r["item_id"] == item]
        users = {s: [r["rank"] for r in mine if r["surface"] == s] for s in {r["surface"] for r in mine}}
        assert {s: (n, mean) for s, n, mean in found[9]} == {
            s: (len(ranks), round(sum(ranks) / len(ranks), 1)) for s, ranks in users.items()
        }
        assert sum(n for _, n in found[10]) == len(mine)
        like = sorted(
            (r for r in published["similar_items"].to_pylist() if r["item_id"] == item), key=lambda r: r["rank"]
        )
        assert [row[0] for row in found[8]] == [r["similar_item_id"] for r in like]


def test_queries_have_their_answers(site: Path, published: dict[str, pa.Table]) -> None:
    for query, _ in QUERIES:
        ((_, rows),) = [row for row in reading.content(site, "queries", query) if row[0] == query]
        wanted = [r for r in published["search_results"].to_pylist() if r["query"] == query]
        assert [row[0] for row in rows] == [r["item_id"] for r in sorted(wanted, key=lambda r: r["rank"])]


def test_titles_are_found_by_the_beginnings_of_their_words(site: Path) -> None:
    few = (("ec", None), ("本", None), ("i6", 6))  # all of a word of few letters, no beginning of one
    for asked, item in (
        *(("éclair", 4), ("Ecl", 4), ("NAÏ", 4), ("gnome", 2), ("日本", 5), ("本語", 5), ("Nik", 5), ("proto", 0)),
        *few,
    ):
        (word,) = _node("words(given)", asked)
        rows = reading.content(site, "titles", _node("keyOf(given)", word)) or []
        found = [row[0] for row in rows if _node("has(given[0], [given[1]])", [f"{row[1]} {row[0]}", word])]
        assert found == ([] if item is None else [ITEMS[item]]), asked


@pytest.mark.parametrize("kind", ["Latin", "marks", "all"])
def test_a_page_reads_words_as_the_files_do(kind: str) -> None:
    codes = {"Latin": range(32, 0x250), "marks": range(0x250, 0x3000), "all": range(0x3000, 0x30000, 7)}[kind]
    known = [chr(code) for code in codes if unicodedata.category(chr(code)) not in {"Cn", "Co", "Cs"}]
    texts = [f"x{letter}Y {letter}b" for letter in known]
    split = re.search(r"regexp_replace\(.*?'g'\s*\)", sql.statement("site/words"), flags=re.DOTALL)
    assert split is not None
    one = "(select text as title, '' as item_id from texts)"
    ours = f"select regexp_extract_all({split[0]}, '[\\p{{L}}\\p{{N}}]+') from {one}"
    with duckdb.connect() as connection:
        connection.register("texts", pa.table({"text": texts}))
        wanted = [row for (row,) in connection.execute(ours).fetchall()]
    assert _node("given.map(words)", texts) == wanted


def test_a_page_hashes_as_the_files_are_named() -> None:
    from hashlib import md5

    texts = ["", "a", "é", "😀", *("x" * n for n in (54, 55, 56, 63, 64, 65, 119, 120, 1000)), *ITEMS, *USERS]
    assert _node("given.map(md5)", texts) == [md5(text.encode()).hexdigest() for text in texts]


@pytest.mark.parametrize(
    ("count", "digits"), [(0, 1), (1, 1), (8_000, 1), (8_001, 2), (100_000, 2), (1_000_000, 3), (10**9, 4)]
)
def test_files_are_some_thousands_at_most(count: int, digits: int) -> None:
    assert shards.digits(count) == digits


def test_nobody_is_in_a_site_without_people(made: Shop, tmp_path: Path) -> None:
    from pipeline.site import build

    found = build.write(made.config, tmp_path / "site", people=False)
    assert found.users == 0
    text = reading.everything(tmp_path / "site")
    assert not (tmp_path / "site" / "data" / "users").exists()
    for user in USERS[1:]:  # the first is an item's id as well
        assert json.dumps(user)[1:-1] not in text
        assert user not in text


def test_without_the_nights_items_ids_stand_for_titles(made: Shop, tmp_path: Path) -> None:
    import pyarrow.compute as pc

    from pipeline.publication import publish
    from pipeline.site import lookups

    run = publish.active_run(made.config)
    assert run is not None
    (tmp_path / "data" / "0").mkdir(parents=True)
    found = lookups.write(run, pa.table({}), tmp_path / "data" / "0", made.config)
    columns = [(name, "item_id") for name in ("recommendations", "similar_items", "popular_items", "search_results")]
    columns += [("similar_items", "similar_item_id")]
    named = {item for name, column in columns for item in pc.unique(_read(run.folder, name).column(column)).to_pylist()}
    assert found.items == len(named)
    for item in named:
        (row,) = [row for row in reading.content(tmp_path, "items", item) if row[0] == item]
        assert (row[1], row[7]) == (item, None)  # nobody knows whether it can be shown


def _read(folder: Path, name: str) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(folder / f"{name}.parquet", partitioning=None)
