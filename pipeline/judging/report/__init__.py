"""The judgement as a page, its charts, and a table for the log."""
