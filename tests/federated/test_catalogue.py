"""All branches have the same row for an item, and ids from outside are no others than texts."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.federated.catalogue import LONGEST, placed, require_ids, union
from pipeline.ground.errors import InputError


def test_the_union_is_sorted_and_each_branch_finds_its_items_in_it() -> None:
    shared = union([["b", "ä", "a"], ["c", "a"], []])
    assert shared == ["a", "b", "c", "ä"]
    mine = csr_matrix(np.array([[1, 2, 3], [0, 4, 0]]), dtype=np.float32)
    np.testing.assert_array_equal(
        placed(mine, ["b", "ä", "a", "later"], shared).toarray(), [[3, 1, 0, 2], [0, 0, 0, 4]]
    )


def test_an_item_with_a_history_must_be_shared() -> None:
    mine = csr_matrix(np.array([[1, 0]]), dtype=np.float32)
    assert placed(mine, ["a", "b"], ["a"]).shape == (1, 1)
    with pytest.raises(InputError, match="left out an item"):
        placed(mine, ["a", "b"], ["b"])


@pytest.mark.parametrize("ids", ["abc", [1], [""], ["a", "a"], ["a\n"], ["\x1b[2J"], ["x" * (LONGEST + 1)], [None]])
def test_ids_from_outside_are_short_printable_texts(ids: object) -> None:
    assert require_ids(["a", "ä b"], "a branch") == ["a", "ä b"]
    with pytest.raises(InputError, match="a branch sent"):
        require_ids(ids, "a branch")
