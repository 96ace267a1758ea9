"""Elastic constants of any crystal from finite strain, with ions relaxed at every strain.

`strain.measure` gives one tensor from one calculator, `committee` the tensors of all members with
their spread; `tensor`, `symmetry` and `moduli` are the algebra (docs/elastic.md).
"""
