"""The published tables of one night but for the recommendations, and how a published table is written."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.arrays.blocks import blocks
from pipeline.features.read import query_texts
from pipeline.ground import schemas, sql
from pipeline.ground.errors import InputError
from pipeline.publication import search
from pipeline.publication.night import Night

ROW_GROUP = 122_880
"""Rows of a Parquet row group: what is held in memory of a table that is written."""


def write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write a table to Parquet, holding one row group at a time; the same rows give the same bytes.

    Args:
        path: the file.
        tables: pieces of any size, each with exactly `schema`.
        schema: the table's contract.
    Returns:
        The number of rows.
    """
    rows, pending = 0, [schema.empty_table()]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            pending.append(table)
            rows += table.num_rows
            if sum(t.num_rows for t in pending) >= ROW_GROUP:
                waiting = pa.concat_tables(pending)
                whole = waiting.num_rows - waiting.num_rows % ROW_GROUP
                writer.write_table(waiting.slice(0, whole), row_group_size=ROW_GROUP)
                pending = [waiting.slice(whole)]
        writer.write_table(pa.concat_tables(pending), row_group_size=ROW_GROUP)
    return rows


def similar_items(night: Night) -> Iterator[pa.Table]:
    """Tables with schemas.SIMILAR_ITEMS, sorted by item_id, rank over all of them."""
    items, scores = night.similar
    item_ids = night.items.column("item_id")
    by_item_id = pc.sort_indices(item_ids).to_numpy()
    for rows in blocks(len(items), max(1, ROW_GROUP // items.shape[1])):
        chosen = by_item_id[rows]
        row, column = np.nonzero(items[chosen] >= 0)
        at = chosen[row]
        columns = {
            "run_id": pa.repeat(night.run_id, len(row)),
            "item_id": item_ids.take(pa.array(at)),
            "rank": (column + 1).astype(np.int32),
            "similar_item_id": item_ids.take(pa.array(items[at, column])),
            "score": scores[at, column],
        }
        yield pa.table(columns, schema=schemas.SIMILAR_ITEMS)


def search_results(night: Night) -> Iterator[pa.Table]:
    """Tables with schemas.SEARCH_RESULTS, sorted by query, rank; none where the log has no frequent query."""
    queries = pa.array(query_texts(night.queries), pa.string())
    if not len(queries):
        return
    items, scores = search.search_results(
        night.choices,
        night.query_vectors,
        night.vectors,
        night.stats.column("buyers_91").to_numpy(),
        night.shown_somewhere,
        section=night.config.publish,
    )
    by_query = pc.sort_indices(queries).to_numpy()
    item_ids = night.items.column("item_id")
    row, column = np.nonzero(items[by_query] >= 0)
    at = by_query[row]
    columns = {
        "run_id": pa.repeat(night.run_id, len(row)),
        "query": queries.take(pa.array(at)),
        "rank": (column + 1).astype(np.int32),
        "item_id": item_ids.take(pa.array(items[at, column])),
        "score": scores[at, column],
    }
    yield pa.table(columns, schema=schemas.SEARCH_RESULTS)


def recommendation_outcomes(run_id: str, outcomes: Path) -> pa.Table:
    """schemas.RECOMMENDATION_OUTCOMES: how earlier runs have done by now; no part of what the run's id stands for."""
    with pq.ParquetFile(outcomes / "outcomes.parquet") as file:
        table = file.read()
    columns = [pa.array([run_id] * table.num_rows, pa.string()), *table.columns]
    return pa.Table.from_arrays(columns, schema=schemas.RECOMMENDATION_OUTCOMES)


def popular_items(night: Night) -> pa.Table:
    """schemas.POPULAR_ITEMS: what a user gets of whom nothing is known, or only an attribute or the surface."""
    indices = night.items.column("item_index")
    shown = [
        pa.table({"segment": ["all"] * int(m.sum()), "item_index": indices.filter(pa.array(m))})
        for m in [night.shown_somewhere]
    ]
    for surface in night.config.surfaces:
        mask = night.shown[surface.name]
        if not np.array_equal(mask, night.shown_somewhere):
            names = pa.repeat(f"surface:{surface.name}", int(mask.sum()))
            shown.append(pa.table({"segment": names, "item_index": indices.filter(pa.array(mask))}))
    relations = {
        "shown": pa.concat_tables(shown),
        "items": night.items.select(["item_index", "item_id", "first_seen"]),
        "stats": night.stats,
        "interactions": night.cutoff.interactions(["user_index", "item_index", "last_age"]),
        "attributes": _attributes(night),
    }
    section = night.config.publish
    params = {"run_id": night.run_id, "run_date": night.run_date, "k": section.popular_k, "new_days": section.new_days}
    return sql.query(night.connection, "publish/popular_items", schemas.POPULAR_ITEMS, relations, **params)


def _attributes(night: Night) -> pa.Table:
    """user_index, segment ("country:France") for every configured column of the users table and user who has one."""
    schema = pa.schema([pa.field("user_index", pa.int32()), pa.field("segment", pa.string())])
    tables = [schema.empty_table()]
    for column in night.config.publish.segment_by:
        try:
            table = pq.read_table(night.features / "users.parquet", columns=["user_index", column])
            values = pc.binary_join_element_wise(pa.scalar(column), table.column(column).cast(pa.string()), ":")
        except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"publish.segment_by: users have no column '{column}' of text ({error})") from None
        tables.append(pa.table([table.column("user_index"), values], schema=schema).drop_null())
    return pa.concat_tables(tables)


def user_profiles(night: Night) -> pa.Table:
    """schemas.USER_PROFILES of every user with an event."""
    relations = {
        "users": night.users,
        "stats": night.cutoff.user_stats(),
        "items": night.items.select(["item_index", "category"]),
        "interactions": night.cutoff.interactions(["user_index", "item_index", "confidence"]),
    }
    judged = night.config.evaluate
    return sql.query(
        night.connection,
        "publish/user_profiles",
        schemas.USER_PROFILES,
        relations,
        run_id=night.run_id,
        run_date=night.run_date,
        new_items=judged.new_user_items,
        heavy_items=judged.heavy_user_items,
    )
