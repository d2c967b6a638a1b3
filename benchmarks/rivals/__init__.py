"""Nightjar beside its rivals: the same nights, the same logs, one scorer (see __main__)."""
