"""Days and moments: when nights are, what is learned when, and what a run of the day so far knows of its day."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import PositiveInt, PrivateAttr, field_validator, model_validator

from pipeline.ground import zones
from pipeline.settings.sections.base import KEPT, Days, Section

LONGEST_DAYS = 36_500
WEEK = 7


class Calendar(Section):
    """The part of the configuration that says which days count."""

    timezone: Annotated[str, KEPT] = zones.DEFAULT
    """Whose days the shop's are: an IANA name, e.g. "Europe/Berlin". A night is a day there, the nightly run starts
    after it, and a time that a mapping gives without a zone is of this one. Another needs `load-history --force`."""
    run_at: Annotated[tuple[str, ...], KEPT] = ()
    """Times of the day, "HH:MM" in `timezone`, at which it is published again as far as it has come, e.g. ["08:00",
    "13:00", "18:00"]: what happened since the night is known then, and what is learned stays the night's."""
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

    _until: datetime | None = PrivateAttr(default=None)

    @property
    def until(self) -> datetime | None:
        """The moment up to which the night's day is known, where that is not over; None: all of it."""
        return self._until

    def so_far(self, until: datetime) -> Self:
        """The same configuration for a run of the day so far.

        Args:
            until: events of its day count that happened before; in the shop's time zone.
        """
        copy = self.model_copy()
        copy._until = until
        return copy

    def of_nights(self) -> Self:
        """The same configuration for whole nights."""
        copy = self.model_copy()
        copy._until = None
        return copy

    def valid_on(self, cutoff: date) -> date:
        """The day that a cut-off's recommendations are for: the next one, or its own where that is not over."""
        return cutoff if self._until is not None and cutoff == self._until.date() else cutoff + timedelta(days=1)

    def known_whole(self, run_date: date) -> date:
        """The last day up to `run_date` that is known whole: itself, or the one before where it is not over."""
        return self.valid_on(run_date) - timedelta(days=1)

    def anchor(self, run_date: date) -> date:
        """The latest day up to `run_date` on which the pipeline learns anew how to fuse (with 7 days: Sundays).

        A day that is not over is none: what is learned is that of the night before.
        """
        whole = self.known_whole(run_date)
        return whole - timedelta(days=whole.toordinal() % self.refresh_days)

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

    def learnable(self, run_date: date, applied_at: date) -> tuple[date, ...]:
        """Label cut-offs whose windows end on or before `applied_at`, newest first."""
        ends = timedelta(days=self.horizon_days)
        return tuple(c for c in self.label_cutoffs(run_date) if c + ends <= applied_at)

    @field_validator("run_at")
    @classmethod
    def _they_are_times_of_a_day(cls, times: tuple[str, ...]) -> tuple[str, ...]:
        for given in times:
            if not zones.RUN_TIME.fullmatch(given):
                raise ValueError(f"'{given}' is no time of the day from 00:01 to 23:59: write it as \"08:00\"")
        return tuple(sorted(set(times)))

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
