"""Make up the news of a market and who read them: thirty companies, ninety days, eight things that happened.

    python examples/news/plant.py examples/news

Writes news.csv.zst, reads.csv.zst and happened.csv, the same bytes each time. On a usual working day some two texts are
written about a company, more about some, fewer on weekends; a few companies are written about more when all are. Tone
is that of the sentence; half of the texts have it as a label. What happened makes a company known for a day: a dozen to
thirty texts more, of one tone and in words of their own. On two days much more is written about everything. Readers
follow four companies each, and read what is written about them within a day or two.
"""

import csv
import io
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

FIRST, DAYS, READERS, FOLLOWED = datetime(2024, 1, 1), 90, 200, 4
START = """
Alder Birch Cedar Dover Elm Fern Grove Harbour Iris Juniper Kestrel Lark Maple Nettle Oak Pine Quill Rowan Sable Thistle
Umber Vale Willow Yarrow Ash Beacon Cobalt Delta Ember Flint
"""
END = ["Lamps", "Foods", "Bank", "Motors", "Airlines", "Energy", "Textiles", "Media", "Health", "Rail"]
COMPANIES = [f"{name} {END[n % len(END)]}" for n, name in enumerate(START.split())]
SAID = {
    "positive": [
        "{} raises its forecast after a strong {}",
        "{} beats what analysts expected for the {}",
        "shares of {} climb as {} orders grow",
        "{} wins a large contract in its {} business",
    ],
    "negative": [
        "{} cuts its forecast after a weak {}",
        "{} misses what analysts expected for the {}",
        "shares of {} slide as {} costs rise",
        "{} loses a customer of its {} business",
    ],
    "neutral": [
        "{} will report on its {} next month",
        "{} names a new head of its {} business",
        "{} opens an office for the {} market",
        "what to know about {} before the {}",
    ],
}
ABOUT = ["quarter", "spring", "autumn", "export", "retail", "online", "northern", "southern", "wholesale", "service"]
HAPPENED = [
    (40, 3, "negative", "recall of overheating batteries, {} asks customers to return chargers, {}"),
    (47, 11, "negative", "strike of pilots grounds flights of {}, says the union, {}"),
    (55, 20, "positive", "{} agrees to a takeover by a rival at a premium, {}"),
    (61, 7, "negative", "hackers steal customer records of {}, regulator informed, {}"),
    (68, 25, "positive", "regulator approves the new vaccine of {}, {}"),
    (74, 15, "negative", "fire at the main warehouse of {} halts deliveries, {}"),
    (80, 3, "positive", "court throws out the battery lawsuit against {}, {}"),
    (87, 28, "negative", "auditor resigns from {} over accounts, {}"),
]
LOUD = {33: 3.0, 71: 4.0}


def news(rng: np.random.Generator) -> list[dict[str, str]]:
    """The texts, oldest first."""
    rates = rng.gamma(2.0, 1.0, len(COMPANIES))
    mood = rng.dirichlet([2.0, 2.0, 3.0], len(COMPANIES))
    rows = []
    for day in range(DAYS):
        usual = LOUD.get(day, 1.0) * (0.3 if (FIRST + timedelta(days=day)).weekday() > 4 else 1.0)
        for place, number in enumerate(rng.poisson(rates * usual)):
            for _ in range(number):
                tone = str(rng.choice(list(SAID), p=mood[place]))
                said = str(rng.choice(SAID[tone])).format(COMPANIES[place], rng.choice(ABOUT))
                also = [str(rng.choice(COMPANIES))] if rng.random() < 0.1 else []
                rows.append(row(rng, day, [COMPANIES[place], *also], tone, said))
        for when, place, tone, said in HAPPENED:
            for _ in range(int(rng.integers(12, 31)) if when == day else 0):
                rows.append(row(rng, day, [COMPANIES[place]], tone, said.format(COMPANIES[place], rng.choice(ABOUT))))
    return [
        one | {"news_id": f"n{number:05d}"} for number, one in enumerate(sorted(rows, key=lambda r: r["written_at"]))
    ]


def row(rng: np.random.Generator, day: int, companies: list[str], tone: str, said: str) -> dict[str, str]:
    """One text at an hour of the day; another one also about it is named at its end."""
    moment = FIRST + timedelta(days=day, seconds=int(rng.integers(6 * 3600, 22 * 3600)))
    told = f"{said}; {companies[1]} too" if len(companies) > 1 else said
    known = {"tone": tone if rng.random() < 0.5 else "", "truth": tone}
    companies = list(dict.fromkeys(companies))
    return {
        "news_id": "",
        "written_at": moment.isoformat(sep=" "),
        "text": f"{told} (report {rng.integers(1000, 10000)})",
        "companies": "|".join(companies),
    } | known


def reads(rng: np.random.Generator, texts: list[dict[str, str]]) -> list[dict[str, str]]:
    """Who read what, oldest first."""
    about: dict[str, list[dict[str, str]]] = {name: [] for name in COMPANIES}
    for one in texts:
        about[one["companies"].split("|")[0]].append(one)
    end, rows = FIRST + timedelta(days=DAYS), []
    for reader in range(READERS):
        for name in rng.choice(COMPANIES, FOLLOWED, replace=False):
            for one in about[str(name)]:
                if rng.random() < 0.4:
                    hours = float(rng.exponential(14.0))
                    read = datetime.fromisoformat(one["written_at"]) + timedelta(seconds=int(hours * 3600))
                    if read < end:
                        rows.append({"reader": f"r{reader:03d}", "news_id": one["news_id"], "read_at": str(read)})
    return sorted(rows, key=lambda r: (r["read_at"], r["reader"], r["news_id"]))


def write(rows: list[dict[str, str]], path: Path) -> None:
    """A CSV file, compressed where its name says so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(
        pa.Codec("zstd", compression_level=19).compress(content, asbytes=True) if path.suffix == ".zst" else content
    )


def main() -> None:
    """Write the three files."""
    folder, rng = Path(sys.argv[1]), np.random.default_rng(2024)
    texts = news(rng)
    write(texts, folder / "news.csv.zst")
    write(reads(rng, texts), folder / "reads.csv.zst")
    happened = [
        {"day": str((FIRST + timedelta(days=day)).date()), "company": COMPANIES[place], "tone": tone}
        for day, place, tone, _ in HAPPENED
    ]
    write(happened, folder / "happened.csv")


if __name__ == "__main__":
    main()
