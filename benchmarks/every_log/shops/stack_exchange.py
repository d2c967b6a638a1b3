"""Two Stack Exchange sites, "which question next": the example as it is.

Beer ends in 2016 and Quantum Computing begins in 2018. All nights are in its time: in a week of Beer's later years
hardly five people who had written before wrote again. From 2018-06-10 on every third Sunday is reported.
"""

from datetime import date

from benchmarks.every_log.shop import Shop, example

SHOP = Shop(
    "stack_exchange",
    nights=(date(2018, 6, 10), date(2018, 7, 1), date(2018, 7, 22), date(2018, 8, 12)),
    tuning=(date(2018, 4, 29), date(2018, 5, 13), date(2018, 5, 27)),
    write=example("stack_exchange"),
)
