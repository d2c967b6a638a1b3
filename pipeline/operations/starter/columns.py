"""Which column of a log says what, recognised by its name and looked at for what it holds."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# What a column may be called, the likeliest first: in lower case, without anything but letters and digits.
NAMES = {
    "user_id": (
        "userid", "customerid", "visitorid", "userpseudoid", "clientid", "memberid", "personid", "accountid", "buyerid",
        "shopperid", "fullvisitorid", "reviewerid", "customerno", "customernumber", "user", "customer", "visitor",
        "client", "member", "person", "buyer", "email", "customeremail", "useremail",
    ),
    "item_id": (
        "itemid", "productid", "articleid", "contentid", "movieid", "sku", "lineitemsku", "productsku", "itemsku",
        "stockcode", "asin", "isbn", "bookid", "songid", "trackid", "variantid", "productcode", "itemcode", "item",
        "product", "article", "content", "lineitemname", "itemname", "productname", "producttitle",
    ),
    "event_time": (
        "eventtime", "timestamp", "eventtimestamp", "time", "ts", "datetime", "createdat", "occurredat", "paidat",
        "orderdate", "invoicedate", "purchasedate", "transactiondate", "orderedat", "date", "eventdate", "day",
        "unixreviewtime",
    ),
    "event_type": (
        "eventtype", "eventname", "event", "actiontype", "action", "behaviortype", "behaviourtype", "behavior",
        "behaviour", "interactiontype", "interaction", "activitytype", "activity", "type",
    ),
    "event_id": ("eventid", "logid", "insertid", "eventuuid"),
    "session_id": (
        "sessionid", "usersession", "gasessionid", "session", "visitid", "orderid", "orderno", "ordernumber",
        "invoiceno", "invoice", "invoiceid", "transactionid", "basketid", "order",
    ),
    "quantity": ("quantity", "lineitemquantity", "itemquantity", "qty", "units"),
    "price": ("price", "unitprice", "lineitemprice", "itemprice", "productprice"),
    "value": ("rating", "stars", "score", "overall"),
    "title": (
        "title", "itemname", "productname", "lineitemname", "itemtitle", "producttitle", "productdescription",
        "description", "movietitle", "booktitle", "product",
    ),
    "category": (
        "category", "itemcategory", "productcategory", "categorycode", "categoryname", "department", "genre", "genres",
        "categoryid", "producttype",
    ),
}  # fmt: skip
# A name that says it in part is a guess.
SIGNS = {
    "user_id": r"user|customer|visitor|client|member|shopper|buyer",
    "item_id": r"item|product|article|sku|movie|book|track",
    "event_time": r"time|date|stamp",
}
NEEDED = ("user_id", "item_id", "event_time")
NUMBERS = ("quantity", "price", "value")
FILLED = 0.5
"""Share of the rows in which a needed column should say something."""
WITH_COMMA = re.compile(r"[-+]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?")
"""A number as much of Europe writes it: 1.234,56."""
A_COMMA = re.compile(r",(?![0-9]{3}$)")
"""What is no comma between thousands."""


@dataclass(frozen=True)
class Column:
    """One column of the log, as far as it was looked at.

    Attributes:
        name: as the header has it.
        values: the sampled rows' texts; None or empty where the row says nothing.
    """

    name: str
    values: Sequence[str | None]

    @property
    def texts(self) -> list[str]:
        """What the column says where it says something."""
        return [value for value in self.values if value and value.strip()]

    @property
    def filled(self) -> float:
        """Share of the rows in which it says something."""
        return len(self.texts) / max(len(self.values), 1)

    @property
    def has_commas(self) -> bool:
        """Whether its numbers have a decimal comma, as a spreadsheet writes them in much of Europe."""
        texts = self.texts
        fitting = sum(WITH_COMMA.fullmatch(text.strip()) is not None for text in texts)
        return fitting > 0.9 * len(texts) and any(A_COMMA.search(text.strip()) for text in texts)

    @property
    def numbers(self) -> list[float]:
        """Its values that are numbers, with a decimal point or, in a column of such, a comma."""
        found, has_commas = [], self.has_commas
        for text in self.texts:
            try:
                found.append(float(text.replace(".", "").replace(",", ".") if has_commas else text))
            except ValueError:
                continue
        return found

    @property
    def counts(self) -> Counter[str]:
        """How often it says what."""
        return Counter(self.texts)


@dataclass(frozen=True)
class Choice:
    """The column that was chosen for one column of the contract.

    Attributes:
        column: the log's.
        sure: whether its name is one that is known.
        others: names of columns that could be meant as well.
    """

    column: Column
    sure: bool = True
    others: Sequence[str] = field(default=())


def plain(name: str) -> str:
    """A name in lower case, without anything but letters and digits."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", name).lower())


