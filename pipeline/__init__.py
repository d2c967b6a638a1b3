"""Behaviour logs in, tomorrow's recommendation tables out.

    raw logs -> ingest -> features -+-> popularity, als, user_knn, ease --+-> fusion -> ensemble -> evaluate -> publish
                                    +-> fine_tune (GPU) -> language_model -+

Every stage is one module with one function, `run`, whose parameters name what it reads; stages meet only on disk, in
`<lake>/<stage>/run_date=YYYY-MM-DD/`. `python -m pipeline --help` runs them without Airflow, `dags/` with it.
"""
