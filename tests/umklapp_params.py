"""A phono3py params file of silicon, labelled by Stillinger–Weber."""

import numpy as np
from conftest import diamond, label
from phono3py import Phono3py

from umklapp.crystals.phonopy_cells import from_phonopy, to_phonopy


def write_params(path, count=4, forces=True, energies=True):
    """Write displacements, forces and energies of an 8-atom cell; returns the labelled frames."""
    made = Phono3py(
        to_phonopy(diamond()),
        supercell_matrix=np.eye(3, dtype=int),
        primitive_matrix="F",
        log_level=0,
    )
    made.generate_displacements(distance=0.05, number_of_snapshots=count, random_seed=3)
    found = [label(from_phonopy(cell)) for cell in made.supercells_with_displacements]
    if forces:
        made.forces = np.array([frame.get_forces() for frame in found])
        if energies:
            made.supercell_energies = np.array([frame.get_potential_energy() for frame in found])
    made.save(path, settings={"force_sets": forces, "displacements": True})
    return found
