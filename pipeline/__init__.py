"""Behaviour logs in, tomorrow's recommendation tables out.

    raw logs -> ingest -> features -+-> popularity, als, user_knn, ease --+-> fusion -> ensemble -> evaluate -> publish
                                    +-> fine_tune (GPU) -> language_model -+

Every stage is one module with one function, `run`, whose parameters name what it reads; stages meet only on disk, in
`<lake>/<stage>/run_date=YYYY-MM-DD/`. `python -m pipeline --help` runs them without Airflow, `dags/` with it.
"""

import os

# Threads that wait for work sleep instead of spinning: on a machine that does anything else, spinning threads of OpenMP
# (LightGBM, torch, implicit) take the cores from each other. Read when the first of these libraries is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
