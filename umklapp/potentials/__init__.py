"""Potentials behind one contract: NequIP, any ASE calculator, a Taylor baseline, committees."""
