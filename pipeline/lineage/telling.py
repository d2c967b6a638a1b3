"""The events of one stage, as they come."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState
from openlineage.client.facet_v2 import InputDatasetFacet

from pipeline.intake import inputs
from pipeline.lineage import datasets, events, places, quality, raw, sending, tables
from pipeline.lineage.datasets import Known
from pipeline.lineage.followed import FIRST, Followed, moment
from pipeline.lineage.places import Place
from pipeline.lineage.quality import Assertion, Assertions
from pipeline.lineage.tables import PUBLISH, Table

About = dict[Place, dict[str, InputDatasetFacet]]
CHECKS = "checks"
"""The part of a publication that checks its tables."""


@dataclass
class Telling:
    """Tells of one stage.

    Attributes:
        followed: the stage.
        manifest: what it made, when it did.
    """

    followed: Followed
    manifest: Mapping[str, Any] | None = field(default=None)

    @property
    def began(self) -> datetime:
        """When."""
        return self.followed.began

    def remember(self, manifest: Mapping[str, Any]) -> None:
        """Keep what the stage made for when it has ended."""
        self.manifest = manifest
        if (first := manifest.get(FIRST)) is not None:
            self.followed = replace(self.followed, first=first)

    def starts(self) -> None:
        """START, with what it reads."""
        sending.send(lambda: [self._event(RunState.START, self.followed.began)])

    def goes_on(self, error: BaseException | None) -> None:
        """RUNNING, with what went wrong in a part of it."""
        sending.send(
            lambda: [
                events.step_of(self.followed).event(
                    RunState.RUNNING, moment(), [], [], {} if error is None else events.error_of(error)
                )
            ]
        )

    def done(self) -> None:
        """COMPLETE, with what it wrote."""
        sending.send(lambda: self._ended(RunState.COMPLETE, None))

    def failed(self, error: BaseException) -> None:
        """FAIL, or ABORT, with what went wrong."""
        sending.send(lambda: self._ended(events.state_of(error), error))

    def _ended(self, state: RunState, error: BaseException | None) -> list[RunEvent]:
        now, checks = moment(), []
        if self.followed.stage == PUBLISH:
            checks = self._checks(state, error, now)
        return [*checks, self._event(state, now, error)]

    def _event(self, state: RunState, at: datetime, error: BaseException | None = None) -> RunEvent:
        given = datasets.known(self.followed)
        every = tables.of_stage(self.followed.stage, self.followed.config)
        there = self._there(every)
        if self.manifest is not None and self._has_judged():
            given |= {(PUBLISH, t.name): [t] for t in tables.of_stage(PUBLISH, self.followed.config)}
        read = [origin for table in there for origin in datasets.traced(table, given)]
        facets = {} if error is None else events.error_of(error)
        found = datasets.inputs_of(self.followed, given, read, self._about(given, error))
        return events.step_of(self.followed).event(state, at, found, self._outputs(there, given), facets)

    def _there(self, every: list[Table]) -> list[Table]:
        """Of the tables that a stage can write those that it wrote; before it did, all."""
        if self.manifest is None:
            return every
        written = self._files()
        return [table for table in every if _file_name(table) in written]

    def _files(self) -> dict[str, dict[str, Any]]:
        return {} if self.manifest is None else datasets.files_by_table(self.followed.stage, self.manifest)

    def _outputs(self, there: list[Table], given: Known) -> list[OutputDataset]:
        if self.manifest is None:
            return []
        files = self._files()
        found = [
            datasets.output_of(self.followed, table, given, files[_file_name(table)], self._version(table))
            for table in there
            if self._is_seen(table)
        ]
        for output, table in zip(found, filter(self._is_seen, there), strict=True):
            if table.name == inputs.EVENTS.name and table.stage == "ingest":
                measured = quality.of_events(self._report)
                output.facets = {**(output.facets or {}), **({"dataQualityMetrics": measured} if measured else {})}
        return found

    def _is_seen(self, table: Table) -> bool:
        """Whether a table is what it was made to be: a view shows the active run, which tonight's need not be."""
        is_view = table.stage == PUBLISH and table.name != _file_name(table)
        return not is_view or bool(self._report.get("activated"))

    @property
    def _report(self) -> Mapping[str, Any]:
        return {} if self.manifest is None else self.manifest["report"]

    def _version(self, table: Table) -> str:
        """What a table holds now: the run, or the night and a hash of its files."""
        if table.stage == PUBLISH:
            return str(self._report["run_id"])
        hashes = "".join(entry["sha256"] for entry in self._files()[_file_name(table)].values())
        return f"{self.followed.night}-{datasets.short(hashes)}"

    def _has_judged(self) -> bool:
        return self.followed.stage == "outcomes" and bool(self._report.get("judged"))

    def _about(self, given: Known, error: BaseException | None) -> About:
        """What is said of the quality of what is read."""
        config, stage = self.followed.config, self.followed.stage
        found: list[Assertion] = []
        facets: dict[str, InputDatasetFacet] = {}
        key: tuple[str, str] = ("", "")
        if stage == "ingest":
            key, found = (raw.STAGE, inputs.EVENTS.name), quality.log_assertions(self._report, config)
            found = found or quality.failed(error, config.checks.of("events")) if error else found
            if (measured := quality.of_log(self._report)) is not None:
                facets["dataQualityMetrics"] = measured
        if stage == "evaluate":
            key, found = ("ensemble", tables.LIST), quality.gate(self._report)
        if found:
            facets["dataQualityAssertions"] = Assertions(found)
        return {table.place: facets for table in given.get(key, ())} if facets else {}

    def _checks(self, state: RunState, error: BaseException | None, now: datetime) -> list[RunEvent]:
        """The run that checks the tables before they are loaded, where it came so far."""
        severity = self.followed.config.checks.of("tables")
        if self.manifest is None:
            found = quality.failed(error, severity) if error is not None else []
        else:
            said = {name: quality.at_least(len(rows)) for name, rows in self._report["unusual"].items()}
            found = quality.checked(said, severity)
        if not found:
            return []
        step = events.part_of(events.step_of(self.followed), CHECKS)
        checked = self._checked(quality.by_table(found))
        return [
            step.event(RunState.START, self.followed.began, [], []),
            step.event(state, now, checked, [], {} if error is None else events.error_of(error)),
        ]

    def _checked(self, found: Mapping[str, list[Assertion]]) -> list[InputDataset]:
        """The tables that were checked: where they are published, or else the files that never were."""
        made, config = [], self.followed.config
        for name, assertions in sorted(found.items()):
            lost = places.of_lake(config, PUBLISH, name)
            place = lost if self.manifest is None else places.of_published(config, name)
            made.append(
                InputDataset(place.namespace, place.name, inputFacets={"dataQualityAssertions": Assertions(assertions)})
            )
        return made


def _file_name(table: Table) -> str:
    """The name that a table's files have: a view's are those of its table."""
    return table.name.removeprefix("current_") if table.stage == PUBLISH else table.name
