"""Copies of the active run's tables in other stores: one module per kind, all with the contract of contract.py.

They follow the target (following.py) and are no part of a run: nothing is asked of them before the target has it.
"""
