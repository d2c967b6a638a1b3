"""The Sections of the configuration, by theme; pipeline.config puts them together."""
