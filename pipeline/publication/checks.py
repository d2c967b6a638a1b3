"""Checks of the tables about to be published: every sql/checks/tables/*.sql returns offending rows.

What a check that finds some does is in `checks.severity`; all of them stop by default.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.features.rates import has_history
from pipeline.features.read import read_cutoffs
from pipeline.ground import schemas, sql
from pipeline.ground.errors import GateError
from pipeline.publication import arms, tables, variants
from pipeline.publication.allotment.rules import FACTS, Rules
from pipeline.publication.content import told as content
from pipeline.publication.night import LONG_AGO, Night
from pipeline.publication.tables import exposure
from pipeline.published.contract import ActiveRun, PublishedTable
from pipeline.settings.sections.publication import Surface

log = logging.getLogger(__name__)

SHOWN = 3
"""Offending rows that a message quotes."""
RULES = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("exclude_seen_days", pa.int32()),
        *(pa.field(f"{end}_price_ratio", pa.float64()) for end in ("min", "max")),
        pa.field("max_per_category", pa.int32()),
    ]
)
CHURN = pa.schema([pa.field("surface", pa.string()), pa.field("churn", pa.float64()), pa.field("lost", pa.float64())])
BY_ARM = ("recommendations_length", "recommendations_rules", "recommendations_users", "variants")
"""Checks that look at settings in which arms of an experiment can differ: each arm's lists by its own."""
RECOMMENDATIONS = "recommendations"
"""What a check is about that is named after no table."""
WANTED_DAYS = 2
"""An item that somebody acted on within so many days is still wanted: a list that loses it has changed by itself."""


def offences(folder: Path, night: Night) -> dict[str, tuple[int, list[str]]]:
    """Run every check that is not off.

    Args:
        folder: one Parquet file per published table.
        night: what the tables were made from.
    Returns:
        For each check that found something: how many rows offend, and the first few in words.
    """
    found: dict[str, list[str]] = {}
    wanted, parts = _of(night), arms.parts(night)
    with sql.connect(night.config.threads, night.config.memory_limit_mb, spill=folder / ".spill") as connection:
        for table in _tables(night):
            connection.read_parquet(str(folder / table.file)).create_view(table.name)
        _stamped(connection, night).create_view("stamped")
        for name, fact in _facts(night).items():
            connection.register(name, fact)
        for name in [name for name in wanted if name not in BY_ARM or not parts]:
            found[name] = _rows(connection, name)
        for surfaces, user_ids in parts:
            for name, fact in _of_part(night, surfaces, user_ids).items():
                connection.register(name, fact)
            sql.execute(connection, "experiment/lists_of_part")
            for name in [name for name in wanted if name in BY_ARM]:
                found[name] = found.get(name, []) + _rows(connection, name)
    return {name: (len(rows), rows[:SHOWN]) for name in wanted if (rows := found[name])}


def _tables(night: Night) -> list[PublishedTable]:
    """Those that are checked."""
    return [module.TABLE for module in tables.checked(night.config)]


def _of(night: Night) -> list[str]:
    """The checks that are not off, but for those of tables that the shop has not."""
    absent = {table.name for table in {*tables.published()} - {*tables.published_by(night.config)}}
    given = night.config.checks.of("tables")
    return [name for name in given if not {name, name.removesuffix("_limits")} & absent]


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [str(row[0]) for row in sql.execute(connection, f"checks/tables/{name}").fetchall()]


def _of_part(night: Night, surfaces: tuple[Surface, ...], user_ids: pa.ChunkedArray) -> dict[str, pa.Table]:
    """The facts that BY_ARM look at, of the users of some arms, to whom surfaces are as these have them."""
    theirs = replace(night, config=night.config.model_copy(update={"surfaces": surfaces}))
    room = _room(theirs)
    mine = pc.is_in(room.column("user_id"), value_set=user_ids.combine_chunks())
    part = pa.table({"user_id": user_ids})
    return {"part": part, "surfaces": _surfaces(theirs), "rules": _rules(theirs), "room": room.filter(mine)}


