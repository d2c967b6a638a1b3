"""Lopsided logs against even ones with as many events, see __main__."""
