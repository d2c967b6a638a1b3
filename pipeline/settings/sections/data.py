"""What the logs are: their files, their mapping, what each behaviour is worth."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationInfo, field_validator, model_validator

from pipeline.settings.sections import globs as alternative_globs
from pipeline.settings.sections.base import KEPT, Days, Section
from pipeline.store import urls


class EventType(Section):
    """What one kind of behaviour is worth."""

    weight: float = 1.0
    """Added to the confidence of a user-item pair; negative for a return or a dislike: where these are so rare that the
    rankers learn nothing of them, an item taken back as often as it was acted on for the goal ranks last. With 0, and
    none of the settings below, an event tells nothing: it makes neither a user nor an item known."""
    label: bool = False
    """Whether this action is what the recommendations are for: it trains the fusion and judges the table."""
    neutral: float | None = Field(default=None, allow_inf_nan=False)
    """The `value` (of a rating) that speaks neither for nor against an item: an event then weighs `weight` times what
    its value is above it, so that with 3 five stars count twice and one star takes two away. Only what is above it is
    ever of the goal; an event without a value weighs `weight`. Default: values say nothing."""
    hides: Annotated[int, Field(ge=0, le=36_500)] | Literal["ever"] | None = None
    """For how many days an item is on no list of a user of whom more speaks against it than for it, or nothing for it,
    counted from such an event; "ever", or 0: not at all. It matters where an event does not speak for the item.
    Default: for ever where it speaks against it or rates it `neutral`, else, as of an impression, 0."""
    after: PositiveInt = 1
    """How many such events it takes to hide the item. With more than one, as of an item that is shown again and again,
    those count that came after the user last did something that speaks for it, each for `hides` days; whatever was
    done before, the item then rests. Types that take several count together, and the largest number of them is it."""
    cap: bool = False
    """Whether such events count whatever the user did with the item: a frequency cap, as of an ad that nobody is to see
    more than `after` times in `hides` days. Each such type counts by itself."""

    shown: bool = False
    """Whether such an event says that the user was shown the item, at `rank_shown` where it says so: what comes of it
    teaches the rankers. It weighs nothing."""

    @model_validator(mode="after")
    def _what_is_shown_says_nothing_of_the_user(self) -> Self:
        if self.shown and (self.weight or self.label):
            raise ValueError(
                "what a user was shown is nothing that the user did: with shown = true, weight = 0 and no label"
            )
        return self

    @model_validator(mode="after")
    def _a_cap_says_for_how_long(self) -> Self:
        if self.cap and (self.hides in (None, 0) or self.weight or self.label):
            raise ValueError(
                "what cap = true limits is nothing that the user did: with it, weight = 0, no label, and `hides` says "
                "for how many days an event counts"
            )
        return self


class InputFiles(Section):
    """The raw files of one input table, and the SQL that maps them to its contract."""

    files: str | Annotated[tuple[str, ...], Field(min_length=1)]
    """Glob relative to the configuration's folder, or a list of them; {year}, {month}, {day} stand for the night's
    date, * for any name or part of one, ? for a character, **/ for folders, {a,b} for a or b; every other character is
    itself, and so are braces where a file's name has them."""
    sql: str
    """File with one SELECT from `raw`, relative to the configuration's folder."""
    format: Literal["auto", "csv", "jsonl", "parquet"] = "auto"
    """auto: by the file's name (.csv, .jsonl, .ndjson, .json, .parquet; .gz and .zst are unpacked)."""
    delimiter: str = Field(default=",", min_length=1, max_length=4)
    """Between the columns of a CSV file."""
    quotes: Literal["auto", "always", "never"] = "auto"
    """Whether a CSV's writer puts what needs it into quotation marks; auto: yes, except in a file whose rows only then
    have its header's columns when a quotation mark is a character like any other."""
    connection: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)
    """A database that the files are read from: NIGHTJAR_CONNECTION_<its name in capitals> in the environment holds its
    URL. What `query` gives of a night becomes the file of that night, unless it is there."""
    query: str | None = None
    """File with one SELECT in the database's own SQL, relative to the configuration's folder; $night stands for the
    night as a date, $next for the day after it."""
    since: date | None = None
    """The first day that the database has rows of, where each file is one day's: history is read from it on."""
    hive_partitioning: bool = False
    """Whether a folder named key=value below the configuration's gives its files a column; never one that they have."""

    @property
    def globs(self) -> tuple[str, ...]:
        """What `files` names, one or several, each without {a,b}."""
        return tuple(dict.fromkeys(one for glob in self.given for one in alternative_globs.alternatives(glob)))

    @property
    def given(self) -> tuple[str, ...]:
        """`files` as the configuration has it, one or several."""
        return (self.files,) if isinstance(self.files, str) else self.files

    @property
    def named(self) -> str:
        """`files` for a message, to be put between quotes."""
        return "', '".join(self.given)

    @property
    def daily(self) -> bool:
        """Whether each file is one day's, by its name."""
        return all("{day}" in glob for glob in self.globs)

    @field_validator("files")
    @classmethod
    def _they_are_globs_below_the_folder(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        named = (given,) if isinstance(given, str) else given
        for glob in (one for name in named for one in alternative_globs.alternatives(name)):
            parts = glob.split("/")
            if "\0" in glob:
                raise ValueError("holds a NUL character: write it without")
            if glob.startswith(("/", "~")):
                raise ValueError(
                    "must be relative to the configuration's folder: ../ leads out of it, or a link below it"
                )
            if not parts[-1] or parts[-1] in {".", "..", "**"}:
                raise ValueError("must end with the name of files, as in logs/*.csv")
            if urls.is_url(glob) and (plain := urls.parse(glob).url) != glob:
                raise ValueError(f"has a URL that is written otherwise than here: {plain}")
            if any("**" in part and part != "**" for part in parts):
                raise ValueError("has ** beside other characters: **/ stands for folders, * for a name or part of one")
        return given

    @model_validator(mode="after")
    def _a_query_fills_one_file_a_night(self) -> Self:
        if (self.connection is None) != (self.query is None):
            raise ValueError("a connection needs a query, and a query a connection: set both or neither")
        if self.connection is None:
            if self.since is not None:
                raise ValueError("since is for files that come from a connection: leave it out")
            return self
        parts = [f"{{{part}}}" in glob for glob in self.globs for part in ("year", "month", "day")]
        plain = len(self.globs) == 1 and not set("*?") & set(self.globs[0]) and not urls.is_url(self.globs[0])
        if any(part.startswith(".") for part in self.globs[0].split("/")):
            raise ValueError("what a query gives becomes a file below the home: name it without ../ and what is hidden")
        if not plain or not self.globs[0].endswith(".parquet") or any(parts) != all(parts):
            raise ValueError(
                "what a query gives becomes one Parquet file, a night's own as in logs/{year}-{month}-{day}.parquet, "
                "or all that there is as in items.parquet: name it so"
            )
        return self


AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
"""The name of an attribute, which is part of the names of features and segments."""
AttributeKind = Literal["word", "number", "date"]
"""What an attribute's values are: one of a few words, a number, or a day."""


USER_COLUMNS = frozenset({"user_id", "arrived_at"})
ITEM_COLUMNS = (
    frozenset({"item_id", "item_index", "arrived_at", "title", "text", "category", "price", "price_band", "currency"})
    | frozenset({"kind", "parent_id", "available", "first_seen", "valid_from", "valid_until", "valid_on", "rows"})
)  # fmt: skip
"""What mappings and predicates call something else: names that no attribute can have."""


class DescribedInputFiles(InputFiles):
    """The raw files of an input table whose things have attributes of the shop's own."""

    attributes: dict[AttributeName, AttributeKind] = Field(default={}, max_length=50)
    """More columns, which the mapping must select: their names, and what their values are. A `word` is one of a few
    (a country, a plan), a `number` stands for itself, and of a `date` it counts how long ago it is."""


class Ingest(Section):
    """The shop's files to the contracts of the input tables; [ingest.<name>] is where a table's files are."""

    events: InputFiles | None = None
    """The behaviour log; needed."""
    items: DescribedInputFiles | None = None
    """What is known about the items, and the attributes that are named here; without it an item is only its id."""
    links: InputFiles | None = None
    """Which items belong to which others: item_id and linked_id, as a coupon and a product it is for."""
    users: DescribedInputFiles | None = None
    """What is known about the users: user_id, and the attributes that are named here; without it a user is only what
    the log says."""
    offers: InputFiles | None = None
    """Who was offered what: user_id and item_id; an item that is offered to anybody is shown to nobody else."""
    exclusions: InputFiles | None = None
    """Who is never shown what, such as items of their own: user_id and item_id, and until when."""
    documents: InputFiles | None = None
    """What people write (questions, answers, reviews, news, posts), with the labels that some of it has."""
    relations: InputFiles | None = None
    """How things belong together that documents are about (a product's parts, an account's fees): thing, relation and
    other_thing, as in a phone, "battery" and a cell."""
    searches: InputFiles | None = None
    """What people searched for, whether or not they chose anything: searched_at, query, and user_id or session_id."""
    arrival: Annotated[Literal["event_time", "arrived_at", "file"], KEPT] = "event_time"
    """The night an event belongs to: the day it happened, the day the mapping's `arrived_at` says, or the date in its
    file's name ({year}, {month} and {day}); none before the first day in its file's name. Days are of `timezone`."""
    allow_empty: bool = False
    """Whether a night without a single log row is legitimate (a holiday), or an error. A missing file always is one,
    except where the log is one file a day."""
    max_reject_share: float = Field(default=0.05, ge=0, le=1)
    """Share of a night's rows (repetitions of an event aside) that may be refused before the run stops."""
    earliest: Annotated[date, KEPT] = date(2000, 1, 1)
    """An event before this day is refused: a clock that was never set."""
    max_id_bytes: Annotated[PositiveInt, KEPT] = 256
    """A longer user, item, event or session id is refused."""
    max_row_bytes: Annotated[PositiveInt, KEPT] = 16 * 1024 * 1024
    """A longer line is refused."""
    max_raw_characters: Annotated[PositiveInt, KEPT] = 1000
    """Where a refused row is cut in rejects.parquet."""
    max_file_rows: Annotated[PositiveInt, KEPT] = 20_000_000
    """A log file with more rows stops the night: a few megabytes of gzip may hold any number."""
    max_file_mb: Annotated[PositiveInt, KEPT] = 16_384
    """A log file that is larger unpacked, in MiB, stops the night."""
    max_mapping_minutes: Annotated[PositiveFloat, KEPT] = 60.0
    """How long a mapping may take over the files that are read at once; a longer one is stopped."""
    max_spill_mb: Annotated[PositiveInt | None, KEPT] = None
    """MiB on disk for what does not fit in memory_limit_mb; default: nine tenths of what is free there."""
    pseudonyms: Annotated[bool, KEPT] = False
    """Whether user, session and event ids are replaced by HMAC-SHA256 under the key in NIGHTJAR_PSEUDONYM_KEY before
    anything is written; refused rows are then kept without their content."""

    @field_validator("users", "items")
    @classmethod
    def _attributes_have_names_of_their_own(
        cls, given: DescribedInputFiles | None, info: ValidationInfo
    ) -> DescribedInputFiles | None:
        taken = ITEM_COLUMNS if info.field_name == "items" else USER_COLUMNS
        if given and (wrong := taken & given.attributes.keys()):
            raise ValueError(f"attributes names {', '.join(sorted(wrong))}, which is no attribute: leave it out")
        return given


class Retention(Section):
    """What `prune` removes, counted in days before the newest night in the lake."""

    artifact_days: Annotated[Days, KEPT] = 35
    """Older nights' features, models, lists and reports are removed; published runs are publish.keep_runs' affair."""
    event_days: Annotated[Days | None, KEPT] = None
    """Older nights' events are removed, and no model learns from them any more; default: history is kept."""
    asked_days: Annotated[Days | None, KEPT] = None
    """Older days' files of what databases were asked for are removed; default: with the events of their days."""


class Features(Section):
    """Events to indices, interactions, statistics and labels."""

    event_types: dict[str, EventType] = Field(
        default={
            "view": EventType(weight=0.1),
            "click": EventType(weight=0.2),
            "cart": EventType(weight=0.5),
            "purchase": EventType(weight=1.0, label=True),
            "like": EventType(weight=0.7),
            "rating": EventType(weight=0.5),
            "comment": EventType(weight=0.7),
            "share": EventType(weight=0.7),
            "return": EventType(weight=-1.0),
        }
    )
    """What each kind of behaviour is worth. A type that is not here is refused at ingest; of one that is added later
    the nights that are loaded have nothing until they are loaded again."""
    half_life_days: PositiveFloat = 40.0
    """An action's part in `confidence` halves in this many days."""
    label_users: PositiveInt = 50_000
    """Users that each label window is learned and judged on; of more, a sample. Tonight's lists are for everybody."""
    learned_users: PositiveInt = 200_000
    """Users whose actions the language model is fine-tuned on; of more, a sample."""
    items_snapshot: Literal["changes", "full"] = "changes"
    """What a night's items are: what changed, or all that there are; of `full` ones, an item that the last night with
    any does not name is not available."""
    title_choice: Literal["most_frequent", "latest"] = "most_frequent"
    """Which of the titles a code ever had is its best."""
    repeats: Literal["learned", "yes", "no"] = "learned"
    """Whether users come back to an item they acted on: learned from the log, or known. Where they do not (a film is
    seen once), it is no candidate in pool `all` either."""
    word_min_users: PositiveInt = 10
    """Users with a history who must share an attribute's word for it to count, in any model or list: by a rarer one a
    person could be recognised."""
    words: PositiveInt = Field(default=100, le=10_000)
    """Most frequent words of an attribute that count."""
    text_parts: tuple[Literal["title", "text", "category", "price"], ...] = ("title", "text", "category")
    """What the language model reads about an item, as far as it is known."""
    price_words: tuple[str, ...] = Field(
        default=("very low price", "low price", "medium price", "high price", "very high price"),
        min_length=1,
        max_length=100,
    )
    """One per price band, cheapest first; their number is the number of bands (quantiles of a currency's items)."""
    queries: NonNegativeInt = 1000
    """Most frequent queries that are learned from and answered, where events carry what the user had searched for."""
    query_days: Days = 91
    """How far back queries count."""
    query_min_users: PositiveInt = 5
    """People (users, or sessions of guests) who must have asked a query; what fewer asked may be personal."""
    unsold_days: Days | None = None
    """An item without a sale for longer is not available; default: only what the item's own data says counts."""
