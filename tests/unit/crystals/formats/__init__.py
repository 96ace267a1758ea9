"""A package: `reference` and `transport` have tests of the same names (aims, vasp, vibes)."""
