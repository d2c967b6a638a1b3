"""What answers to queries are worth, on a log of queries and clicks or on a made-up one whose truth is known."""
