"""What drawn slots are worth in the long run, by policy."""
