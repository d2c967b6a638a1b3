"""The network behind sasrec: its sequences, its attention, its training."""
