"""The input tables, in the order they are staged. What reads, checks, hides, keeps and forgets them asks here.

A table more is a module here with an InputTable, its line in INPUTS, and sql/ingest/<name>.sql. Nothing else names it:
its key in the configuration, [ingest.<name>], follows from the line (`section`), so that any other key is still refused
by name when the configuration is read.
"""

from typing import Any

from pydantic import create_model

from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.intake.inputs.editorial import EDITORIAL
from pipeline.intake.inputs.events import EVENTS
from pipeline.intake.inputs.exclusions import EXCLUSIONS
from pipeline.intake.inputs.items import ITEMS
from pipeline.intake.inputs.links import LINKS
from pipeline.intake.inputs.offers import OFFERS
from pipeline.intake.inputs.rejects import REJECTS
from pipeline.intake.inputs.relations import RELATIONS
from pipeline.intake.inputs.searches import SEARCHES
from pipeline.intake.inputs.table import InputTable, NightTable
from pipeline.intake.inputs.users import USERS
from pipeline.privacy.pseudonyms import Purpose
from pipeline.settings.sections.data import Ingest, InputFiles

INPUTS: tuple[InputTable, ...] = (
    EVENTS, ITEMS, LINKS, USERS, OFFERS, EXCLUSIONS, DOCUMENTS, RELATIONS, SEARCHES, EDITORIAL
)  # fmt: skip


def section() -> type[Ingest]:
    """[ingest] with a key for every input that is named there: those it does not describe itself are added."""
    named = [table.name for table in INPUTS if table.section == "ingest" and table.name not in Ingest.model_fields]
    more: dict[str, Any] = dict.fromkeys(named, (InputFiles | None, None))
    return create_model("Ingest", __base__=Ingest, __doc__=Ingest.__doc__, **more) if more else Ingest


def nightly() -> tuple[InputTable, ...]:
    """The inputs of which a night's rows are kept; events are the first."""
    return tuple(table for table in INPUTS if table.nightly)


def night_tables() -> tuple[NightTable, ...]:
    """The tables of a night's folder, one file each."""
    return (*(kept for table in nightly() for kept in (table, *table.also)), REJECTS)


def about_people() -> tuple[NightTable, ...]:
    """Those of them in which a person can be found."""
    return tuple(table for table in night_tables() if table.person or table.free_text)


def person_purposes() -> tuple[Purpose, ...]:
    """What the ids that name a person are ids of: under each of these keys somebody can be on disk."""
    found = (table.pseudonyms[name] for table in nightly() for name in table.person if name in table.pseudonyms)
    return tuple(dict.fromkeys(found))


__all__ = [
    "DOCUMENTS",
    "EDITORIAL",
    "EVENTS",
    "EXCLUSIONS",
    "INPUTS",
    "ITEMS",
    "LINKS",
    "OFFERS",
    "REJECTS",
    "RELATIONS",
    "SEARCHES",
    "USERS",
    "InputTable",
    "NightTable",
    "about_people",
    "night_tables",
    "nightly",
    "person_purposes",
    "section",
]
