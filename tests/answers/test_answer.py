"""Answers of a night: what is asked is put together, what resolved it comes first, and nothing later moves a byte."""

import multiprocessing
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import forget, stages
from pipeline.sources import configuration
from tests.answers import counter
from tests.tiny_log import digests, rows_of

N0, N1, N2 = (counter.night_of(n) for n in range(3))


def best(night: Path) -> dict[str, tuple[str, str]]:
    """Of the clusters by their example, the first answer and why."""
    examples = {one["cluster_id"]: one["document_id"] for one in rows_of(night, "clusters")}
    first = [one for one in rows_of(night, "answers") if one["rank"] == 1]
    return {examples[one["cluster_id"]]: (one["document_id"], one["why"]) for one in first}


def test_questions_that_ask_the_same_are_one_with_the_answer_that_resolved_them(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 2)
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0)])
    counter.say(tmp_path, N1, [*counter.day(N1, 20, 7), counter.told("q1", resolved="a-rate")])
    first, second = (counter.run(config, night) for night in (N0, N1))
    clusters = rows_of(second, "clusters")
    assert [(one["rank"], one["questions"]) for one in clusters] == [(1, 7), (2, 6), (3, 6)]
    about = {one["cluster_id"]: int(one["document_id"][1:]) % 3 for one in rows_of(first, "clusters")}
    assert sorted(about.values()) == [0, 1, 2]  # one of each thing
    assert sum(one["questions"] for one in clusters) == 19
    assert {one["cluster_id"] for one in clusters} == set(about)  # the same names on both nights
    found = {about[one["cluster_id"]]: one for one in rows_of(second, "answers") if one["rank"] == 1}
    assert (found[1]["document_id"], found[1]["why"]) == ("a-rate", "it resolved a question like this")
    assert found[1]["like_cluster_id"] == found[1]["cluster_id"]
    assert found[2]["document_id"] == "a-rate"
    assert found[2]["why"] in {"it is about the same as the question", "it has the words of the question"}
    assert found[2]["user_id"] == "agent"


def test_what_was_reopened_speaks_for_nothing(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 3)
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0), counter.told("q1", resolved="a-rate")])
    counter.say(tmp_path, N1, [counter.told("q1", reopened="a-rate")])
    counter.say(tmp_path, N2, [counter.told("q4", helpful="a-card")])
    nights = [counter.run(config, night) for night in (N0, N1, N2)]
    fees = [{q: a for q, a in best(night).items() if int(q[1:]) % 3 == 1} for night in nights]
    assert [len(one) for one in fees] == [1, 1, 1]
    answers = [next(iter(one.values())) for one in fees]
    assert answers[0][0] == "a-rate"
    assert answers[1][0] == "a-fee"
    assert answers[2][0] == "a-card"
    assert "helpful" in answers[2][1]


def test_a_question_in_the_same_thread_speaks_for_its_answer(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 1)
    entry = counter.answer("card", N0) | {"said": "Look under the doormat.", "thread": "t0", "moment": f"{N0} 09:00:00"}
    counter.say(tmp_path, N0, [*counter.day(N0), entry, *counter.centre(N0)[1:]])
    (found,) = [a for q, a in best(counter.run(config, N0)).items() if int(q[1:]) % 3 == 0]
    assert found[0] == "a-card"
    assert found[1].startswith("it came in answer to")


def test_what_everybody_asked_last_is_known_by_the_night(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 2, {"min_questions": 3})
    early = [counter.question(n, N0, "card", who=who) for n, who in enumerate(["anna", "bert", "cleo", None])]
    counter.say(tmp_path, N0, [*early, counter.question(9, N0, "rate", who="anna"), *counter.centre(N0)])
    late = counter.question(5, N0, "card", who="bert") | {"moment": f"{N0} 07:00:00"}  # written before, known later
    dora = [counter.question(n, N1, about, who="dora") for n, about in ((6, "fee"), (7, "card"))]
    counter.say(tmp_path, N1, [late, *dora])
    nights = [counter.run(config, night) for night in (N0, N1)]
    found = [{one["user_id"]: one for one in rows_of(night, "last_asked")} for night in nights]
    assert {user: one["document_id"] for user, one in found[0].items()} == {"anna": "q9", "bert": "q1", "cleo": "q2"}
    assert {user: one["document_id"] for user, one in found[1].items()} == (
        {"anna": "q9", "bert": "q1", "cleo": "q2", "dora": "q7"}
    )
    (cards,) = {one["cluster_id"] for one in rows_of(nights[0], "clusters")}  # a rate is asked too rarely for a name
    assert {user: one["cluster_id"] for user, one in found[0].items()} == {"anna": None, "bert": cards, "cleo": cards}
    forget.forget(config, ["anna"], N1)
    assert "anna" not in {one["user_id"] for one in rows_of(counter.run(config, N1), "last_asked")}