def recognise(columns: Sequence[Column]) -> dict[str, Choice]:
    """The log's column for each column of the contract that could be recognised.

    Args:
        columns: all of the log's.
    Returns:
        By the contract's names; what is missing was not recognised. A title may be the item's id as well.
    """
    chosen: dict[str, Choice] = {}
    for role in NAMES:
        taken = {choice.column.name for choice in chosen.values()}
        free = [column for column in columns if column.name not in taken]
        choice = _choose(role, free)
        if choice is None and role == "title" and "item_id" in chosen:
            choice = _choose(role, [chosen["item_id"].column])  # where an item is known by its name
        if choice:
            chosen[role] = choice
    return chosen


def _choose(role: str, columns: Sequence[Column]) -> Choice | None:
    by_name = {_last_part(column.name): column for column in reversed(columns)}
    by_name |= {plain(column.name): column for column in reversed(columns)}
    named = [by_name[name] for name in NAMES[role] if name in by_name and _fits(role, by_name[name])]
    named = list({column.name: column for column in named}.values())
    if role in NEEDED:  # "user_id" that is mostly empty stands behind a "visitor" that is not
        named.sort(key=lambda column: column.filled < FILLED)
    if named:
        return Choice(named[0], others=[column.name for column in named[1:]])
    if role in SIGNS:
        guesses = [c for c in columns if re.search(SIGNS[role], plain(c.name)) and _fits(role, c)]
        if guesses:
            return Choice(guesses[0], sure=False, others=[column.name for column in guesses[1:]])
    return None


def _last_part(name: str) -> str:
    """Of nested names ("items.item_id") what stands last."""
    return plain(name.rsplit(".", 1)[-1])


def _fits(role: str, column: Column) -> bool:
    """Whether what a column holds speaks against its name."""
    if role in NUMBERS:
        return len(column.numbers) > 0.9 * len(column.texts) > 0
    if role == "event_id":
        return column.filled == 1 and len(column.counts) == len(column.values)
    return bool(kinds(column)) if role == "event_type" else bool(column.texts)


KINDS: Mapping[str, tuple[str, ...]] = {
    "view": (
        "view",
        "pageview",
        "viewitem",
        "itemview",
        "productview",
        "viewproduct",
        "detailview",
        "pv",
        "viewed",
        "productviewed",
    ),
    "click": ("click", "clickout", "selectitem", "clicked", "productclicked"),
    "cart": ("cart", "addtocart", "addtobasket", "basket", "addcart", "productadded"),
    "purchase": (
        "purchase",
        "transaction",
        "buy",
        "order",
        "sale",
        "purchased",
        "bought",
        "ordered",
        "orderplaced",
        "ordercompleted",
    ),
    "like": ("like", "fav", "favorite", "favourite", "wishlist", "addtowishlist", "bookmark", "save", "liked"),
    "rating": ("rating", "rate", "review", "rated"),
    "comment": ("comment", "commentcreated", "commented"),
    "share": ("share", "shared"),
    "return": ("return", "refund", "returned", "refunded", "cancellation", "cancelled", "canceled"),
}
"""What Nightjar calls a behaviour, and what logs call it (as NAMES)."""


def kinds(column: Column) -> dict[str, str]:
    """What Nightjar calls the behaviours that a column names; those that are not in it are unknown."""
    known = {alias: kind for kind, aliases in KINDS.items() for alias in aliases}
    return {text: known[plain(text)] for text in column.counts if plain(text) in known}
