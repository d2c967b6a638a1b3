"""Who wrote what a night's labels are made of: known to `forget`, wherever it lies."""

from pathlib import Path

from pipeline.ground import artifacts
from pipeline.operations import forget
from tests.tiny_log import rows_of
from tests.words import desk

N0, N1, N2 = (desk.night_of(n) for n in range(3))


def test_who_wrote_without_a_label_what_taught_a_classifier_in_use_is_known(tmp_path: Path) -> None:
    """On the last night her text is too old to get a label or to take part, but the classifier before is in use."""
    config = desk.desk(tmp_path, 3, {"held_share": 0.3, "days": 2})
    desk.ask(tmp_path, N0, [desk.question(200, N0, "fee", known=False, who="lena")])
    desk.ask(tmp_path, N1, desk.taught(N1, number=120))
    names = sorted(desk.ABOUT)
    noise = [desk.question(n, N1, names[n % 3]) | {"tags": {"intent": names[(n * 7 // 5) % 3]}} for n in range(84)]
    desk.ask(tmp_path, N2, [*noise, desk.question(300, N2, "fee", who="otto")])
    for night in (N0, N1):
        desk.run(config, night)
    last = desk.run(config, N2)
    assert artifacts.read_manifest(last)["report"]["intent: in_use"] == "the one before"
    assert "d200" not in {one["document_id"] for one in rows_of(last, "labels")}
    assert {one["user_id"] for one in rows_of(last, "authors")} == {"lena", "otto"}


def test_who_wrote_what_taught_on_the_day_of_the_fit_is_known_after_the_text_is_another(tmp_path: Path) -> None:
    sunday, monday = desk.night_of(6), desk.night_of(7)
    config = desk.desk(tmp_path, 8, {"refresh_days": 7, "days": 1})
    rows = desk.taught(sunday)
    rows[0]["who"] = "anna"
    desk.ask(tmp_path, sunday, rows)
    desk.ask(tmp_path, monday, [rows[0] | {"said": "it is about something else", "tags": None}])
    desk.run(config, sunday)
    last = desk.run(config, monday)
    assert not rows_of(last, "labels")  # nothing of these days
    assert [one["user_id"] for one in rows_of(last, "authors")] == ["anna"]


def test_an_author_who_is_forgotten_takes_the_night_along(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2)
    desk.ask(tmp_path, N0, desk.taught(N0))
    desk.ask(tmp_path, N1, desk.asked(N1))
    nights = [desk.run(config, night) for night in (N0, N1)]
    forget.forget(config, ["u1"], N1)
    assert not any(night.is_dir() for night in nights)  # without features nobody can tell whom a night knows
    labels = rows_of(desk.run(config, N1), "labels")
    assert "u1" not in {one["user_id"] for one in labels}
    assert "d101" not in {one["document_id"] for one in labels}


def test_whom_an_earlier_row_named_is_known_when_a_later_one_names_somebody_else(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 2)
    rows = desk.taught(N0)
    rows[0]["who"] = "anna"
    desk.ask(tmp_path, N0, rows)
    desk.ask(tmp_path, N1, [rows[0] | {"said": None, "who": "ben"}])
    desk.run(config, N0)
    night = desk.run(config, N1)
    assert [one["user_id"] for one in rows_of(night, "authors")] == ["anna", "ben"]
    assert {one["user_id"] for one in rows_of(night, "labels")} == {"ben", None}  # the last word counts
    forget.forget(config, ["anna"], N1)
    assert not night.is_dir()


def test_whose_text_is_encoded_beside_those_that_are_wanted_is_known(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1, {"label_sets": {"intent": {"kinds": ["question"]}}})
    (tmp_path / "said.sql").write_text(
        desk.MAPPING.replace("tags as", "case when who is null then 'question' else 'review' end as kind, tags as")
    )
    review = desk.question(70, N0, "card", known=False, who="anna")
    desk.ask(tmp_path, N0, [*desk.taught(N0), review])
    night = desk.run(config, N0)
    assert artifacts.read_manifest(night)["report"]["encoded"] == 61
    assert "anna" not in {one["user_id"] for one in rows_of(night, "labels")}
    assert rows_of(night, "authors") == [{"user_id": "anna"}]
