"""Numbers in, numbers out: ranking, nearness, metrics, logistic curves; nothing here knows a table or a file."""
