"""The Sections of the configuration, by theme; pipeline.settings.config puts them together."""
