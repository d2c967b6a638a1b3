"""The publication's parts: what a night publishes and why, the checks, the targets it is loaded into."""
