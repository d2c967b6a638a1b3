"""What a task of a DAG calls; imports nothing of Airflow."""
