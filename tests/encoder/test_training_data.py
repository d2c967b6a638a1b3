"""What the encoder learns from: decayed weights, baskets, and the data of the further tasks."""

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.encoder import training_data
from pipeline.encoder.training_data import read_task_data
from pipeline.ground import schemas
from tests.encoder.text_shop import DAY, actions_of

NO_QUERIES = schemas.QUERIES.empty_table()


def test_weights_decay_and_returns_do_not_count() -> None:
    actions = actions_of(np.array([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0]])).to_pydict()
    actions["day"][0] -= 30
    actions["weight"][2] = -1.0
    import pyarrow as pa

    found = training_data.weights(pa.table(actions), items=3, half_life_days=30)
    np.testing.assert_allclose(found.toarray(), [[0.5, 0, 2]])
    assert actions["day"][1] == DAY


def test_a_basket_is_a_session_or_else_a_day_and_has_two_items() -> None:
    import pyarrow as pa

    rows = [(0, 0, 1, None), (0, 1, 1, None), (0, 2, 2, None), (1, 0, 5, 7), (1, 3, 6, 7), (1, 1, 6, 8)]
    names = ("user_index", "item_index", "day", "session_index")
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    actions = pa.table({name: pa.array(values, pa.int32()) for name, values in columns.items()})
    actions = actions.append_column("weight", pa.array([1.0] * len(rows), pa.float32()))
    users = training_data.weights(actions, 4, half_life_days=1e9)
    found = training_data.with_baskets(users, actions, 1e9, share=0.5).toarray()
    np.testing.assert_allclose(found[:2], users.toarray())
    assert sorted(map(tuple, found[2:])) == [(0.5, 0, 0, 0.5), (0.5, 0.5, 0, 0)]


def action(user: int, item: int, kind: str, weight: float) -> dict[str, Any]:
    return {"user_index": user, "item_index": item, "day": 1, "event_type": kind, "weight": weight}


def test_the_data_of_the_tasks_are_the_categories_and_the_strongest_behaviours() -> None:
    rows = [
        action(0, 0, "view", 0.1),
        action(0, 0, "like", 0.7),
        action(0, 1, "view", 0.1),
        action(1, 1, "buy", 1.0),
        action(1, 1, "return", -1.0),
        action(1, 9, "buy", 1.0),  # an item that came later
    ]
    actions = pa.Table.from_pylist(rows, schema=schemas.ACTIONS)
    found = read_task_data(actions, ["mugs", None, "bags"], NO_QUERIES, (2, 3))
    assert found.categories.tolist() == [1, -1, 0]
    assert found.names == (2, 3)
    assert found.behaviours.toarray().tolist() == [[2, 1, 0], [0, 3, 0]]  # 1 view, 2 like, 3 buy
    assert (found.queries, found.choices is not None and found.choices.shape) == ((), (0, 3))


def test_choices_after_a_query_are_numbered_as_the_items_are() -> None:
    rows = [
        {"query_index": 0, "query": "mug", "users": 5, "item_index": 2, "clicks": 4},
        {"query_index": 1, "query": "bag", "users": 5, "item_index": 0, "clicks": 3},
        {"query_index": 1, "query": "bag", "users": 5, "item_index": 7, "clicks": 2},
    ]
    queries = pa.Table.from_pylist(rows, schema=schemas.QUERIES)
    found = read_task_data(
        pa.Table.from_pylist([action(0, 0, "buy", 1)], schema=schemas.ACTIONS), [None] * 3, queries, (1, 3)
    )
    assert found.queries == ("mug", "bag")
    assert found.choices is not None
    assert found.choices.toarray().tolist() == [[0, 0, 4], [3, 0, 0]]
