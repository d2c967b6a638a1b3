"""A made-up shop's log, for a first night without a log of one's own: no clock, one seed, the same bytes everywhere."""

import csv
import io
import random
from datetime import datetime, timedelta

FIRST, DAYS = datetime(2025, 1, 1), 180
CUSTOMERS = 200
HEADER = ("time", "customer", "action", "product", "title", "category", "price", "quantity")
SHELVES = {
    "tea": ("Assam", "Darjeeling", "Earl Grey", "Sencha", "Gunpowder", "Rooibos", "Peppermint", "Chai"),
    "coffee": ("Espresso", "House blend", "Decaf", "Yirgacheffe", "Sumatra", "Colombia", "Cold brew", "Mocha"),
    "cups": ("Espresso cup", "Tea bowl", "Travel mug", "Tall mug", "Tea glass", "Saucer", "Milk jug", "Tasting cup"),
    "brewing": ("Teapot", "Moka pot", "French press", "Hand grinder", "Kettle", "Tea strainer", "Filter", "Scale"),
    "biscuits": ("Shortbread", "Ginger nuts", "Oat cakes", "Cantuccini", "Wafers", "Macaroons", "Rusks", "Florentines"),
    "chocolate": ("Dark bar", "Milk bar", "Sea salt bar", "Truffles", "Nougat", "Orange peel", "Cocoa", "Pralines"),
}
"""Titles by category; what stands first sells best."""


def log(seed: int = 0) -> str:
    """A CSV of some thousand views and purchases of half a year, oldest first.

    Every customer likes two shelves and comes back to what they bought: there is something to learn.
    """
    rng = random.Random(seed)  # noqa: S311, made-up rows
    products = [(shelf, title) for shelf, titles in SHELVES.items() for title in titles]
    prices = [round(2 + 18 * rng.random(), 1) for _ in products]
    rows = sorted(row for customer in range(CUSTOMERS) for row in _customer(rng, customer, len(products)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for time, customer, action, product, quantity in rows:
        shelf, title = products[product]
        writer.writerow(
            [time.isoformat(" "), customer, action, f"P{product:03}", title, shelf, f"{prices[product]:.2f}", quantity]
        )
    return text.getvalue()


def _customer(rng: random.Random, number: int, products: int) -> list[tuple[datetime, str, str, int, int]]:
    """Everything one customer did: visits some days apart, each with a few views and at most one purchase."""
    shelves = [int(rng.random() * len(SHELVES)) for _ in range(2)]
    pause = 3 + 12 * rng.random() ** 2  # days
    day, rows, bought = DAYS * 0.5 * rng.random() ** 2, [], [0] * 0
    while (day := day + pause * (0.5 + rng.random())) < DAYS:
        time = FIRST + timedelta(days=int(day), minutes=int(8 * 60 + 14 * 60 * rng.random()))
        name = f"C{number:04}" if rng.random() > 0.03 else ""  # now and then nobody has logged in
        for _ in range(1 + int(3 * rng.random())):
            product = _chosen(rng, shelves, products, bought)
            rows.append((time, name, "view", product, 1))
            time += timedelta(seconds=20 + int(200 * rng.random()))
            if rng.random() < 0.4:
                rows.append((time, name, "purchase", product, 1 + int(3 * rng.random() ** 3)))
                bought.append(product)
                break
    return rows


def _chosen(rng: random.Random, shelves: list[int], products: int, bought: list[int]) -> int:
    """What catches the eye: something bought before, the best of a liked shelf, or anything."""
    dice, width = rng.random(), products // len(SHELVES)
    if dice < 0.35 and bought:
        return bought[int(len(bought) * rng.random())]
    if dice < 0.9:
        return shelves[int(2 * rng.random())] * width + int(width * rng.random() ** 1.7)
    return int(products * rng.random())
