"""From many lists to one: candidate pairs and what is known about them, the fusion, the ensemble."""
