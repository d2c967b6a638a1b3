"""What a database has beside the published tables: rows of every run that it remembers, not of the active one alone.

They follow from what a run says of itself, so that they are in no run's files: nothing of them is part of what a run is
made of, and its bytes and its id are the same without them. A run that is dropped or that somebody went back from keeps
its rows, and nobody's are about people.
"""

import pyarrow as pa

from pipeline.published.contract import OF_RUN, Column, PublishedTable

MEASURED = ("made evaluate.metrics(value, low, high)",)

METRIC_HISTORY = PublishedTable(
    name="metric_history",
    grain="one row per run, pool of lists, list and metric",
    columns=(
        Column("run_date", pa.date32(), "the night that the run was made for", of=OF_RUN),
        Column(
            "pool",
            pa.string(),
            "which lists: all, with what users had before, or new, without; <surface>-all, <surface>-new of a surface "
            "that learns from its own items",
            of=OF_RUN,
        ),
        Column(
            "list", pa.string(), "whose: final is what is published, others are what it was compared with", of=OF_RUN
        ),
        Column(
            "metric",
            pa.string(),
            "ndcg, recall, coverage, ... as shares of 1; novelty in bits; difference: by how much final is better than "
            "this list, on the gate's metric; calibration.*: how far probabilities can be trusted",
            of=OF_RUN,
        ),
        Column("k", pa.int32(), "how many items of a list were looked at", nullable=True, of=OF_RUN),
        Column("value", pa.float32(), "the metric, judged before the run was published", of=MEASURED),
        Column("low", pa.float32(), "the lower end of its 95 % interval", nullable=True, of=MEASURED),
        Column("high", pa.float32(), "the upper end", nullable=True, of=MEASURED),
        Column(
            "is_best_single",
            pa.bool_(),
            "whether the list is the best that one model made alone, as far as the run says which",
            of=MEASURED,
        ),
        Column("gate", pa.string(), "what the gate decided of the run's lists", nullable=True, of=OF_RUN),
    ),
    key=("run_id", "pool", "list", "metric"),
    added_later=True,
    of_all_runs=True,
)
"""A view of `runs`: nothing is stored twice."""

STAGE_RUNS = PublishedTable(
    name="stage_runs",
    grain="one row per run and stage that it was made from",
    columns=(
        Column("run_date", pa.date32(), "the night that the run was made for", of=OF_RUN),
        Column("stage", pa.string(), "its name; publish comes with the publication after", of=OF_RUN),
        Column("seconds", pa.float32(), "how long it took when its artifact was made", of=OF_RUN),
        Column("peak_memory_mb", pa.int32(), "MiB that it held at most", of=OF_RUN),
        Column("written_mb", pa.float32(), "MiB of its files, linked ones too", of=OF_RUN),
        Column("rows", pa.float32(), "rows of its Parquet files, to seven digits", of=OF_RUN),
        Column("parts", pa.int32(), "parts that other nights can link, such as cut-offs", of=OF_RUN),
        Column("linked_parts", pa.int32(), "those of them that another night made", nullable=True, of=OF_RUN),
        Column("engine", pa.string(), "local or spark", of=OF_RUN),
        Column("threads", pa.int32(), "CPU threads that it was given", of=OF_RUN),
    ),
    key=("run_id", "stage"),
    added_later=True,
    of_all_runs=True,
)
"""A table, as no file of a run may have it: its times are others when the same run is made again."""

HISTORIES = (METRIC_HISTORY, STAGE_RUNS)
"""All of them, in the order in which they are shown."""
