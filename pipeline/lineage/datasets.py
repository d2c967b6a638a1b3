"""The datasets of an event: what a stage reads and writes, with their facets."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    OutputDatasetFacet,
    base_subset_dataset,
    column_lineage_dataset,
    dataset_version_dataset,
    documentation_dataset,
    schema_dataset,
    symlinks_dataset,
)

from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.lineage import quality, raw, tables
from pipeline.lineage.followed import Followed
from pipeline.lineage.origins import HOW, SOURCES, Origin
from pipeline.lineage.places import Place
from pipeline.lineage.tables import Field, Table
from pipeline.sources import SOURCES as EVERY_SOURCE

Manifest = Mapping[str, Any]
Known = dict[tuple[str, str], list[Table]]
"""The tables that a stage can be traced to, by stage and name; the shop's files are one per glob."""


def known(followed: Followed) -> Known:
    """What a stage reads: the tables of the stages before it that are there, and the shop's files."""
    if followed.stage == "ingest":
        return _raw(followed)
    found: Known = {}
    for stage in followed.reads:
        folder = artifacts.stage_dir(followed.config.lake, stage, followed.night)
        if not artifacts.is_finished(folder):
            continue
        there = files_by_table(stage, artifacts.read_manifest(folder))
        found |= {(stage, one.name): [one] for one in tables.of_stage(stage, followed.config) if one.name in there}
    return found


def _raw(followed: Followed) -> Known:
    """The shop's files; what two mappings name of the same files is one table's."""
    config, columns = followed.config, dict[Place, set[str]]()
    globs = {table.name: raw.globs(table, config) for table in inputs.nightly()}
    for table in inputs.nightly():
        for place in globs[table.name]:
            columns.setdefault(place, set()).update(raw.columns(table, config))
    made = {
        place: Table(raw.STAGE, "", place, tuple(Field(name, "") for name in sorted(names)))
        for place, names in columns.items()
    }
    return {(raw.STAGE, name): [made[place] for place in found] for name, found in globs.items() if found}


def files_by_table(stage: str, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The files of a finished folder by the table that they are parts of."""
    found: dict[str, dict[str, Any]] = {}
    for file, entry in manifest["files"].items():
        if (name := tables.table_of(stage, file)) is not None:
            found.setdefault(name, {})[file] = entry
    return found


def short(text: str) -> str:
    """A hash that tells two versions apart."""
    return artifacts.text_sha256(text)[:12]


def traced(table: Table, given: Known) -> list[Origin]:
    """What a table is made of, of what is there."""
    return [one for origin in table.origins for one in _there(origin, given)]


def _there(origin: Origin, given: Known) -> Iterable[Origin]:
    """An origin as far as its table is there: of the sources each one's."""
    if any(origin.needs) and origin.needs not in given:
        return
    names = EVERY_SOURCE if origin.stage == SOURCES else [origin.stage]
    for name in names:
        for table in given.get((name, origin.table), ())[:1]:
            if origin.stage == raw.STAGE or any(field.name == origin.column for field in table.fields):
                yield Origin(name, origin.table, origin.column, origin.how, origin.masked)


def inputs_of(
    followed: Followed, given: Known, read: Sequence[Origin], about: Mapping[Place, Mapping[str, InputDatasetFacet]]
) -> list[InputDataset]:
    """The datasets that are read.

    Args:
        followed: the stage.
        given: the tables that are there.
        read: what is made of them; a table of which nothing is, is not read for what it says.
        about: further facets of some.
    """
    wanted = {(origin.stage, origin.table) for origin in read}
    found: dict[Place, InputDataset] = {}
    for key, several in given.items():
        if key not in wanted:
            continue
        for table in several:
            facets: dict[str, InputDatasetFacet] = {"subset": _subset(followed, key), **about.get(table.place, {})}
            found[table.place] = InputDataset(
                table.place.namespace, table.place.name, facets=_described(table), inputFacets=facets
            )
    return [found[place] for place in sorted(found)]


def _subset(followed: Followed, key: tuple[str, str]) -> base_subset_dataset.InputSubsetInputDatasetFacet:
    """Of a dataset of all nights what this one reads."""
    stage, name = key
    if stage == raw.STAGE:
        table = next(one for one in inputs.nightly() if one.name == name)
        files = raw.files(table, followed.config, followed.night if followed.first is None else None)
        condition: Any = base_subset_dataset.LocationSubsetCondition(files)
    else:
        condition = base_subset_dataset.PartitionSubsetCondition([_night(followed)])
    return base_subset_dataset.InputSubsetInputDatasetFacet(condition)


def _night(followed: Followed) -> base_subset_dataset.Partition:
    name = artifacts.stage_dir(followed.config.lake, followed.stage, followed.night).name
    return base_subset_dataset.Partition({"run_date": followed.night.isoformat()}, name)


def output_of(followed: Followed, table: Table, given: Known, files: Mapping[str, Any], version: str) -> OutputDataset:
    """A dataset that is written.

    Args:
        followed: the stage.
        table: what it is.
        given: the tables that it is made of, as far as they are there.
        files: its files, as the manifest has them.
        version: of what it holds now.
    """
    facets = _described(table) | {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(version),
        "columnLineage": _lineage(table, given),
    }
    written: dict[str, OutputDatasetFacet] = {"outputStatistics": quality.statistics(files)}
    if table.stage != tables.PUBLISH and followed.first is None:
        condition = base_subset_dataset.PartitionSubsetCondition([_night(followed)])
        written["subset"] = base_subset_dataset.OutputSubsetOutputDatasetFacet(condition)
    return OutputDataset(table.place.namespace, table.place.name, facets=facets, outputFacets=written)


def _described(table: Table) -> dict[str, DatasetFacet]:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(one.name, one.kind or None, one.meaning or None) for one in table.fields
    ]
    facets: dict[str, DatasetFacet] = {"schema": schema_dataset.SchemaDatasetFacet(fields)}
    if table.about:
        facets["documentation"] = documentation_dataset.DocumentationDatasetFacet(table.about)
    if table.copies:
        copies = [symlinks_dataset.Identifier(one.namespace, one.name, "LOCATION") for one in table.copies]
        facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet(copies)
    return facets


def _lineage(table: Table, given: Known) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    fields = {
        name: column_lineage_dataset.Fields(_fields(origins, given))
        for name, origins in table.columns.items()
        if any(True for origin in origins for _ in _there(origin, given))
    }
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields, dataset=_fields(table.rows, given))


def _fields(origins: Iterable[Origin], given: Known) -> list[column_lineage_dataset.InputField]:
    """Input fields, each once with all that becomes of it."""
    how: dict[tuple[Place, str], list[column_lineage_dataset.Transformation]] = {}
    for origin in origins:
        for one in _there(origin, given):
            kind, subtype = HOW[one.how]
            made = column_lineage_dataset.Transformation(kind, subtype, masking=one.masked)
            for table in given[one.stage, one.table]:
                transformations = how.setdefault((table.place, one.column), [])
                if made not in transformations:
                    transformations.append(made)
    return [
        column_lineage_dataset.InputField(place.namespace, place.name, column, found)
        for (place, column), found in sorted(how.items(), key=lambda entry: entry[0])
    ]
