"""The candidate sources: each turns one cut-off's features into ranked lists."""