def test_what_is_asked_more_than_before_rises(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 3, {"days": 1})
    early = [counter.question(n, N0, "card") for n in range(3)] + [counter.question(n, N0, "fee") for n in (10, 11, 12)]
    counter.say(tmp_path, N0, early)
    counter.say(
        tmp_path,
        N1,
        [counter.question(n, N1, "card") for n in range(20, 60)] + [counter.question(n, N1, "fee") for n in (70, 71)],
    )
    first, second = (counter.run(config, night) for night in (N0, N1))
    assert {one["questions_before"] for one in rows_of(first, "clusters")} == {None}  # nothing is known of before
    often, seldom = rows_of(second, "clusters")
    assert (often["questions"], often["questions_before"], often["direction"]) == (40, 3, "rising")
    assert often["trend"] == pytest.approx(40 / 3)
    assert often["trend_low"] < 40 / 3 < often["trend_high"]
    assert (seldom["questions"], seldom["questions_before"], seldom["direction"]) == (2, 3, None)


def test_what_has_no_good_answer_is_listed_by_how_often_it_is_asked(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 1)
    solved = [counter.told(f"q{n}", resolved=f"a-{sorted(counter.ASKED)[n % 3]}") for n in range(0, 12) if n % 3]
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0)[1:], *solved])
    night = counter.run(config, N0)
    (weak,) = rows_of(night, "unanswered")
    assert int(weak["document_id"][1:]) % 3 == 0  # of cards the centre says nothing
    clusters = {one["cluster_id"]: one for one in rows_of(night, "clusters")}
    assert weak["questions"] == clusters[weak["cluster_id"]]["questions"] == 4
    assert all(one["probability"] >= 0.5 for name, one in clusters.items() if name != weak["cluster_id"])


def test_nothing_after_the_night_moves_a_byte(tmp_path: Path) -> None:
    found = []
    for name, later in (("one", False), ("two", True)):
        config = counter.counter(tmp_path / name, 3)
        counter.say(tmp_path / name, N0, [*counter.day(N0), *counter.centre(N0)])
        counter.say(tmp_path / name, N1, [*counter.day(N1, 20, 7), counter.told("q1", resolved="a-rate")])
        if later:  # the next night says the contrary of everything, and is in the lake already
            turned = [one | {"said": "zebra quixotic"} for one in counter.day(N0)]
            counter.say(tmp_path / name, N2, [*turned, counter.told("q2", resolved="a-card")])
            for night in (N0, N1, N2):
                stages.run_stage("ingest", night, config)
        counter.run(config, N0)
        found.append(digests(counter.run(config, N1)))
        if later:
            assert digests(counter.run(config, N2))["answers.parquet"] != found[-1]["answers.parquet"]
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_lake_made_anew_is_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name, nights in (("one", (N0, N1, N2)), ("two", (N2,))):
        config = counter.counter(tmp_path / name, 3, {"min_resolved": 2})
        counter.say(tmp_path / name, N0, [*counter.day(N0), *counter.centre(N0)])
        counter.say(tmp_path / name, N1, [*counter.day(N1, 20, 7), counter.told("q1", resolved="a-rate")])
        solved = [counter.told(f"q{n}", resolved="a-fee") for n in (4, 7, 22)]
        counter.say(tmp_path / name, N2, [*counter.day(N2, 40, 5), *solved])
        for night in (N0, N1, N2):
            stages.run_stage("ingest", night, config)
        for night in nights:
            folder = counter.run(config, night)
        made.append(digests(folder))
    assert made[0] == made[1]


@pytest.mark.slow
def test_a_night_that_is_killed_is_whole_when_it_is_run_again(tmp_path: Path) -> None:
    made = []
    for name in ("killed", "not"):
        config = counter.counter(tmp_path / name, 2)
        counter.say(tmp_path / name, N0, [*counter.day(N0), *counter.centre(N0), counter.told("q1", resolved="a-fee")])
        if name == "killed":
            process = multiprocessing.get_context("spawn").Process(
                target=counter.run_and_die, args=(tmp_path / name, N0)
            )
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            assert not (config.lake / "answer" / f"run_date={N0}").exists()
        made.append(digests(counter.run(config, N0)))
        assert {path.name for path in (config.lake / "answer").glob("*partial*")} == set()
    assert made[0] == made[1]


def test_a_night_without_new_documents_learns_and_encodes_nothing(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 2)
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0), counter.told("q1", resolved="a-fee")])
    first, second = (artifacts.read_manifest(counter.run(config, night)) for night in (N0, N1))
    assert (first["report"]["encoded"], second["report"]["encoded"]) == (15, 0)
    assert "fusion" in second["linked"]
    assert second["report"]["resolved"] == 1


