"""Online Retail II, a gift retailer's invoices: the example as it is, and the log that the defaults were made on."""

from datetime import date

from benchmarks.every_log.shop import Shop, example

SHOP = Shop(
    "online_retail",
    nights=(date(2011, 7, 31), date(2011, 9, 4), date(2011, 10, 2), date(2011, 11, 6)),
    tuning=(date(2010, 10, 3), date(2011, 5, 1), date(2011, 6, 5)),  # before 2011-07-01
    write=example("online_retail"),
)
