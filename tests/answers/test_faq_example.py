"""The FAQ of examples/faq, from the shipped file to the tables that an application reads, by words alone."""

import shutil
from datetime import date

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.operations import forget, load_history, stages
from pipeline.settings.config import Config
from pipeline.sources import configuration
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

FAQ = ROOT / "examples" / "faq"
NIGHT = date(2020, 5, 16)
SMALL = {
    "profile": "fast",
    "threads": 2,
    "label_windows": 3,
    "horizon_days": 3,
    "als": {"factors": 16, "iterations": 2},
    "fusion": {"rounds": 5},
    "answer": {"model": "none", "same": 0.5},
    "features": {"queries": 0},
}
RIGHT = """
with told as (select document_id, any_value(truth) as truth from read_csv($file, all_varchar = true) group by all)
select count(*) filter (answers.document_id = truth), count(*)
from current_answers as answers
join current_question_clusters as clusters using (cluster_id)
join told on told.document_id = clusters.document_id
where answers.rank = 1
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The night, published."""
    folder = tmp_path_factory.mktemp("faq") / "shop"
    shutil.copytree(FAQ, folder)
    config = configuration.load(folder / "pipeline.toml", SMALL | {"home": folder.parent / "home"})
    load_history.load_history(config, NIGHT)
    stages.run(NIGHT, config)
    return config


def test_most_frequent_questions_have_the_entry_that_they_rephrase_first(published: Config) -> None:
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        right, asked = tables.execute(RIGHT, {"file": str(FAQ / "messages.csv.zst")}).fetchall()[0]
        assert asked > 20
        assert right > 0.8 * asked
        (most,) = tables.execute("select max(rank) from current_answers").fetchall()
        assert most == (3,)
        (others,) = tables.execute("select count(*) from current_document_labels").fetchall()
        assert others == (0,)


def test_what_is_listed_as_unanswered_is_unlikely_to_be_answered(published: Config) -> None:
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        weak = tables.execute("select cluster_id from current_unanswered").fetchall()
        wanted = "select cluster_id from current_question_clusters where questions >= 3 and probability < 0.5"
        assert sorted(weak) == sorted(tables.execute(wanted).fetchall())


def test_nobody_reads_what_is_true(published: Config) -> None:
    assert not any("truth" in path.read_text() for path in FAQ.glob("*.sql"))
    assert not list(published.lake.rglob("truth*"))


def test_who_is_forgotten_is_in_no_table_and_no_file(published: Config) -> None:
    def people() -> set[str]:
        with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
            views = ("question_clusters", "answers", "unanswered")
            rows = [row for view in views for row in tables.execute(f"select user_id from current_{view}").fetchall()]
        files = [f for f in published.home.rglob("*.parquet") if "user_id" in pq.read_schema(f).names]
        rows += [(one,) for file in files for one in pq.ParquetFile(file).read(["user_id"])["user_id"].to_pylist()]
        return {who for (who,) in rows if who is not None}

    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        (who, cluster), *_ = tables.execute("select user_id, cluster_id from current_question_clusters").fetchall()
    assert who in people()
    forget.forget(published, [who], NIGHT)
    assert who not in people()
    assert not (published.lake / "answer" / f"run_date={NIGHT}").is_dir()
    with duckdb.connect(str(published.tables / "current.duckdb"), read_only=True) as tables:
        kept = tables.execute("select count(*) from current_question_clusters where cluster_id = $c", {"c": cluster})
        assert kept.fetchall() == [(0,)]
