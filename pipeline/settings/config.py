"""What can be configured: one Section per stage (pipeline/sections), one TOML file that overrides the defaults.

The defaults are the production run. An unknown key is refused by name. Nothing here is secret: credentials come from
the environment and never enter a Config, so a Config may be written into every manifest.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ModelWrapValidatorHandler, PositiveInt, ValidationError, field_validator, model_validator

from pipeline.ground import shipped, zones
from pipeline.ground.errors import InputError
from pipeline.ground.pools import Pool, assortment_of, pool_of
from pipeline.settings import assortments, attributes, layers, predicates
from pipeline.settings.assortments import Assortment
from pipeline.settings.sections.base import FREE, KEPT, Days, Section, Seed
from pipeline.settings.sections.checks import Checks
from pipeline.settings.sections.data import AttributeKind, Features, Ingest, Retention
from pipeline.settings.sections.fine_tune import FineTune
from pipeline.settings.sections.lists import Ensemble, Evaluate, Fusion
from pipeline.settings.sections.publication import Outcomes, Publish, Surface

DEFAULT_CONFIG = shipped.PACKAGE.parent / "examples" / "online_retail" / "pipeline.toml"
"""The example shop of a checkout; an installed wheel has none."""
HERE = Path("pipeline.toml")
LONGEST_DAYS = 36_500
WEEK = 7
ATTRIBUTES = ("user_attributes", "item_attributes")


class Config(Section):
    """The whole configuration but for the sources' sections, which pipeline.sources.configuration adds.

    `home` and `folder` say where files are and do not enter any hash.
    """

    home: Path = Path(".nightjar")
    """Everything the pipeline writes: the lake, the tables."""
    folder: Path = Path()
    """The folder of the TOML file; log globs and mapping SQL are relative to it."""

    profile: Annotated[str, FREE] = Field(default="default", pattern="^[a-z_]+$")
    """Which shipped settings lie under the TOML file: "default", or a file of pipeline/settings/profiles ("fast")."""
    tuned: Path | None = None
    """A TOML file that `tune` wrote, relative to the configuration's folder; it lies over what this file says."""

    timezone: Annotated[str, KEPT] = zones.DEFAULT
    """Whose days the shop's are: an IANA name, e.g. "Europe/Berlin". A night is a day there, the nightly run starts
    after it, and a time that a mapping gives without a zone is of this one. Another needs `load-history --force`."""
    seed: Seed = 0
    """Of every random number."""
    threads: Annotated[PositiveInt, KEPT] = Field(default_factory=lambda: len(os.sched_getaffinity(0)), le=1024)
    """CPU threads of every stage; floating-point results are the same bytes only for the same number."""
    memory_limit_mb: Annotated[PositiveInt, KEPT] = 2048
    """What DuckDB may hold in memory, in MiB; beyond it spills to disk."""
    block_users: Annotated[PositiveInt, KEPT] = 1024
    """Users scored at a time; peak memory grows with this times the number of items."""

    horizon_days: Days = 14
    """Length of a label window: recommendations are judged by what users do in this many days."""
    refresh_days: Days = 7
    """How often the pipeline learns anew how to fuse; base models are fitted every night. Default: 7, or a shorter
    horizon_days."""
    tuning_days: Days = 28
    """How often the language model is fine-tuned anew; items that came since are encoded by the model as it is."""
    label_windows: PositiveInt = 12
    """How many label windows the fusion learns from."""
    window_stride_days: Days = 7
    """Days between the cut-offs of two label windows. Default: 7, or a shorter horizon_days; more where label_windows
    would be too few for the horizon."""

    surfaces: Annotated[tuple[Surface, ...], KEPT] = Field(
        default=(Surface(name="for_you"), Surface(name="discover", repeats=False)), min_length=1
    )
    """The lists that are published; a shop's own replace the default ones."""

    ingest: Ingest = Ingest()
    checks: Checks = Checks()
    features: Features = Features()
    fine_tune: FineTune = FineTune()
    fusion: Fusion = Fusion()
    ensemble: Ensemble = Ensemble()
    outcomes: Outcomes = Outcomes()
    evaluate: Evaluate = Evaluate()
    publish: Publish = Publish()
    retention: Retention = Retention()

    @property
    def lake(self) -> Path:
        """Where the stages' artifacts live."""
        return self.home / "lake"

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

    def assortment_of(self, surface: Surface) -> Assortment:
        """What a surface chooses from."""
        return assortments.by_surface(self.surfaces)[surface.name]

    def pool(self, surface: Surface) -> Pool:
        """The pool that a surface draws on."""
        return pool_of(self.assortment_of(surface).name, assortments.kind_of(surface))

    def horizon_of(self, pool: Pool) -> int:
        """Days within which what a pool recommends for must happen."""
        name = assortment_of(pool)
        return next((a.horizon_days for a in self.assortments if a.name == name), None) or self.horizon_days

    def enabled(self, name: str) -> bool:
        """Whether the section of this name is not switched off; what has no switch is on."""
        return bool(getattr(getattr(self, name, None), "enabled", True))

    def anchor(self, run_date: date) -> date:
        """The latest day up to `run_date` on which the pipeline learns anew how to fuse (with 7 days: Sundays)."""
        return run_date - timedelta(days=run_date.toordinal() % self.refresh_days)

    def tuned_at(self, run_date: date) -> date:
        """The latest day up to the anchor on which the language model is fine-tuned anew."""
        anchor = self.anchor(run_date)
        return anchor - timedelta(days=anchor.toordinal() % self.tuning_days)

    def label_cutoffs(self, run_date: date) -> tuple[date, ...]:
        """Cut-offs of the label windows, newest first; the newest window ends on the anchor."""
        newest = self.anchor(run_date) - timedelta(days=self.horizon_days)
        return tuple(newest - timedelta(days=self.window_stride_days * j) for j in range(self.label_windows))

    def folds(self, run_date: date) -> dict[str, date]:
        """Cut-off at which each fold of the fusion is applied: `validate`, `judge`, `publish`.

        A fold learns only from label windows that end on or before the day it is applied at.
        """
        judge, *older = self.label_cutoffs(run_date)
        validate = next(c for c in older if c + timedelta(days=self.horizon_days) <= judge)
        return {"validate": validate, "judge": judge, "publish": run_date}

    @field_validator("timezone")
    @classmethod
    def _it_is_a_zone(cls, name: str) -> str:
        if not zones.known(name):
            raise ValueError("is no IANA time zone, as 'Europe/Berlin' is one")
        return name

    @model_validator(mode="before")
    @classmethod
    def _the_calendar_follows_the_horizon(cls, given: Any) -> Any:
        """Where items live days, a week between two lessons is too long; few windows of a long horizon lie apart."""
        horizon = given.get("horizon_days", WEEK * 2) if isinstance(given, dict) else None
        windows = given.get("label_windows", 12) if isinstance(given, dict) else None
        if not (isinstance(horizon, int) and isinstance(windows, int) and 0 < horizon < LONGEST_DAYS):
            return given
        usual = min(WEEK, horizon)
        apart = -(-horizon // max((windows - 1) // 2, 1)) if windows > 2 else usual
        return {"refresh_days": usual, "window_stride_days": max(usual, apart)} | given

    @model_validator(mode="after")
    def _surfaces_have_names_of_their_own(self) -> Self:
        names = [surface.name for surface in self.surfaces]
        if len(set(names)) < len(names):
            raise ValueError(f"two surfaces have the same name: {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _surfaces_have_a_goal_that_is_seen(self) -> Self:
        known = self.features.event_types
        for surface in self.surfaces:
            for name in surface.goal:
                if name not in known or known[name].weight <= 0:
                    raise ValueError(
                        f"surface '{surface.name}': its goal '{name}' is no type of features.event_types with a weight "
                        "above 0: name one that is, or give it one"
                    )
            if surface.horizon_days is not None and surface.horizon_days > self.horizon_days:
                raise ValueError(
                    f"surface '{surface.name}': horizon_days {surface.horizon_days} is above the shop's "
                    f"{self.horizon_days}: raise that one"
                )
        return self

    @model_validator(mode="after")
    def _segments_are_words_of_users(self) -> Self:
        attributes.require_words(self.publish.segment_by, self.user_attributes)
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
    def _every_fold_can_learn(self) -> Self:
        needed = 2 * -(-self.horizon_days // self.window_stride_days) + 1
        if self.label_windows < needed:
            raise ValueError(f"label_windows must be at least {needed} with this horizon_days and window_stride_days")
        return self

    @model_validator(mode="after")
    def _the_calendar_reaches_back_so_far(self) -> Self:
        back = self.refresh_days + self.tuning_days + self.horizon_days
        back += self.label_windows * self.window_stride_days
        if back > LONGEST_DAYS:
            raise ValueError(
                f"refresh_days, tuning_days, horizon_days and label_windows x window_stride_days reach back {back:,} "
                f"days; {LONGEST_DAYS:,} are possible"
            )
        return self

    def learnable(self, run_date: date, applied_at: date) -> tuple[date, ...]:
        """Label cut-offs whose windows end on or before `applied_at`, newest first."""
        ends = timedelta(days=self.horizon_days)
        return tuple(c for c in self.label_cutoffs(run_date) if c + ends <= applied_at)

    def digest(self, *sections: str) -> str:
        """A hash of the named sections and of everything global that can change a stage's bytes."""
        apart = {"home", "folder", "profile", "tuned", "surfaces"} | {
            name for name, value in self if isinstance(value, Section)
        }
        named = set(sections) | ({"surfaces"} if "publish" in sections else set())
        content = self.model_dump(mode="json", exclude=apart - named)
        if {"features", "fusion"} & set(sections):
            content |= {name: found for name in ATTRIBUTES if (found := getattr(self, name))}
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
