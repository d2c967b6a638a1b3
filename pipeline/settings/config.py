"""What can be configured: one Section per stage (pipeline/sections), one TOML file that overrides the defaults.

The defaults are the production run. An unknown key is refused by name. Nothing here is secret: credentials come from
the environment and never enter a Config, so a Config may be written into every manifest.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, PositiveInt, ValidationError, field_validator, model_validator

from pipeline.ground import shipped
from pipeline.ground.errors import InputError
from pipeline.ground.pools import Pool, assortment_of
from pipeline.settings import added, arms, assortments, attributes, layers, predicates, surfaces
from pipeline.settings.assortments import Assortment
from pipeline.settings.calendar import Calendar
from pipeline.settings.sections.answers import Answer
from pipeline.settings.sections.base import FREE, KEPT, Section, Seed
from pipeline.settings.sections.checks import Checks
from pipeline.settings.sections.content import Content
from pipeline.settings.sections.data import AttributeKind, Features, Ingest, Retention
from pipeline.settings.sections.engine import EngineName, Spark
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.explanations import Explanations
from pipeline.settings.sections.fairness import Fairness
from pipeline.settings.sections.fine_tune import FineTune
from pipeline.settings.sections.lists import Ensemble, Evaluate, Fusion
from pipeline.settings.sections.monitoring import Monitoring
from pipeline.settings.sections.outcomes import Outcomes
from pipeline.settings.sections.privacy import Privacy
from pipeline.settings.sections.publication import Publish, Surface
from pipeline.settings.sections.topics import Topics
from pipeline.settings.sections.words import Classify, Entities, Languages
from pipeline.store import homes, urls

DEFAULT_CONFIG = shipped.PACKAGE.parent / "examples" / "online_retail" / "pipeline.toml"
"""The example shop of a checkout; an installed wheel has none."""
HERE = Path("pipeline.toml")
SO_FAR = "day_so_far"
WHO = {"engine", "workers", "shards", "spark", "monitoring"}
"""What says who does the work, and who watches it, and changes no byte of it."""
ATTRIBUTES, PAIRED = ("user_attributes", "item_attributes"), ("links", "offers")


class Config(Calendar):
    """The whole configuration but for the sources' sections, which pipeline.sources.configuration adds.

    `home` and `folder` say where files are and do not enter any hash.
    """

    home: Path = Path(".nightjar")
    """Everything the pipeline writes: the lake, the tables. A folder, or a URL of an object store (s3://bucket/path, gs://,
    az://, abfs://), of which the folder is then a copy."""
    folder: Path = Path()
    """The folder of the TOML file; log globs and mapping SQL are relative to it."""

    profile: Annotated[str, FREE] = Field(default="default", pattern="^[a-z_]+$")
    """Which shipped settings lie under the TOML file: "default", or a file of pipeline/settings/profiles ("fast")."""
    tuned: Path | None = None
    """A TOML file that `tune` wrote, relative to the configuration's folder; it lies over what this file says."""

    seed: Seed = 0
    """Of every random number."""
    threads: Annotated[PositiveInt, KEPT] = Field(default_factory=lambda: len(os.sched_getaffinity(0)), le=1024)
    """CPU threads of every stage; floating-point results are the same bytes only for the same number."""
    memory_limit_mb: Annotated[PositiveInt, KEPT] = 2048
    """What DuckDB may hold in memory, in MiB; beyond it spills to disk."""
    block_users: Annotated[PositiveInt, KEPT] = 1024
    """Users scored at a time; peak memory grows with this times the number of items."""
    engine: Annotated[EngineName, KEPT] = "local"
    """Where blocks of users are worked on and the logs are counted: on this machine, or on the cluster of [spark]."""
    workers: Annotated[PositiveInt, KEPT] = Field(default=1, le=1024)
    """Processes of this machine that share the blocks of users, each with its share of the threads; memory grows with
    them. The bytes are the same for any number."""
    shards: Annotated[PositiveInt, KEPT] = Field(default=1, le=1024)
    """Tasks of the DAG that share the users of fusion, ensemble and publication, on whatever workers Airflow has; with
    1 each of these stages is one task. All workers see `home` under one name. The bytes are the same for any number."""

    surfaces: Annotated[tuple[Surface, ...], KEPT] = Field(
        default=(Surface(name="for_you"), Surface(name="discover", repeats=False)), min_length=1
    )
    """The lists that are published; a shop's own replace the default ones."""

    ingest: Ingest = Ingest()
    checks: Checks = Checks()
    features: Features = Features()
    fine_tune: FineTune = FineTune()
    languages: Languages = Languages()
    classify: Classify = Classify()
    content: Content = Content()
    entities: Entities = Entities()
    answer: Answer = Answer()
    topics: Topics = Topics()
    fusion: Fusion = Fusion()
    ensemble: Ensemble = Ensemble()
    outcomes: Outcomes = Outcomes()
    evaluate: Evaluate = Evaluate()
    publish: Publish = Publish()
    explanations: Explanations = Explanations()
    fairness: Fairness = Fairness()
    experiment: Experiment = Experiment()
    retention: Retention = Retention()
    privacy: Privacy = Privacy()
    monitoring: Monitoring = Monitoring()
    spark: Spark = Spark()

    @field_validator("home", mode="before")
    @classmethod
    def _a_url_is_its_copy(cls, given: Any) -> Any:
        return homes.folder_of(given) if isinstance(given, str) and urls.is_url(given) else given

    @property
    def lake(self) -> Path:
        """Where the stages' artifacts live; a run of the day so far leaves no trace in the lake of whole nights."""
        return self.lake_of_nights if self._until is None else self.home / SO_FAR

    @property
    def lake_of_nights(self) -> Path:
        """Where those of whole nights live, to which a day so far has links."""
        return self.home / "lake"

    @property
    def asked(self) -> Path:
        """Where the files are that were made of what databases were asked for; the shop's own are below its folder."""
        return self.home / "asked"

    @property
    def tables(self) -> Path:
        """Where the published DuckDB files and Parquet live."""
        return self.home / "tables"

    @property
    def user_attributes(self) -> dict[str, AttributeKind]:
        """What the shop declares of its users, by name, in the order of the names."""
        return attributes.declared(self.ingest.users)

    @property
    def item_attributes(self) -> dict[str, AttributeKind]:
        """What it declares of its items."""
        return attributes.declared(self.ingest.items)

    @property
    def assortments(self) -> tuple[Assortment, ...]:
        """What the surfaces choose from, each once."""
        return assortments.in_use(self.surfaces)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools whose lists are fused, judged and published."""
        return assortments.pools(self.surfaces)

    @property
    def allotted(self) -> frozenset[str]:
        """The surfaces whose items are limited over the whole night's table."""
        return frozenset(surface.name for surface in self.surfaces if surface.allot is not None)

    @property
    def rearranged(self) -> frozenset[str]:
        """The surfaces whose lists change with a limit that is set, or a trial that is won: that is no accident."""
        return self.allotted | {surface.name for surface in self.surfaces if surface.added is not None}

    def assortment_of(self, surface: Surface) -> Assortment:
        """What a surface chooses from."""
        return assortments.by_surface(self.surfaces)[surface.name]

    def pool(self, surface: Surface) -> Pool:
        """The pool that a surface draws on."""
        return assortments.pool_in(surface, self.surfaces)

    def horizon_of(self, pool: Pool) -> int:
        """Days within which what a pool recommends for must happen."""
        name = assortment_of(pool)
        return next((a.horizon_days for a in self.assortments if a.name == name), None) or self.horizon_days

    def enabled(self, name: str) -> bool:
        """Whether the section of this name is not switched off; what has no switch is on."""
        return bool(getattr(getattr(self, name, None), "enabled", True))

    @model_validator(mode="after")
    def _surfaces_have_a_name_and_a_goal(self) -> Self:
        surfaces.require(self.surfaces, self.features.event_types, self.horizon_days)
        surfaces.require_audiences(self.publish.audiences, self.surfaces)
        return self

    @model_validator(mode="after")
    def _arms_are_of_surfaces(self) -> Self:
        arms.require(self.experiment, self.surfaces)
        added.require(self.surfaces, self.experiment)
        return self

    @model_validator(mode="after")
    def _segments_are_words_of_users(self) -> Self:
        attributes.require_words(self.publish.segment_by, self.user_attributes)
        self.privacy.require(self.publish.segment_by, self.features.unsold_days, fitted=self.enabled("als"))
        has_encoder = self.enabled("language_model") and self.fine_tune.model != "none"
        self.privacy.require_encoder(made=has_encoder, untouched=self.fine_tune.start_from is None)
        return self

    @model_validator(mode="after")
    def _limits_are_of_attributes_of_items(self) -> Self:
        attributes.require_allotted(self.surfaces, self.item_attributes)
        attributes.require_groups(self.fairness.groups, self.item_attributes)
        attributes.require_words_of_items(self.surfaces, self.item_attributes)
        attributes.require_content(self.content.limits, self.item_attributes, self.user_attributes)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _surfaces_know_the_attributes_of_items(cls, given: Any, make: ModelWrapValidatorHandler[Self]) -> Self:
        with predicates.about(attributes.of_items(given)):
            return make(given)

    @model_validator(mode="after")
    def _something_is_the_goal(self) -> Self:
        if not any(kind.label for kind in self.features.event_types.values()):
            raise ValueError("features.event_types needs at least one type with label = true: what is recommended for")
        return self

    @model_validator(mode="after")
    def _rarity_is_of_what_was_shown(self) -> Self:
        if self.evaluate.gate_metric == "rare_dcg" and not any(k.shown for k in self.features.event_types.values()):
            raise ValueError(
                "evaluate.gate_metric is 'rare_dcg', and no type of features.event_types has shown = true: name the "
                "type that says what users were shown, or take ndcg"
            )
        return self

    def written(self) -> dict[str, Any]:
        """As manifests keep it: a shop that checks no content has those that it had before any did."""
        absent = set() if self.content.enabled else {"content"}
        return self.model_dump(mode="json", exclude={"home", "folder"} | absent)

    def digest(self, *sections: str) -> str:
        """A hash of the named sections and of everything global that can change a stage's bytes."""
        apart = {"home", "folder", "profile", "tuned", "run_at", "surfaces"} | {
            name for name, value in self if isinstance(value, Section)
        }
        named = set(sections) | ({"surfaces"} if "publish" in sections else set())
        named |= {"experiment"} if {"publish", "outcomes"} & named else set()
        named |= {"fairness", "explanations", "content"} if "publish" in named else set()
        # a night without what nobody asks for is what it was before there was any
        asked: dict[str, Any] = {"experiment": self.experiment.arms}
        asked |= {"explanations": self.explanations.ranks, "content": self.content.enabled}
        named -= {name for name, wanted in asked.items() if not wanted}
        content = self.model_dump(mode="json", exclude=(apart - named) | WHO)
        content.get("publish", {}).pop("copies", None)  # what else is told of a run is no part of it
        content.pop("privacy", None)
        content |= {"privacy": noised} if (noised := self.privacy.asked_of(sections)) else {}
        if {"features", "fusion"} & set(sections):
            content |= {name: found for name in ATTRIBUTES if (found := getattr(self, name))}
            content |= {name: True for name in PAIRED if getattr(self.ingest, name) is not None}
        if self.publish.segment_by and "publish" in sections:
            content["segment_users"] = self.features.word_min_users
        if {"features", "fusion", "ensemble", "evaluate"} & set(sections):
            content["assortments"] = [asdict(assortment) for assortment in self.assortments]
            content["pools"] = self.pools
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def default_path() -> Path:
    """What is read when nobody names a configuration: the current folder's, else a checkout's example shop."""
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() and not HERE.is_file() else HERE


def load(kind: type[Config], path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read the configuration.

    Args:
        kind: with the sections that there are.
        path: a TOML file; default: the environment's NIGHTJAR_CONFIG, else `default_path`.
        overrides: nested mapping laid over the file, e.g. {"als": {"factors": 64}}.
    Raises:
        InputError: the file is missing or not TOML, a key is unknown or a value out of range.
    """
    path = Path(path or os.environ.get("NIGHTJAR_CONFIG") or default_path())
    content = layers.read_toml(path, "name one with --config or NIGHTJAR_CONFIG, or begin a shop with `nightjar init`")
    content.setdefault("folder", path.resolve().parent)
    if home := os.environ.get("NIGHTJAR_HOME"):
        content["home"] = home
    if profile := os.environ.get("NIGHTJAR_PROFILE"):
        content["profile"] = profile
    try:
        return kind.model_validate(layers.stack(kind, content, overrides or {}))
    except ValidationError as error:
        said = {"extra_forbidden": "there is no such key"}
        first = "; ".join(
            ": ".join(filter(None, [".".join(map(str, e["loc"])), said.get(e["type"], e["msg"])]))
            for e in error.errors()
        )
        raise InputError(f"{path}: {first}") from None
