"""Questions in two languages: put together and answered each in its own, as if there were no other."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.answers import exact, vectors
from pipeline.answers.asked import RESOLVED, Pairs
from pipeline.answers.in_languages import InLanguages
from pipeline.answers.night import Night
from pipeline.answers.scoring import Asking, Knowledge
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.words.spoken import OTHER, UNKNOWN, Spoken
from tests.answers import counter
from tests.tiny_log import digests, rows_of

N0, N1 = (counter.night_of(n) for n in range(2))
ENGLISH, PORTUGUESE = 0, 1
MAPPING = counter.MAPPING.replace("tags as labels", "tags as labels, tongue as language")
ASKED = {
    "card": ("my card PIN is blocked", "the card PIN is blocked"),
    "cartao": ("o PIN do cartão está bloqueado", "está bloqueado o PIN do meu cartão"),
}
TOLD = {
    "card": "Your PIN is unblocked at any cash machine.",
    "cartao": "O PIN desbloqueia-se em qualquer caixa, com o cartão na mão.",
    "cartao2": "Para um cartão novo, ligue para nós e o PIN segue pelo correio.",
}


def documents(night: Any) -> list[dict[str, Any]]:
    """Four questions in each language, three English answers of which two say the words of the Portuguese."""
    rows = []
    for about, tongue in (("card", "en"), ("cartao", "pt-BR")):
        for n in range(4):
            one = counter.question(n, night, "card", who=f"{tongue}{n}", id=f"{about}{n}", thread=None)
            rows.append(one | {"said": f"{ASKED[about][n % 2]}{'!' * n}", "tongue": tongue})
    for about, text in TOLD.items():
        tongue = "en" if about == "card" else "pt"
        rows.append(counter.answer("card", night, id=f"a-{about}") | {"said": text, "tongue": tongue})
    mixed = counter.answer("card", night) | {"said": "PIN PIN PIN cartão card blocked"}
    return [
        *rows,
        mixed | {"id": "a-mixed", "tongue": None},
        mixed | {"id": "a-carte", "tongue": "fr", "said": "Le PIN"},
    ]


def test_each_language_has_its_own_clusters_and_answers(tmp_path: Path) -> None:
    settings = {"declared": ["en", "pt"], "guess": False}
    config = counter.counter(tmp_path, 1, {"same": 0.1, "k": 5}, languages=settings)
    (tmp_path / "said.sql").write_text(MAPPING)
    counter.say(tmp_path, N0, documents(N0))
    night = counter.run(config, N0, "languages")
    about = {one["cluster_id"]: one["document_id"][:-1] for one in rows_of(night, "clusters")}
    assert sorted(about.values()) == ["card", "cartao"]  # a cosine of .1 would put all of them together
    answers = {about[one["cluster_id"]]: set() for one in rows_of(night, "answers")}
    for one in rows_of(night, "answers"):
        answers[about[one["cluster_id"]]].add(one["document_id"])
    assert answers == {"card": {"a-card", "a-mixed"}, "cartao": {"a-cartao", "a-cartao2", "a-mixed"}}
    report = artifacts.read_manifest(night)["report"]
    assert (report["clusters: en"], report["clusters: pt"], report["clusters: unknown"]) == (1, 1, 0)


def test_what_only_another_language_resolved_teaches_that_its_own_did_not() -> None:
    """Five questions in en, pt, pt, fr and one that is not known, each resolved by an answer in en, pt or fr."""
    other, languages = 2, np.array([ENGLISH, PORTUGUESE, PORTUGUESE, 2, UNKNOWN])
    pairs = Pairs(np.arange(5), np.array([0, 0, 1, 2, 0]), np.full(5, RESOLVED, dtype=np.int8))
    night: Any = SimpleNamespace(
        knowledge=SimpleNamespace(pairs=pairs),
        section=SimpleNamespace(most_resolved=10),
        spoken=Spoken(("en", "pt", OTHER), languages),
        when=np.arange(5),
        times=np.arange(5),
        text_of=np.arange(5),
        asked_in=languages,
        answered_in=np.array([ENGLISH, PORTUGUESE, other]),
        asking=lambda rows, until: Asking(rows, rows, until),
    )
    night._can_be_given = lambda some: Night._can_be_given(night, some)
    found = Night.resolved.fget(night)  # type: ignore[attr-defined]
    assert found.asking.texts.tolist() == [0, 1, 2, 3, 4]
    assert found.right.T.tolist() == [[0, 0], [2, 1], [4, 0]]
    night.spoken = None
    assert Night.resolved.fget(night).right.shape[1] == 5  # type: ignore[attr-defined]


def test_without_declared_languages_what_rows_say_moves_nothing(tmp_path: Path) -> None:
    made = []
    for name, mapping in (("one", counter.MAPPING), ("two", MAPPING)):
        config = counter.counter(tmp_path / name, 1, {"same": 0.1})
        (tmp_path / name / "said.sql").write_text(mapping)
        counter.say(tmp_path / name, N0, documents(N0))
        made.append(digests(counter.run(config, N0)))
        assert "languages" not in stages.of(config)
    assert made[0] == made[1]


def test_a_language_goes_on_by_itself(tmp_path: Path) -> None:
    made = []
    for name, nights in (("one", (N0, N1)), ("two", (N1,))):
        settings = {"declared": ["en", "pt"], "guess": False}
        config = counter.counter(tmp_path / name, 2, {"same": 0.1}, languages=settings)
        (tmp_path / name / "said.sql").write_text(MAPPING)
        counter.say(tmp_path / name, N0, documents(N0))
        later = [one | {"id": f"{one['id']}x", "said": f"{one['said']}?"} for one in documents(N1)]
        counter.say(tmp_path / name, N1, later)
        for night in (N0, N1):
            stages.run_stage("ingest", night, config)
        for night in nights:
            folder = counter.run(config, night, "languages")
        made.append({name: one for name, one in digests(folder).items() if name != "manifest.json"})
    assert made[0] == made[1]


def test_the_parts_of_a_language_are_those_of_a_centre_that_has_nothing_else() -> None:
    answers = np.array([*TOLD.values(), "PIN card"], dtype=object)
    of_answers = np.array([ENGLISH, PORTUGUESE, PORTUGUESE, UNKNOWN])
    asked = np.array([ASKED["card"][0], ASKED["cartao"][0], ASKED["cartao"][1]], dtype=object)
    pairs = Pairs(np.arange(3), np.array([0, 1, 3]), np.full(3, RESOLVED, dtype=np.int8))
    of = {text: exact.rounded(vectors.hashed(np.array([text], dtype=object)))[0] for text in [*answers, *asked]}
    when = np.arange(3)

    def knowledge(some: list[int], kept: list[int]) -> Knowledge:
        place = {one: n for n, one in enumerate(some)}
        mine = Pairs(pairs.question[kept], np.array([place[a] for a in pairs.answer[kept]]), pairs.strength[kept])
        near = np.stack([of[text] for text in answers[some]])
        of_asked = np.stack([of[text] for text in asked[kept]])
        return Knowledge(answers[some], near, mine, asked=asked[kept], asked_vectors=of_asked, when=when[kept])

    whole = knowledge([0, 1, 2, 3], [0, 1, 2])
    known = InLanguages(whole, answers, asked, of_answers, 2)
    languages = np.array([PORTUGUESE, UNKNOWN, ENGLISH])
    texts = asked[[1, 2, 0]]
    near = np.stack([of[text] for text in texts])
    until = np.full(3, 10)
    found = known.parts(Asking(texts, near, until, languages=languages))
    alone = [
        (0, [1, 2, 3], knowledge([1, 2, 3], [1, 2])),
        (1, [0, 1, 2, 3], whole),
        (2, [0, 3], knowledge([0, 3], [0, 2])),
    ]
    for row, some, other in alone:
        expected = np.zeros(found.shape[::2], dtype=np.float32)
        expected[:, some] = other.parts(Asking(texts[[row]], near[[row]], until[[row]]))[:, 0]
        np.testing.assert_array_equal(found[:, row], expected)
    undeclared = known.parts(Asking(texts[:1], near[:1], until[:1], languages=np.array([2])))
    expected = np.zeros(undeclared.shape[::2], dtype=np.float32)
    expected[:, [3]] = knowledge([3], [2]).parts(Asking(texts[:1], near[:1], until[:1]))[:, 0]
    np.testing.assert_array_equal(undeclared[:, 0], expected)
    everything = whole.parts(Asking(texts, near, until))
    np.testing.assert_array_equal(known.parts(Asking(texts, near, until)), everything)
    assert (found[:, 0] != everything[:, 0]).any()
