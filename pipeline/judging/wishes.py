"""What surfaces recommend for, as tables that published runs are judged by: which events count, and on which items."""

from datetime import date, timedelta

import pyarrow as pa

from pipeline.settings import predicates
from pipeline.settings.assortments import ALL_ITEMS, Assortment
from pipeline.settings.config import Config

SURFACES = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("repeats", pa.bool_()),
        pa.field("wish", pa.string()),
        pa.field("horizon_days", pa.int32()),
    ]
)
WISHES = pa.schema(
    [
        pa.field("wish", pa.string()),
        pa.field("is_limited", pa.bool_()),
        pa.field("horizon_days", pa.int32()),
        pa.field("goal", pa.list_(pa.string())),
    ]
)
WISHED_ITEMS = pa.schema([pa.field("wish", pa.string()), pa.field("item_id", pa.string())])


def tables(items: pa.Table, run_date: date, config: Config) -> dict[str, pa.Table]:
    """Tables `surfaces`, `wishes` and `wished_items`.

    A surface that is not configured any more is judged by the shop's own goal, on all items, which is the wish "". What
    could be recommended on a past night is not kept: of a surface with a predicate the items count that pass it now,
    available or not.

    Args:
        items: schemas.ITEMS.
        run_date: tonight.
        config: the surfaces.
    """
    wishes = list(dict.fromkeys([Assortment(), *config.assortments]))
    days = {one.name: one.horizon_days or config.horizon_days for one in wishes}
    limited = {one.name: one.where for one in wishes if one.where != ALL_ITEMS}
    asked = [
        {"wish": one.name, "is_limited": one.name in limited, "horizon_days": days[one.name], "goal": list(one.goal)}
        for one in wishes
    ]
    drawn = {surface: config.assortment_of(surface).name for surface in config.surfaces}
    surfaces = [
        {"surface": surface.name, "repeats": surface.repeats, "wish": wish, "horizon_days": days[wish]}
        for surface, wish in drawn.items()
    ]
    return {
        "surfaces": pa.Table.from_pylist(surfaces, schema=SURFACES),
        "wishes": pa.Table.from_pylist(asked, schema=WISHES),
        "wished_items": _wished(items, limited, run_date + timedelta(days=1)),
    }


def _wished(items: pa.Table, limited: dict[str, str], valid_on: date) -> pa.Table:
    """WISHED_ITEMS of the wishes that are for some items only."""
    passing = predicates.passing(items, limited, valid_on) if limited else {}
    parts = [WISHED_ITEMS.empty_table()]
    for wish, passes in passing.items():
        ids = items.column("item_id").filter(pa.array(passes))
        parts.append(pa.table({"wish": pa.repeat(pa.scalar(wish), len(ids)), "item_id": ids}, schema=WISHED_ITEMS))
    return pa.concat_tables(parts)
