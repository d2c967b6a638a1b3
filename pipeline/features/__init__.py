"""Events to what was known at each cut-off, and the typed reader of it."""
