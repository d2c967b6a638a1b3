"""Raw logs in: found, read, mapped to the contract, checked, and kept by the night they arrived."""
