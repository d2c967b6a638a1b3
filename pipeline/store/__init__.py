"""A home in an object store: the store has the truth, a local folder is what the stages work on."""
