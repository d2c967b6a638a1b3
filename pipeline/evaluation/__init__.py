"""The judge's parts: definitions of the metrics, who is compared with whom, the gate, the report."""
