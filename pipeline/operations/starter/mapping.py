"""The mapping SQL of a starter shop. Names and values are a stranger's: they are quoted, and cleaned in comments."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.ground.terminal import clean
from pipeline.operations.starter import columns, times
from pipeline.operations.starter.columns import Choice

NUMBERS = {"quantity": "how many", "price": "of one piece", "value": "e.g. the stars given"}


@dataclass(frozen=True)
class Log:
    """What was recognised of a log.

    Attributes:
        header: names of all its columns.
        chosen: the log's column for each of the contract's that was recognised.
        way: how its times are written, a key of times.WAYS; None where that is not known.
        ambiguous: whether day and month could be the other way round.
    """

    header: list[str]
    chosen: Mapping[str, Choice]
    way: str | None = None
    ambiguous: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Columns of the contract that a person must choose before the first run."""
        found = set(self.chosen) - ({"event_time"} if self.way is None else set())
        return [name for name in columns.NEEDED if name not in found]

    @property
    def doubts(self) -> list[str]:
        """What a person must know about how its times are read."""
        taken_as = ["taken as UTC, unless you set `timezone`"] if self.way in times.LOCAL else []
        return taken_as + (["day and month could be the other way round"] if self.ambiguous else [])

    @property
    def has_returns(self) -> bool:
        """Whether a negative quantity is how the log says that something came back."""
        return "event_type" not in self.chosen and min(self._numbers("quantity"), default=0) < 0

    @property
    def default_kind(self) -> str:
        """What its rows are where no column says it."""
        if "value" in self.chosen:
            return "rating"
        return "purchase" if {"quantity", "price", "session_id"} & set(self.chosen) else "view"

    @property
    def behaviours(self) -> list[str]:
        """Every kind of behaviour that its mapping gives, in the order of columns.KINDS."""
        found = set(self.kinds.values()) or {self.default_kind} | ({"return"} if self.has_returns else set())
        return [kind for kind in columns.KINDS if kind in found]

    @property
    def unknown_kinds(self) -> list[str]:
        """What its column of behaviours says that is none Nightjar knows; left out."""
        if "event_type" not in self.chosen:
            return []
        return sorted(set(self.chosen["event_type"].column.counts) - set(self.kinds))

    def _numbers(self, role: str) -> list[float]:
        return self.chosen[role].column.numbers if role in self.chosen else []


