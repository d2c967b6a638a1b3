"""Every check of the published tables finds the error planted for it, and finds nothing in good tables."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import sql
from pipeline.ground.errors import GateError
from pipeline.publication import checks, publish
from pipeline.publication.night import Night
from pipeline.publication.tables import published_by, recommendations
from pipeline.settings.sections.answers import Answer
from pipeline.settings.sections.audiences import Audience
from pipeline.settings.sections.checks import Checks, names
from pipeline.settings.sections.fairness import Fairness, FairnessLimits
from pipeline.settings.sections.publication import Allot, Limit, Surface
from pipeline.settings.sections.topics import Topics
from pipeline.settings.sections.words import Classify, Entities, LabelSet
from tests.publication.planted_errors import PLANTED, Rows
from tests.small_shop import NIGHT, Shop, go, shop

REQUIRE = checks.require
Offences = dict[str, tuple[int, list[str]]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, published."""
    home = tmp_path_factory.mktemp("checked")
    published = shop(home, categories=["mugs", "mugs", *[None] * 6], mean_prices=[2.0] * 3, offers=[(2, 5)])
    published.disliked, published.parents = [(0, 7)], [*[None] * 6, "i3", None]
    ruled = Surface(name="ruled", k=4, exclude_seen_days=1, max_price_ratio=2.5, max_per_category=1)
    limited = Surface(name="limited", k=2, allot=Allot(limits=(Limit(by="item", most=1),), group="category"))
    surfaces = (*published.config.surfaces, ruled, limited)
    section = published.config.publish.model_copy(update={"audiences": (Audience(name="buyers"),), "search_terms": 9})
    words = {"classify": Classify(label_sets={"intent": LabelSet()}), "entities": Entities(enabled=True)}
    words |= {"answer": Answer(k=2), "topics": Topics(enabled=True)}
    words |= {"fairness": Fairness(limits=FairnessLimits(max_gini=0.9))}
    published.config = published.config.model_copy(update={"surfaces": surfaces, "publish": section} | words)
    go(published.write())
    return published


@pytest.fixture(scope="module")
def night(made: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """What the shop's tables were made from."""
    run = publish.active_run(made.config)
    assert run is not None
    folders, about = made.folders(), {"run_date": NIGHT, "run_id": run.run_id, "config": made.config}
    words = {stage: folders.pop(stage) for stage in ("classify", "entities", "answer", "topics")}
    scratch = tmp_path_factory.mktemp("scratch")
    with sql.connect(1, 512) as connection:
        yield Night(**folders, **about, connection=connection, scratch=scratch, words=words)


@pytest.fixture(scope="module")
def rows_of(made: Shop) -> dict[str, Rows]:
    """The rows of every table, as they were published."""
    run = publish.active_run(made.config)
    assert run is not None
    return {t.name: pq.read_table(run.folder / t.file).to_pylist() for t in published_by(made.config)}


@pytest.fixture
def offences_after(night: Night, rows_of: dict[str, Rows], tmp_path: Path) -> Callable[..., Offences]:
    """What the checks, or some of them, say once a change has been made to the rows of a table."""

    def found(table: str, change: Any, only: Sequence[str] = ()) -> Offences:
        run = publish.active_run(night.config)
        assert run is not None
        for one in published_by(night.config):
            if one.name != table:
                (tmp_path / one.file).symlink_to(run.folder / one.file)
                continue
            loose = pa.schema([field.with_nullable(True) for field in one.schema])
            pq.write_table(pa.Table.from_pylist(change(rows_of[table]), schema=loose), tmp_path / one.file)
        severity = {name: "stop" if name in (only or [name]) else "off" for name in names("tables")}
        asked = night.config.model_copy(update={"checks": Checks.model_validate({"severity": severity})})
        return checks.offences(tmp_path, replace(night, config=asked))

    return found


def test_good_tables_pass_every_check(offences_after: Callable[..., Offences]) -> None:
    assert offences_after("none", None) == {}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[3])
def test_a_planted_error_is_found(offences_after: Callable[..., Offences], planted: tuple[str, Any, str, str]) -> None:
    table, change, check, words = planted
    found = offences_after(table, change, (check,))
    assert words in " ".join(found[check][1]), found


def test_an_event_after_the_night_is_found(offences_after: Callable[..., Offences]) -> None:
    def later(rows: Rows) -> Rows:
        return [row | {"last_event_time": row["last_event_time"].replace(year=2012)} for row in rows]

    found = offences_after("user_profiles", later, ("user_profiles",))
    assert found["user_profiles"][0] == 3


def test_nobody_needs_a_list_of_new_items_who_has_had_all_that_there_are(tmp_path: Path) -> None:
    had = [(user, item, 1, 5.0) for user in range(3) for item in range(8)]
    go(shop(tmp_path, bought=had, new_lists=[[-1]] * 3).write())
    go(shop(tmp_path / "sold_out", bought=[row for row in had if row[1] != 5], new_lists=[[5]] * 3).write())


def test_every_check_has_a_planted_error() -> None:
    assert {check for _, _, check, _ in PLANTED} | {"one_product", "explanations"} == set(names("tables"))


def test_a_parent_that_half_of_the_catalogue_has_is_no_product(tmp_path: Path) -> None:
    """As where a catalogue says 0 for none; a product of as many variants among others is one."""
    ids = [f"i{n:02}" for n in range(60)]
    for variants, found in ((21, []), (30, []), (31, ["31 of 60 items are variants of one product, as item i00,"])):
        products = pa.table({"item_id": ids[:variants], "product": pa.array([7] * variants, pa.int32())})
        with sql.connect(1, 512) as connection:
            connection.register("products", products)
            connection.register("items", pa.table({"item_id": ids}))
            rows = sql.execute(connection, "checks/tables/one_product").fetchall()
        assert [row[0].split(" so ")[0] for row in rows] == found


def test_a_check_warns_or_is_off_where_the_configuration_says_so(tmp_path: Path) -> None:
    def sold_out(severity: str) -> Shop:
        home = tmp_path / severity
        section = Checks.model_validate({"severity": {"recommendations_items": severity}})
        made = shop(home, all_lists=[[0, 1, 4], [2, 3, 7], [3, 6]]).write()
        return replace(made, config=made.config.model_copy(update={"checks": section}))

    def shown(folder: Path, night: Night) -> dict[str, list[str]]:
        path = folder / "recommendations.parquet"
        rows = [row | {"item_id": "i5"} if row["rank"] == 4 else row for row in pq.read_table(path).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=recommendations.TABLE.schema), path)
        return REQUIRE(folder, night)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "require", shown)
        with pytest.raises(
            GateError, match=r"item i5 is not available.*--set checks.severity.recommendations_items=warn"
        ):
            go(sold_out("stop"))
        assert "i5 is not available" in " ".join(go(sold_out("warn"))["unusual"]["recommendations_items"])
        assert go(sold_out("off"))["unusual"] == {}


def test_where_all_is_offered_to_some_alone_an_unknown_user_gets_nothing(tmp_path: Path) -> None:
    """Coupons alone: nothing is popular with everybody, and nothing is wrong with that."""
    personal = shop(tmp_path, offers=[(user, item) for user in range(3) for item in range(8)])
    personal.write()
    go(personal)
    run = publish.active_run(personal.config)
    assert run is not None
    assert pq.read_table(run.folder / "popular_items.parquet").num_rows == 0
    assert pq.read_table(run.folder / "recommendations.parquet").num_rows > 0
