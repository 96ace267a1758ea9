"""The band structure of a committee: the table behind the figure, and its picture."""

import numpy as np
import pytest
from conftest import diamond, label
from figure_files import look, share, through_csv
from phonopy import Phonopy

from umklapp.crystals import phonopy_cells, symmetry
from umklapp.lattice import phonons
from umklapp.report.figures import bands, style


@pytest.fixture(scope="module")
def silicon_bands():
    """Bands of two "members": Stillinger–Weber silicon, and one that is 5 % too soft."""
    primitive = symmetry.primitive_cell(diamond())
    models = []
    for scale in (1.0, 0.95):
        phonon = Phonopy(
            phonopy_cells.to_phonopy(primitive),
            supercell_matrix=2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),
            primitive_matrix="P",
        )
        phonon.generate_displacements(distance=0.01)
        cells = map(phonopy_cells.from_phonopy, phonon.supercells_with_displacements)
        phonon.forces = np.array([scale * label(cell).get_forces() for cell in cells])
        phonon.produce_force_constants()
        phonon.symmetrize_force_constants()
        models.append(phonon)
    return phonons.bands(models)


def test_bands_table(silicon_bands, tmp_path):
    data = through_csv(bands.table(silicon_bands), tmp_path)
    assert len(data.columns) == 1 + 3 * 6
    assert len(data) == len(silicon_bands.distance)
    assert (np.diff(data["distance_per_A"]) >= 0).all()
    ratio = data["band_6_min_THz"] / data["band_6_max_THz"]
    np.testing.assert_allclose(ratio, 0.95**0.5, rtol=1e-3)
    mean = (data["band_6_min_THz"] + data["band_6_max_THz"]) / 2
    np.testing.assert_allclose(data["band_6_mean_THz"], mean)


def test_bands_figure(silicon_bands, paths):
    bands.draw(silicon_bands, "Si-227", paths)
    assert share(look(paths, 4.6, 3.0), style.BLUE) > 0.005


def test_bands_figure_names_both_ends_of_a_jump(silicon_bands):
    ticks, names = bands._tick_labels(silicon_bands)
    assert len(ticks) == len(names) == len(set(ticks))
    assert names[0] == "Γ"
    assert [name for name in names if "|" in name] == ["K|U"]