def require(folder: Path, night: Night) -> dict[str, tuple[int, list[str]]]:
    """Run every check; arguments as `offences`.

    Returns:
        What checks with severity `warn` found, as `offences` has it.
    Raises:
        GateError: a check with severity `stop` found something; names every such check and its first rows.
    """
    found = offences(folder, night)
    said = {name: f"{name} ({rows}): {'; '.join(first)}" for name, (rows, first) in found.items()}
    stopping = [name for name in found if night.config.checks.severity[name] == "stop"]
    if stopping:
        flags = " ".join(f"--set checks.severity.{name}=warn" for name in stopping)
        error = GateError(
            f"the tables of {night.run_id} fail {len(stopping)} checks, the active run stays. "
            f"{' | '.join(said[name] for name in stopping)} (to publish all the same: {flags})"
        )
        error.found = {name: rows for name, (rows, _) in found.items()}
        raise error
    for words in said.values():
        log.warning("the tables of %s fail a check that only warns: %s", night.run_id, words)
    return found


def told(found: Mapping[str, tuple[int, list[str]]], night: Night) -> Night:
    """The night as tables that tell of its checks have it; `found` as `offences` has it."""
    names = sorted((table.name for table in _tables(night)), key=len, reverse=True)
    about = {
        check: next((name for name in names if check == name or check.startswith(f"{name}_")), RECOMMENDATIONS)
        for check in _of(night)
    }
    counts = {check: found[check][0] if check in found else 0 for check in about}
    return replace(night, checked=tuple((check, about[check], counts[check]) for check in about))


def _stamped(connection: duckdb.DuckDBPyConnection, night: Night) -> duckdb.DuckDBPyRelation:
    """name, run_id: the runs that each table has rows of."""
    columns = [
        connection.table(table.name)
        .select(duckdb.ConstantExpression(table.name).alias("name"), duckdb.ColumnExpression("run_id"))
        .distinct()
        for table in _tables(night)
    ]
    return reduce(duckdb.DuckDBPyRelation.union, columns)


def _facts(night: Night) -> dict[str, pa.Table]:
    hidden = []
    for surface, shown in night.shown.items():
        items = night.items.column("item_id").filter(pa.array(~shown))
        hidden.append(pa.table({"surface": pa.repeat(surface, len(items)), "item_id": items}))
    return {
        "surfaces": _surfaces(night),
        "rules": _rules(night),
        "limits": _limits(night),
        **exposure.facts(night),
        **content.facts(night.never.limits),
        "room": _room(night),
        "hidden": pa.concat_tables(hidden),
        "items": night.items.select(["item_index", "item_id", "available", "category", "price"]),
        "offers": _offers(night),
        "disliked": _disliked(night),
        "products": _products(night),
        # not from the interactions, which `recommendations_seen` judges by them
        "targets": pa.table({"user_id": night.users.column("user_id").filter(pa.array(has_history(night.cutoff)))}),
        "users": night.users,
        "interactions": night.cutoff.interactions(["user_index", "item_index", "last_age"]),
        "user_stats": night.cutoff.user_stats().select(["user_index", "items"]),
        "explained": pa.table({"ranks": [night.config.explanations.ranks]}),
        "usual_prices": night.cutoff.user_stats().select(["user_index", "mean_price"]),
    }


def _surfaces(night: Night) -> pa.Table:
    """One row per surface: its settings, and what there is to show."""
    described, free = night.config.surfaces, night.never.everybodys
    closed = [bool((night.shown[s.name] & ~free(night.shown[s.name])).any()) for s in described]
    return pa.table(
        {
            "surface": [s.name for s in described],
            "k": [s.k for s in described],
            "repeats": [s.repeats for s in described],
            "max_per_product": [s.max_per_product for s in described],
            "possible": [int(night.shown[s.name].sum()) - _spare(night, s) for s in described],
            "open": [int((night.shown[s.name] & night.shown_somewhere).sum()) for s in described],
            "personal": [s.is_personal or closed[n] for n, s in enumerate(described)],
            "ever": [_had_items(night, s) for s in described],
        }
    )


def _offers(night: Night) -> pa.Table:
    """user_id, item_id of what was offered to some users alone."""
    given = night.cutoff.offers()
    given = schemas.OFFERS.empty_table() if given is None else given
    users, items = night.users.column("user_id").combine_chunks(), night.items.column("item_id").combine_chunks()
    return pa.table(
        {"user_id": users.take(given.column("user_index")), "item_id": items.take(given.column("item_index"))}
    )


def _products(night: Night) -> pa.Table:
    """item_id, product of the items that have other variants."""
    codes = np.full(night.items.num_rows, -1, np.int32) if night.products is None else night.products
    found = night.items.select(["item_id"]).append_column("product", pa.array(codes))
    return found.filter(pa.array(codes >= 0))


def _disliked(night: Night) -> pa.Table:
    """user_index, item_index of what users dislike or are kept from."""
    users, items = night.never.disliked.nonzero()
    return pa.table({"user_index": users.astype(np.int32), "item_index": items.astype(np.int32)})


