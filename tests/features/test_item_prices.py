"""Prices that are none, and prices of several currencies."""

import math
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.made_up import START, config_at, event, said, texts, write_lake

WORDS = ["cheap", "middling", "dear"]


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e300])
def test_a_price_that_is_none_is_not_known(tmp_path: Path, broken: float) -> None:
    """Neither the item's own nor an event's; the last one that was a price stays."""
    items = [said(f"i{n}", None, 0, price=float(n)) for n in range(1, 7)]
    items += [said("new", None, 0, price=broken), said("i1", None, 1, price=broken)]
    bought = [event(0, "u", "sold", 0) | {"price": broken}, event(1, "u", "sold", 0) | {"price": 2.5}]
    config = config_at(tmp_path, features={"price_words": WORDS})
    write_lake(config, bought, items, until=START + timedelta(days=1))
    found = texts(config, START + timedelta(days=1))
    prices = {name: found[name]["price"] for name in ("new", "i1", "i6", "sold")}
    assert prices == {"new": None, "i1": 1.0, "i6": 6.0, "sold": 2.5}
    assert {name: found[name]["price_band"] for name in prices} == {"new": None, "i1": 0, "i6": 2, "sold": 1}


def test_currencies_have_bands_of_their_own(tmp_path: Path) -> None:
    """The dearest of the euro items is dear, though every price in yen is higher; without a currency: the usual one."""
    prices = {"EUR": [1, 2, 3, 4, 5, 6], "JPY": [100, 200, 300]}
    items = [
        said(f"{currency}{n}", None, 0, price=float(price), currency=currency)
        for currency, given in prices.items()
        for n, price in enumerate(given)
    ]
    items.append(said("unsaid", None, 0, price=7.0))
    config = config_at(tmp_path, features={"price_words": WORDS})
    write_lake(config, [event(0, "u", "sold", 0)], items, until=START)
    found = texts(config, START)
    bands: dict[str, list[int | None]] = {}
    for name, row in found.items():
        if name[:3] in prices:
            bands.setdefault(name[:3], []).append(row["price_band"])
    # by hand: the share of the other priced items of the currency that are cheaper, times three, at most 2;
    # among the euros are the item without a currency and the one known from its sale at 1.00
    assert bands == {"EUR": [0, 0, 1, 1, 2, 2], "JPY": [0, 1, 2]}
    assert (found["unsaid"]["price_band"], found["sold"]["price_band"]) == (2, 0)
