"""The contract of the published tables, and the databases that hold them."""
