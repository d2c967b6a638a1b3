"""Looking at a shop's logs before a night does: a sample of them, what is in it, what is wrong, what to set."""
