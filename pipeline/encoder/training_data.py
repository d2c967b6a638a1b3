"""What the encoder learns from: the texts, the decayed actions on them, and what the further tasks are about."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features.read import choices, query_texts
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def read_texts(features: Path, name: str = "texts") -> list[str]:
    """[I] texts of the items known at the anchor (or, of "tuning_texts", on the day of tuning), row i is item i."""
    path = features / f"{name}.parquet"
    try:
        texts: list[str] = pq.read_table(path, columns=["text"]).column(0).to_pylist()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: run stage 'features' first") from None
    return [text or "" for text in texts]


def weights(actions: pa.Table, items: int, half_life_days: float) -> "csr_matrix":
    """[U, I] CSR float32: sum of positive weights, decayed from the newest action on; returns do not count."""
    from scipy.sparse import csr_matrix

    users, chosen, day, weight = (
        actions.column(name).to_numpy() for name in ("user_index", "item_index", "day", "weight")
    )
    kept = (weight > 0) & (chosen < items)
    users, chosen, day, weight = users[kept], chosen[kept], day[kept], weight[kept]
    age = day.max(initial=0) - day
    shape = (int(users.max(initial=-1)) + 1, items)
    decayed = (weight * 0.5 ** (age / half_life_days)).astype(np.float32)
    matrix = csr_matrix((decayed, (users, chosen)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def with_baskets(matrix: "csr_matrix", actions: pa.Table, half_life_days: float, share: float) -> "csr_matrix":
    """[U + B, I] CSR: below the users' rows one row per basket of at least two items, weighted by `share`.

    A basket is what a user acted on in a session, or on a day where the log has no sessions.
    """
    from scipy.sparse import vstack

    names = ("user_index", "day", "session_index")
    users, day, session = (actions.column(name).fill_null(-1).to_numpy() for name in names)
    key = np.stack([users, np.where(session >= 0, -1, day), session], axis=1)
    number = np.unique(key, axis=0, return_inverse=True)[1].ravel().astype(np.int32)
    places = actions.schema.get_field_index("user_index")
    rows = weights(actions.set_column(places, "user_index", pa.array(number)), matrix.shape[1], half_life_days)
    return vstack([matrix, rows[np.diff(rows.indptr) >= 2] * np.float32(share)], format="csr")


@dataclass(frozen=True)
class TaskData:
    """What the tasks learn from.

    Attributes:
        categories: [I] int64 number of an item's category, -1 without one.
        behaviours: [U, I] CSR int64, 1 + number of the strongest behaviour of user u towards item i.
        names: how many categories and how many behaviours there are.
        queries: [Q] what people searched for.
        choices: [Q, I] CSR float32, how many chose item i after query q.
    """

    categories: np.ndarray
    behaviours: "csr_matrix"
    names: tuple[int, int]
    queries: tuple[str, ...] = ()
    choices: "csr_matrix | None" = None

    def asked(self, filled: np.ndarray) -> tuple[list[str], "csr_matrix | None"]:
        """The queries after which an item with a text was chosen, and how many chose it: [Q'], [Q', I] or None.

        Args:
            filled: bool [I], which items have a text.
        """
        if self.choices is None or not self.queries:
            return [], None
        from scipy.sparse import diags

        choices = (self.choices @ diags(filled.astype(np.float32))).tocsr().astype(np.float32)
        choices.eliminate_zeros()
        kept = np.flatnonzero(np.diff(choices.indptr))
        return [self.queries[query] for query in kept], choices[kept] if len(kept) else None


def read_task_data(
    actions: pa.Table, categories: list[str | None], queries: pa.Table, shape: tuple[int, int]
) -> TaskData:
    """Number the categories of all items and the behaviours of all actions.

    Args:
        actions: schemas.ACTIONS.
        categories: [I], None without one.
        queries: schemas.QUERIES.
        shape: (U, I).
    """
    from scipy.sparse import csr_matrix

    number = {name: n for n, name in enumerate(sorted({name for name in categories if name}))}
    of_item = np.array([number.get(name or "", -1) for name in categories], dtype=np.int64)
    kept = actions.filter(pc.greater(actions.column("weight"), 0))
    kept = kept.filter(pc.less(kept.column("item_index"), len(categories)))
    order = (
        kept.group_by("event_type")
        .aggregate([("weight", "max")])
        .sort_by([("weight_max", "ascending"), ("event_type", "ascending")])
    )
    known = pc.index_in(kept.column("event_type"), order.column("event_type").combine_chunks())
    user, item = kept.column("user_index").to_numpy(), kept.column("item_index").to_numpy()
    code = known.fill_null(0).to_numpy().astype(np.int64) + 1
    strongest = np.lexsort((code, item, user))
    ends = np.diff(user[strongest], append=-1) | np.diff(item[strongest], append=-1)
    chosen = strongest[ends != 0]
    behaviours = csr_matrix((code[chosen], (user[chosen], item[chosen])), shape=shape)
    asked, chosen_after = tuple(query_texts(queries)), choices(queries, len(categories))
    return TaskData(of_item, behaviours, (len(number), len(order)), asked, chosen_after)