def identifier(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def events(log: Log) -> str:
    """events.sql."""
    lines = [
        "-- one row per behaviour event: how a row of your log becomes one. `raw` is what [ingest.events] names in",
        "-- pipeline.toml, every column as text; cast with try_cast, so that an odd row is refused and the rest taken.",
        "-- Columns of your log: " + ", ".join(map(clean, log.header)),
        "select",
        _id(log, "user_id", "who; null: a guest whom nobody knows"),
        _id(log, "item_id", "what"),
        _time(log, "event_time"),
        *_type(log),
        *_optional(log),
        "    _file, _row  -- where the row stands, for the message when it is refused",
        "from raw",
        *_where(log),
    ]
    return "\n".join(lines) + "\n"


def items(log: Log) -> str | None:
    """items.sql; None where the log says nothing of its items but their ids."""
    if not {"title", "category"} & set(log.chosen) or {"item_id", "event_time"} & set(log.missing):
        return None
    named = [f"    {identifier(log.chosen[r].column.name)} as {r}," for r in ("title", "category") if r in log.chosen]
    if "price" in log.chosen:
        named.append(f"    {_number(log.chosen['price'])} as price,")
    lines = [
        "-- one row per line of the log: what it says about its item; the title that is most frequent is shown",
        "select",
        f"    {identifier(log.chosen['item_id'].column.name)} as item_id,",
        *named,
        _time(log, "arrived_at"),
        "    _file",
        "from raw",
    ]
    return "\n".join(lines) + "\n"


def _line(expression: str, name: str, remark: str) -> str:
    return f"    {expression} as {name}," + (f"  -- {remark}" if remark else "")


def _remark(choice: Choice, about: str) -> str:
    """What stands behind a chosen column: what it is, and how sure that is."""
    others = ", ".join(clean(name) for name in choice.others)
    doubts = [] if choice.sure else ["A GUESS by its name"]
    return "; ".join([about, *doubts, *([f"or is it {others}?"] if others else [])])


def _id(log: Log, name: str, about: str) -> str:
    if name not in log.chosen:
        return _line("null", name, f"CHOOSE the column: {about}")
    choice = log.chosen[name]
    return _line(identifier(choice.column.name), name, _remark(choice, about))


def _number(choice: Choice) -> str:
    column = identifier(choice.column.name)
    if choice.column.has_commas:
        column = f"replace(replace({column}, '.', ''), ',', '.')"
    return f"try_cast({column} as double)"


def _time(log: Log, name: str) -> str:
    if "event_time" not in log.chosen:
        return _line("null", name, "CHOOSE the column: when, a timestamp with time zone")
    choice = log.chosen["event_time"]
    column = identifier(choice.column.name)
    if log.way is None:
        return _line(
            f"try_cast({column} as timestamptz)", name, f"CHOOSE how it is read: {clean(choice.column.texts[0])[:40]}"
        )
    expression, remark = times.WAYS[log.way]
    doubt = " (CHECK: day and month could be the other way round)" if log.ambiguous else ""
    return _line(expression.replace("{column}", column), name, _remark(choice, remark or "when") + doubt)


def _type(log: Log) -> list[str]:
    if "event_type" in log.chosen:
        column = identifier(log.chosen["event_type"].column.name)
        cases = [f"        when {literal(text)} then {literal(kind)}" for text, kind in sorted(log.kinds.items())]
        return [
            f"    case {column}",
            *cases,
            f"        else {column}  -- refused, unless pipeline.toml knows it",
            f"    end as event_type,  -- {_remark(log.chosen['event_type'], 'see [features.event_types]')}",
        ]
    if log.has_returns:
        return [
            _line(
                f"case when {_number(log.chosen['quantity'])} < 0 then 'return' else {literal(log.default_kind)} end",
                "event_type",
                "a negative quantity is a return",
            )
        ]
    remark = "every row is one, as no column says what was done"
    if log.default_kind == "rating":
        remark += "; to learn from good ones only, add: where try_cast(...) >= 4"
    return [_line(literal(log.default_kind), "event_type", remark)]


def _optional(log: Log) -> list[str]:
    lines = []
    for role, about in NUMBERS.items():
        if role in log.chosen:
            number = _number(log.chosen[role])
            is_returned = role == "quantity" and log.has_returns
            lines.append(_line(f"abs({number})" if is_returned else number, role, _remark(log.chosen[role], about)))
        else:
            lines.append(f"    -- {role}: {about}")
    for role, about in (
        ("session_id", "a visit, or a basket"),
        ("event_id", "unique; a row that is sent again is dropped"),
    ):
        if role in log.chosen:
            choice = log.chosen[role]
            lines.append(_line(identifier(choice.column.name), role, _remark(choice, about)))
        else:
            lines.append(f"    -- {role}: {about}")
    return lines


def _where(log: Log) -> list[str]:
    """Rows that are no event of ours and would be refused by the thousand."""
    wanted = []
    if log.unknown_kinds:
        column = identifier(log.chosen["event_type"].column.name)
        wanted.append(
            f"coalesce({column}, '') not in ({', '.join(map(literal, log.unknown_kinds))})  -- behaviours left out"
        )
    item = log.chosen.get("item_id")
    if item and item.column.filled < 1:
        share = 1 - item.column.filled
        wanted.append(f"trim({identifier(item.column.name)}) <> ''  -- {share:.1%} of the rows name no item")
    return [f"{'where' if first else '    and'} {text}" for first, text in zip([True, False], wanted, strict=False)]
