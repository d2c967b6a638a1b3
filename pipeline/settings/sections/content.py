"""Content: what is not to be shown to anybody, what waits for an editor, and what only some users may be shown."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Section
from pipeline.settings.sections.words import Label, LabelSetName

CheckName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
Subject = Literal["items", "documents"]
Phrase = Annotated[str, Field(min_length=1, max_length=200)]


class ContentCheck(Section):
    """What is looked for in items and documents: the words of a list, or labels of a label set."""

    name: CheckName
    """What the review queue and the report call it."""
    severity: Literal["block", "review"] = "review"
    """block: what it finds is never shown. review: an editor decides. An editor's `allow` wins over both."""
    shown_until_decided: bool = False
    """Of review: whether what it finds is shown until an editor has decided."""
    words: tuple[Phrase, ...] = ()
    """Words and phrases, matched as whole words, whatever their case."""
    file: Path | None = None
    """The same, one a line, in a UTF-8 file relative to the configuration's folder; a line that begins with # is a
    remark."""
    label_set: LabelSetName | None = None
    """Instead of words: a set of [classify.label_sets] ..."""
    labels: tuple[Label, ...] = ()
    """... and those of its labels that are looked for."""
    probability: float = Field(default=0.5, ge=0, le=1)
    """How probable a label must be that nobody gave; one that somebody gave counts."""
    of: tuple[Subject, ...] = ()
    """What is looked at; default: of words items and documents, of labels documents. Of labels, items are those that
    a document with the label names in `entities`."""
    fewest: PositiveInt = 1
    """Of labels: how many such documents must name an item."""

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What is looked at."""
        return self.of or (("documents",) if self.label_set else ("items", "documents"))

    @property
    def has_words(self) -> bool:
        """Whether words are looked for."""
        return self.label_set is None

    @model_validator(mode="after")
    def _looks_for_one_thing(self) -> Self:
        said = f"content check '{self.name}'"
        words = bool(self.words) or self.file is not None
        if words == (self.label_set is not None):
            raise ValueError(f"{said}: name either words (words, file) or a label_set, and only one of the two")
        if bool(self.labels) != (self.label_set is not None):
            raise ValueError(f"{said}: label_set and labels go together: name the set, and which of its labels count")
        if self.fewest > 1 and (self.label_set is None or "items" not in self.subjects):
            raise ValueError(
                f'{said}: fewest counts documents with a label that name an item: name a label_set and of = ["items"]'
            )
        if words and "probability" in self.model_fields_set:
            raise ValueError(f"{said}: probability is that of a label, and words are there or not: leave it out")
        if self.severity == "block" and self.shown_until_decided:
            raise ValueError(f"{said}: what is blocked is never shown: leave out shown_until_decided, or say review")
        return self


class ContentLimit(Section):
    """Items that only some users may be shown: an attribute of the item against one of the user."""

    name: CheckName
    """What messages call it."""
    item: str
    """An attribute of the items; an item of which nothing is said is for everybody."""
    user: str
    """An attribute of the users; who has none gets no limited item."""
    rule: Literal["at_least", "among"] = "at_least"
    """at_least: the user's number is not below the item's, as an age; a date of the user is a birthday, and counts in
    whole years. among: the user's word is one of the item's, which may be several with commas between them, such as
    DE,AT."""


class Content(Section):
    """Harmful and unwanted content: checks of items and documents, and limits by what users are."""

    checks: Annotated[tuple[ContentCheck, ...], KEPT] = ()
    """What is looked for; without checks and limits there is no such stage."""
    limits: Annotated[tuple[ContentLimit, ...], KEPT] = ()
    """Who may be shown what; an item must pass all of them."""

    @property
    def enabled(self) -> bool:
        """Whether the stage has anything to do."""
        return bool(self.checks or self.limits)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for what, given in (("checks", self.checks), ("limits", self.limits)):
            names = [one.name for one in given]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"content.{what} has two of the name '{twice}': call one of them otherwise")
        if any(check.name == EDITORS for check in self.checks):
            raise ValueError(f"content.checks: '{EDITORS}' stands for what editors block: call the check otherwise")
        return self


EDITORS = "editors"
"""Stands for a check where an editor has blocked a document."""
