"""A whole fit of three branches' homes: what it gives, what leaves a branch, and who is left out."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from pipeline.arrays.factorisation import factorise
from pipeline.features.read import read_cutoffs
from pipeline.federated import fit as fits
from pipeline.federated.catalogue import placed
from pipeline.federated.desk import Desk
from pipeline.federated.masks import require_keys
from pipeline.federated.messages import Content, Kind
from pipeline.federated.session import Session
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.sources import als, federated_als
from pipeline.sources.als import Als
from pipeline.sources.configuration import FullConfig
from tests.federated.in_process import InProcess
from tests.federated.shops import CUTOFFS, ITEMS, NIGHT, ids_of, write_branch

IDS = [f"item {one:02d}" for one in range(ITEMS - 1)]  # nobody has the last


def three(home: Path) -> list[FullConfig]:
    return [write_branch(home / str(number), number) for number in range(3)]


def pooled(configs: list[FullConfig]) -> dict[str, csr_matrix]:
    found: dict[str, list[csr_matrix]] = {cutoff: [] for cutoff in CUTOFFS}
    for number, config in enumerate(configs):
        for cutoff in read_cutoffs(artifacts.stage_dir(config.lake, "features", NIGHT)):
            section = config.als  # type: ignore[attr-defined]
            found[str(cutoff.cutoff)].append(placed(als.confidence(cutoff, section), ids_of(number), IDS))
    return {cutoff: csr_matrix(vstack(each)) for cutoff, each in found.items()}


def test_every_branch_keeps_the_factors_of_one_shop_with_all_logs(tmp_path: Path) -> None:
    configs = three(tmp_path)
    kept = Session(InProcess([Desk(config) for config in configs]), NIGHT).run([0, 1, 2])
    assert len(kept) == 3
    assert len(set(kept.values())) == 1
    section: Als = configs[0].als  # type: ignore[attr-defined]
    shape = fits.Shape(section.factors, section.reg, section.iterations, section.warm_iterations, seed=0)
    items, whole = fits.start(len(IDS), shape), pooled(configs)
    for cutoff, iterations in zip(CUTOFFS, (shape.iterations, shape.warm_iterations), strict=True):
        _, items = factorise(whole[cutoff], items.copy(), iterations, shape.reg, threads=1)
        for config in configs:
            folder = federated_als.shelf(config) / kept[0]
            assert json.loads((folder / "items.json").read_text()) == IDS
            np.testing.assert_allclose(np.load(folder / f"{cutoff}.npy"), items, atol=2e-4)


def test_no_user_and_nothing_with_a_row_for_a_user_leaves_a_branch(tmp_path: Path) -> None:
    configs = three(tmp_path)
    channel = InProcess([Desk(config) for config in configs])
    Session(channel, NIGHT).run([0, 1, 2])
    assert {kind for _, kind, _ in channel.sent} == {"catalogue", "agree", "sums", "keep"}
    shapes = {array.shape for _, _, answer in channel.sent for array in answer.arrays.values()}
    assert shapes == {(len(IDS), 5), (5, 5)}  # 30, 11 and 6 users
    words = json.dumps([dict(answer.words) for _, _, answer in channel.sent])
    assert "user" not in words
    assert {name for _, _, answer in channel.sent for name in answer.words} == {"ids", "cutoffs", "als", "key", "hash"}
    for state, users in zip(channel.states, (30, 11, 6), strict=True):
        assert state.users.shape == (users, 5)


def test_a_branch_names_no_item_that_too_few_of_its_users_have(tmp_path: Path) -> None:
    channel = InProcess([Desk(config, fewest=4) for config in three(tmp_path)])
    Session(channel, NIGHT).run([0, 1, 2])
    named = {branch: answer.words["ids"] for branch, kind, answer in channel.sent if kind == "catalogue"}
    for number, config in enumerate(channel.desks):
        newest = max(
            read_cutoffs(artifacts.stage_dir(config.config.lake, "features", NIGHT)), key=lambda one: one.cutoff
        )
        had = (newest.matrix().toarray() > 0).sum(axis=0)
        assert named[number] == [one for one, count in zip(ids_of(number), had, strict=True) if count >= 4]


def dies(branch: int, kind: Kind, answer: Content) -> Content | None:
    return None if (branch, kind) == (2, "sums") else answer


def sends_nonsense(branch: int, kind: Kind, answer: Content) -> Content | None:
    return Content(arrays={"users": np.ones((6, 5), np.float32)}) if (branch, kind) == (2, "sums") else answer


@pytest.mark.parametrize("change", [dies, sends_nonsense])
def test_a_branch_that_dies_or_sends_nonsense_is_left_out(tmp_path: Path, change: fits.Ask) -> None:
    configs = three(tmp_path)
    session = Session(InProcess([Desk(config) for config in configs], change), NIGHT)  # type: ignore[arg-type]
    kept = session.run([0, 1, 2])
    assert (sorted(kept), session.lost) == ([0, 1], [2])
    assert not federated_als.shelf(configs[2]).exists()
    said = json.loads((federated_als.shelf(configs[0]) / kept[0] / "fit.json").read_text())
    assert (said["branches"], said["lost"], said["run_date"]) == (2, 1, str(NIGHT))


def test_the_fit_ends_where_too_few_are_left(tmp_path: Path) -> None:
    session = Session(InProcess([Desk(config) for config in three(tmp_path)], dies), NIGHT, fewest=3)
    with pytest.raises(InputError, match="2 branches are left, and 3 are needed"):
        session.run([0, 1, 2])


def test_a_branch_whose_night_is_not_there_is_left_out_and_says_why(tmp_path: Path) -> None:
    configs = [*three(tmp_path)[:2], write_branch(tmp_path / "other", 2)]
    (artifacts.stage_dir(configs[2].lake, "features", NIGHT) / artifacts.MANIFEST).unlink()
    channel = InProcess([Desk(config) for config in configs])
    with pytest.raises(InputError, match="last lost: no answer to 'catalogue'"):
        Session(channel, NIGHT, fewest=3).run([0, 1, 2])
    assert "run this branch's stage 'features' of 2024-01-14 first" in channel.said[0]


def test_branches_with_other_settings_are_told_which(tmp_path: Path) -> None:
    configs = [*three(tmp_path)[:2], write_branch(tmp_path / "other", 2, reg=9.0)]
    with pytest.raises(InputError, match=r"different als.reg: 2.0, and branch 2 9.0"):
        Session(InProcess([Desk(config) for config in configs]), NIGHT).run([0, 1, 2])


def test_a_branch_that_wants_its_sums_masked_sends_no_others(tmp_path: Path) -> None:
    configs = three(tmp_path)
    channel = InProcess([Desk(configs[0]), Desk(configs[1]), Desk(configs[2], masked=True)])
    with pytest.raises(InputError, match="2 branches are left"):
        Session(channel, NIGHT, fewest=3).run([0, 1, 2])
    assert "this branch sends masked ones only" in channel.said[0]


def test_masked_sums_give_the_same_factors_and_tell_the_server_nothing_else(tmp_path: Path) -> None:
    configs = three(tmp_path)
    channel = InProcess([Desk(config, masked=True) for config in configs])
    kept = Session(channel, NIGHT, masked=True).run([0, 1, 2])
    plain = Session(InProcess([Desk(config) for config in configs]), NIGHT).run([0, 1, 2])
    for cutoff in CUTOFFS:
        both = [np.load(federated_als.shelf(configs[0]) / one[0] / f"{cutoff}.npy") for one in (kept, plain)]
        np.testing.assert_allclose(both[0], both[1], atol=1e-5)
    sent = [answer.arrays["push"] for _, _, answer in channel.sent if "push" in answer.arrays]
    high = np.concatenate([array.ravel() for array in sent]) >> np.uint64(60)
    assert np.bincount(high.astype(np.int64), minlength=16).min() > 0.8 * high.size / 16  # as even as it can be
    assert json.loads((federated_als.shelf(configs[0]) / kept[0] / "fit.json").read_text())["secure"]


def test_a_masked_fit_goes_on_among_those_who_are_left(tmp_path: Path) -> None:
    configs = [*three(tmp_path), write_branch(tmp_path / "fourth", 1)]
    session = Session(InProcess([Desk(config) for config in configs], dies), NIGHT, masked=True)
    assert sorted(session.run([0, 1, 2, 3])) == [0, 1, 3]
    alone = Session(InProcess([Desk(config) for config in configs[:3]], dies), NIGHT, masked=True)
    with pytest.raises(InputError, match="2 branches are left, and 3 are needed"):
        alone.run([0, 1, 2])


def test_no_pad_is_used_twice(tmp_path: Path) -> None:
    channel = InProcess([Desk(write_branch(tmp_path / str(number), number)) for number in range(3)])
    keys = [str(answer.words["key"]) for answer in _catalogues(channel).values()]
    channel.ask("agree", Content({"ids": IDS, "keys": keys}), [0])
    items = {"items": np.zeros((len(IDS), 5), np.float32)}
    asked = Content({"step": "begin", "cutoff": CUTOFFS[1], "turn": 1}, items)
    assert channel.ask("sums", asked, [0])
    assert not channel.ask("sums", asked, [0])
    assert "with the same pad" in channel.said[0]


def _catalogues(channel: InProcess) -> dict[int, Content]:
    return channel.ask("catalogue", Content({"run_date": str(NIGHT)}), range(len(channel.desks)))


@pytest.mark.parametrize("keys", ["a", [], ["0" * 64, "1" * 64], ["0" * 64] * 3, ["0" * 64, "1" * 64, "é" * 64]])
def test_keys_from_outside_are_three_or_more(keys: object) -> None:
    with pytest.raises(InputError, match="no 3 or more different keys"):
        require_keys(keys, "the server")
    assert len(require_keys(["0" * 64, "1" * 64, "2" * 64], "the server")) == 3


@pytest.mark.parametrize(
    "words",
    [
        {"ids": "abc"},
        {"cutoffs": ["2024-01-14", "2024-01-07"]},
        {"cutoffs": ["../../etc"]},
        {"als": "{"},
        {"als": "[]"},
        {"als": '{"factors": 1e9, "reg": 1, "iterations": 1, "warm_iterations": 1}'},
        {"als": 3},
    ],
)
def test_a_catalogue_of_nonsense_leaves_the_branch_out(tmp_path: Path, words: dict[str, object]) -> None:
    def change(branch: int, kind: Kind, answer: Content) -> Content:
        return Content({**answer.words, **words}) if (branch, kind) == (0, "catalogue") else answer  # type: ignore[dict-item]

    session = Session(InProcess([Desk(config) for config in three(tmp_path)], change), NIGHT, fewest=3)
    with pytest.raises(InputError, match="last lost: a branch sent"):
        session.run([0, 1, 2])
    assert session.lost == [0]


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("catalogue", Content(), "no text 'run_date'"),
        ("catalogue", Content({"run_date": "../x"}), "no ascending days"),
        ("agree", Content({"ids": ["a", 1]}), "printable"),
        ("sums", Content({"step": "users", "cutoff": "2024-01-14"}), "does not know"),
        ("sums", Content({"step": "begin", "cutoff": "2024-01-14"}), "does not know"),
        ("keep", Content({"cutoffs": ["2024-01-14"], "branches": 3, "lost": 0}), "no factors"),
        ("keep", Content({"cutoffs": ["2024-01-14"]}, {"2024-01-14": np.zeros((2, 5), np.float32)}), "another version"),
        ("keep", Content({"cutoffs": [], "branches": 3, "lost": 0}), "not those of a fit"),
        ("users", Content(), "does not know"),
    ],
)
def test_a_branch_refuses_what_a_server_should_not_send(
    tmp_path: Path, kind: Kind, content: Content, said: str
) -> None:
    channel = InProcess([Desk(write_branch(tmp_path, 0))])
    channel.ask("catalogue", Content({"run_date": str(NIGHT)}), [0])
    assert channel.ask(kind, content, [0]) == {}
    assert said in channel.said[0]
    assert not federated_als.shelf(channel.desks[0].config).exists()
