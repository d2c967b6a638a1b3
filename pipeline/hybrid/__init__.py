"""The fusion's parts: candidate pairs and what is known about them, the blend, the rankers, the merges."""
