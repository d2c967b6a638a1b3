"""Behaviour logs in, tomorrow's recommendation tables out.

    raw logs -> ingest -> features -+-> popularity, als, ... ------------+-> fusion -> ensemble -> evaluate -> publish
                                    +-> fine_tune -> language_model, ... +                            |
                                    +-> outcomes: how published runs have done since -----------------+

Every stage is one module with one function, `run`, whose parameters name what it reads (pipeline.operations.stages);
stages meet only on disk, in `<lake>/<stage>/run_date=YYYY-MM-DD/`. `python -m pipeline --help` runs them without
Airflow, `dags/` with it. The rooms, from the top floor down; nothing imports upward:

    tasks        what a task of a DAG calls
    operations   running stages, and looking after what they leave
    judging      metrics, the champion, the gate, the report
    ranking      from many lists to one: fusion, ensemble
    publication  the published tables, and what they are made of
    sources      the candidate sources, a module each
    encoder      the pretrained language model and its fine-tuning
    intake       raw logs in, mapped, checked
    published    the contract of published tables, and databases that hold them
    features     what was known at each cut-off
    privacy      pseudonyms, suppression, redaction, receipts
    engine       work on blocks of users: in this process, in several, on a Spark cluster
    settings     the configuration
    arrays       numbers in, numbers out
    ground       artifacts, lists, schemas, SQL files, errors, resources
"""

import os

__version__ = "0.1.0"

# Threads that wait for work sleep instead of spinning: on a machine that does anything else, spinning threads of OpenMP
# (LightGBM, torch, implicit) take the cores from each other. Read when the first of these libraries is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
