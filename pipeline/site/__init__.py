"""A static site of what is published: quality over the nights, every user's lists, every item; see build.write."""

FOLDER = "site"
"""Where a home's own site is below it."""