def test_those_of_whom_a_night_knows_a_text_are_forgotten_with_it(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 2)
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0, who="anna")])
    counter.say(tmp_path, N1, counter.day(N1, 20, 7))
    nights = [counter.run(config, night) for night in (N0, N1)]
    assert {one["user_id"] for one in rows_of(nights[0], "authors")} == {*(f"u{n}" for n in range(12)), "anna"}
    forget.forget(config, ["u1", "anna"], N1)
    assert not any(night.is_dir() for night in nights)  # without features nobody can tell whom a night knows
    night = counter.run(config, N1)
    assert rows_of(night, "answers") == []
    everyone = {one["user_id"] for table in ("clusters", "last_asked", "authors") for one in rows_of(night, table)}
    assert not {"u1", "anna"} & everyone
    assert len(rows_of(night, "unanswered")) == len(rows_of(night, "clusters")) == 3


def test_a_text_that_names_somebody_goes_with_the_id_in_it(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 1)
    named = counter.question(50, N0, "card") | {"said": "my card, says customer77, has not arrived"}
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0), named])
    night = counter.run(config, N0)
    features = config.lake / "features" / f"run_date={N0}"  # a night that can tell whom it knows
    features.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["u"]}), features / "users.parquet")
    forget.forget(config, ["customer77"], N0)
    assert night.is_dir()
    forget.forget(config, ["customer77"], N0, also_in_text=True)
    assert not night.is_dir()
    assert features.is_dir()


def test_labels_of_the_night_say_how_people_ask(tmp_path: Path) -> None:
    classify = {"model": "none", "label_sets": {"mood": {"precision": 0.8, "wanted": 0}}}
    config = counter.counter(tmp_path, 1, {"label_set": "mood"}, classify=classify)
    moods = {0: "calm", 1: "angry", 2: "calm"}
    asked = [one | {"tags": {"mood": moods[int(one["id"][1:]) % 3]}} for one in counter.day(N0, number=60)]
    counter.say(tmp_path, N0, [*asked, *counter.centre(N0)])
    night = counter.run(config, N0, "classify")
    labels = {int(one["document_id"][1:]) % 3: (one["label"], one["label_share"]) for one in rows_of(night, "clusters")}
    assert labels == {number: (mood, 1) for number, mood in moods.items()}
    last = {one["document_id"]: one["label"] for one in rows_of(night, "last_asked")}
    assert last == {f"q{n}": moods[n % 3] for n in range(60)}


def test_vectors_of_the_same_encoder_are_made_once(tmp_path: Path) -> None:
    classify = {"model": "none", "label_sets": {"mood": {}}}
    config = counter.counter(tmp_path, 1, classify=classify)
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0)])
    night = counter.run(config, N0, "classify")
    assert artifacts.read_manifest(night)["report"]["encoded"] == 0
    assert artifacts.read_manifest(config.lake / "classify" / night.name)["report"]["encoded"] == 15


def test_a_shop_that_asks_for_no_answers_has_no_such_stage(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 1, {"k": 0})
    assert "answer" not in stages.of(config)
    assert "answer" not in stages.read_by("publish", config)
    assert "answer" in stages.upstream("publish")


def test_answers_without_documents_are_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("[answer]\nk = 3\n")
    with pytest.raises(InputError, match=r"answer\.k asks for answers, and there is no \[ingest\.documents\]"):
        configuration.load(path)
    (tmp_path / "said.sql").write_text(counter.MAPPING)
    documents = '[ingest.documents]\nfiles = "said.csv"\nsql = "said.sql"\n'
    path.write_text(documents + '[answer]\nk = 3\nlabel_set = "mood"\n')
    with pytest.raises(InputError, match=r"answer\.label_set is 'mood', and there is no"):
        configuration.load(path)


def test_a_night_without_questions_has_empty_tables(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 2)
    night = counter.run(config, N0)
    assert [rows_of(night, table) for table in ("clusters", "answers", "unanswered", "last_asked")] == [[], [], [], []]
    counter.say(tmp_path, N1, counter.centre(N1))
    assert rows_of(counter.run(config, N1), "answers") == []


def test_old_questions_are_not_counted_and_still_teach(tmp_path: Path) -> None:
    config = counter.counter(tmp_path, 3, {"days": 1})
    counter.say(tmp_path, N0, [*counter.day(N0), *counter.centre(N0), counter.told("q1", resolved="a-rate")])
    counter.say(tmp_path, N2, [counter.question(n, N2, "fee") for n in (31, 33, 35)])
    for night in (N0, N1):
        counter.run(config, night)
    night = counter.run(config, N2)
    (cluster,) = rows_of(night, "clusters")
    assert (cluster["questions"], cluster["first_asked"].date()) == (3, N0)
    assert rows_of(night, "answers")[0]["document_id"] == "a-rate"
