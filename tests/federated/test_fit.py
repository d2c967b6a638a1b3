"""The federated fit is the pooled one, and what leaves a branch is sums."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.arrays.factorisation import factorise
from pipeline.federated import fit as fits
from pipeline.federated.branch import Branch, often_enough
from pipeline.federated.fit import BranchLost, added, fit, require_sums, start, together
from pipeline.ground.errors import InputError
from tests.federated.shops import CUTOFFS, ITEMS, SHAPE, branches, matrix, pooled


def test_three_branches_make_the_factors_of_one_shop_with_all_logs() -> None:
    found = fit(together(branches()), CUTOFFS, ITEMS, SHAPE)
    items, whole = start(ITEMS, SHAPE), pooled()
    for cutoff, iterations in zip(CUTOFFS, (SHAPE.iterations, SHAPE.warm_iterations), strict=True):
        _, items = factorise(whole[cutoff], items.copy(), iterations, SHAPE.reg, threads=1)  # implicit's own
        np.testing.assert_allclose(found[cutoff], items, atol=2e-4)
    assert np.abs(found[CUTOFFS[1]][:-1]).max() > 0.1
    assert not found[CUTOFFS[1]][-1].any(), "nobody has the last item"


def test_the_sums_are_the_normal_equations_of_all_users() -> None:
    each = branches()
    items = np.random.default_rng(5).standard_normal((ITEMS, 5)).astype(np.float32)
    sums = together(each)("begin", CUTOFFS[1], items)
    users, dense = np.concatenate([one.users for one in each]), pooled()[CUTOFFS[1]].toarray()
    for item in range(ITEMS):
        has = dense[:, item] > 0
        left = (users[has].T * (dense[has, item] - 1)) @ users[has]
        right = users[has].T @ dense[has, item]
        np.testing.assert_allclose(sums["pull"][item], right - left @ items[item], atol=1e-4)
        push = together(each)("go_on", CUTOFFS[1], items)["push"][item]
        np.testing.assert_allclose(push, left @ items[item], atol=1e-4)
    np.testing.assert_allclose(sums["gram"], users.T @ users, atol=1e-4)


def test_users_are_solved_from_nothing_at_another_cut_off() -> None:
    once, twice = branches()[0], branches()[0]
    items = start(ITEMS, SHAPE)
    once.answer("begin", CUTOFFS[0], items)
    np.testing.assert_array_equal(
        once.answer("begin", CUTOFFS[1], items)["pull"], twice.answer("begin", CUTOFFS[1], items)["pull"]
    )


def test_what_leaves_a_branch_has_no_row_of_any_user() -> None:
    branch = branches()[0]
    items = np.random.default_rng(5).standard_normal((ITEMS, 5)).astype(np.float32)
    sent = [branch.answer("begin", CUTOFFS[1], items), branch.answer("go_on", CUTOFFS[1], items)]
    assert [{name: array.shape for name, array in answer.items()} for answer in sent] == [
        {"pull": (ITEMS, 5), "gram": (5, 5)},
        {"push": (ITEMS, 5)},
    ]
    rows = np.concatenate([array for answer in sent for array in answer.values()])
    for user in branch.users[branch.users.any(axis=1)]:
        assert np.abs(rows - user).max(axis=1).min() > 1e-3


def test_one_customer_of_a_rare_item_is_seen_unless_the_branch_asks_for_more() -> None:
    rare = csr_matrix(np.array([[2, 0, 1], [1.5, 1, 0], [1, 0, 0]]), dtype=np.float32)
    np.testing.assert_array_equal(often_enough(rare, 2).toarray(), [[2, 0, 0], [1.5, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(often_enough(rare, 3).toarray(), often_enough(rare, 2).toarray())
    assert often_enough(rare, 4).nnz == 0
    assert often_enough(rare, 1) is rare
    items = np.eye(3, dtype=np.float32)
    branch = Branch({"2024-01-07": rare}, reg=1.0)
    alone = branch.answer("begin", "2024-01-07", items)["pull"][1]
    owner = branch.users[1]
    assert abs(alone @ owner) == pytest.approx(np.linalg.norm(alone) * np.linalg.norm(owner), rel=1e-5)
    held_back = Branch({"2024-01-07": often_enough(rare, 2)}, reg=1.0)
    assert not held_back.answer("begin", "2024-01-07", items)["pull"][1].any()


def test_rows_without_a_history_are_kept_where_items_are_left_out() -> None:
    whole = matrix(40, seed=9, density=0.1)
    found = often_enough(whole, 5).toarray()
    often = (whole.toarray() > 0).sum(axis=0) >= 5
    np.testing.assert_array_equal(found, whole.toarray() * often)


def test_an_iteration_begins_again_without_a_branch_that_is_lost() -> None:
    left, calls = branches(), []

    def ask(step: fits.Step, cutoff: str, items: np.ndarray) -> fits.Arrays:
        calls.append(step)
        if len(calls) == 3:
            left.pop()
            raise BranchLost
        return together(left)(step, cutoff, items)

    found = fit(ask, CUTOFFS[:1], ITEMS, SHAPE)[CUTOFFS[0]]
    assert calls[:5] == ["begin", "go_on", "go_on", "begin", "go_on"]
    without = fit(together(branches()[:2]), CUTOFFS[:1], ITEMS, SHAPE)[CUTOFFS[0]]
    np.testing.assert_allclose(found, without, atol=0.05)  # it had solved its users once more, from the same items


@pytest.mark.parametrize(
    ("step", "cutoff", "items", "said"),
    [
        ("begin", "2024-02-01", np.zeros((ITEMS, 5), np.float32), "does not have"),
        ("begin", CUTOFFS[0], np.zeros((ITEMS, 5)), "another version"),
        ("begin", CUTOFFS[0], np.zeros((ITEMS + 1, 5), np.float32), "another version"),
        ("begin", CUTOFFS[0], np.full((ITEMS, 5), np.nan, np.float32), "not finite"),
        ("go_on", CUTOFFS[0], np.zeros((ITEMS, 5), np.float32), "before a step 'begin'"),
        ("users", CUTOFFS[0], np.zeros((ITEMS, 5), np.float32), "before a step 'begin'"),
    ],
)
def test_a_branch_refuses_what_is_no_step_of_a_fit(step: str, cutoff: str, items: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        branches()[0].answer(step, cutoff, items)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"push": np.zeros((3, 2), np.float32), "users": np.zeros((9, 2), np.float32)},
        {"push": np.zeros((2, 3), np.float32)},
        {"push": np.zeros((3, 2), np.int64)},
        {"push": np.full((3, 2), np.inf, np.float32)},
    ],
)
def test_the_server_refuses_what_is_no_sum_it_asked_for(answer: fits.Arrays) -> None:
    require_sums({"push": np.zeros((3, 2), np.float32)}, "go_on", 3, 2)
    with pytest.raises(InputError, match="a branch answered"):
        require_sums(answer, "go_on", 3, 2)


def test_a_fit_needs_a_branch() -> None:
    with pytest.raises(InputError, match="no branch"):
        added([])
