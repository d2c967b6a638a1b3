"""Limits over a whole night's table: the assignment of greatest expected value that keeps them."""
