"""The models: each turns one cut-off's features into ranked candidate lists."""
