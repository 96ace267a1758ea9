"""Rare events: what moved, how often, in which dynamics, and whether it is real: the verdict."""