def _had_items(night: Night, surface: Surface) -> bool:
    """Whether there was ever anything to show on a surface, today or at an earlier cut-off."""
    masks = (cutoff.eligible(night.config.pool(surface)) for cutoff in read_cutoffs(night.features))
    return any(mask is None or bool(mask.any()) for mask in masks)


def _room(night: Night) -> pa.Table:
    """surface, user_id, items: how many there are for each user who acted on something, rules about users aside."""
    history = night.cutoff.interactions(["user_index", "item_index"])
    owner, owned = (history.column(i).to_numpy() for i in range(2))
    users = np.flatnonzero(has_history(night.cutoff))
    ids = night.users.column("user_id").take(pa.array(users)).combine_chunks()
    parts = []
    for surface in night.config.surfaces:
        shown = night.shown[surface.name]
        had = np.zeros(night.cutoff.users, dtype=np.int64)
        if not surface.repeats:
            had = np.bincount(owner[shown[owned]], minlength=night.cutoff.users)
        left = pa.array(night.never.possible(shown)[users] - had[users] - _spare(night, surface))
        parts.append(pa.table({"surface": pa.repeat(surface.name, len(users)), "user_id": ids, "items": left}))
    return pa.concat_tables(parts)


def _spare(night: Night, surface: Surface) -> int:
    return variants.spare(night.products, night.shown[surface.name], surface.max_per_product)


def _rules(night: Night) -> pa.Table:
    """The surfaces that have rules about the user, and the rules; null: none of this kind."""
    personal = [surface for surface in night.config.surfaces if surface.is_personal]
    given = [{"surface": s.name} | s.model_dump(include=set(RULES.names[1:])) for s in personal]
    return pa.Table.from_pylist(given, schema=RULES)


def _limits(night: Night) -> pa.Table:
    """What every row of an item uses of each limit of the surfaces whose items are allotted."""
    found = [Rules.tonight(night, surface).facts(night.items) for surface in night.config.surfaces if surface.allot]
    return pa.concat_tables([FACTS.empty_table(), *found])


def _wanted_items(night: Night) -> pa.Table:
    """item_id of what somebody acted on lately and that may still be shown somewhere.

    Where items live days, those that are old for that are not wanted: lists of articles may change wholly in a night.
    """
    age = night.stats.column("last_age").to_numpy()
    wanted = np.logical_or.reduce(list(night.showable.values())) & (age < WANTED_DAYS)  # false where nobody ever did
    if (lifetime := night.lifetime_hours) is not None:
        wanted &= ~(night.cutoff.trends().column("age_hours").to_numpy() > LONG_AGO * lifetime)
    return night.items.select(["item_id"]).take(pa.array(np.flatnonzero(wanted)))


def churn(folder: Path, champion: ActiveRun | None, night: Night, k: int) -> dict[str, float]:
    """The mean share of the first k items that a user did not have in the champion's list, per surface.

    Args:
        folder: tonight's Parquet files.
        champion: the run that tonight's replaces; None: nothing to compare.
        night: tonight; its configuration has the limit, and how old a champion may be for it to hold.
        k: how many items are compared.
    Raises:
        GateError: the limit is exceeded, and evaluate.block is set.
    """
    if champion is None or not (champion.folder / "recommendations.parquet").is_file():
        return {}
    ours, theirs = (str(f / "recommendations.parquet") for f in (folder, champion.folder))
    relations = {"wanted_items": _wanted_items(night)}
    rows = sql.query(night.connection, "publish/churn", CHURN, relations, ours=ours, theirs=theirs, k=k).to_pylist()
    found = {row["surface"]: round(row["churn"], 4) for row in rows}
    log.info("share of the first %d items that changed since run %s: %s", k, champion.run_id, found)
    nights, section = (night.run_date - champion.run_date).days, night.config.publish
    judged = [row for row in rows if row["surface"] not in night.config.rearranged]
    worst, share = max(
        ((row["surface"], row["lost"] or 0.0) for row in judged), key=lambda entry: entry[1], default=("", 0)
    )
    if share > section.max_churn and nights <= section.churn_nights:
        said = (
            f"{share:.0%} of the first {k} items of surface '{worst}' that are still wanted went in {nights} nights "
            f"since run {champion.run_id}, more than publish.max_churn = {section.max_churn:.0%}"
        )
        if night.config.evaluate.block:
            raise GateError(f"{said}: the active run stays")
        log.warning("%s: published all the same", said)
    return found
