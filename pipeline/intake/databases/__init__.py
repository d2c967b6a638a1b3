"""Logs that lie in databases: a query's rows of a night become that night's raw file."""
