"""Deskdrop, an intranet's article log: the example as it is."""

from datetime import date

from benchmarks.every_log.shop import Shop, example

SHOP = Shop(
    "deskdrop",
    nights=(date(2016, 11, 6), date(2016, 12, 4), date(2017, 1, 15), date(2017, 2, 5)),
    tuning=(date(2016, 8, 28), date(2016, 9, 11), date(2016, 9, 25)),
    write=example("deskdrop"),
)
