"""The judge: the metrics of every list, who is compared with whom, the gate, the report."""
