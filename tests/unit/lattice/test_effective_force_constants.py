import numpy as np
import pytest
from models import (
    CONVENTIONAL,
    bare,
    force_constants_of,
    silicon_phonons,
    silicon_primitive,
    sw_potential,
)
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.errors import InputError
from umklapp.lattice import effective_force_constants, force_constants
from umklapp.transport import bte

SMALL = config.Phonons(displacement=0.01)


@pytest.fixture(scope="module")
def small():
    """Eight atoms, all pairs."""
    return force_constants_of(sw_potential(), SMALL, scale=1)


def empty(scale=1):
    primitive = silicon_primitive()
    cell = phonopy_cells.supercell(primitive, (scale * np.array(CONVENTIONAL)).tolist())
    return force_constants.prepare(primitive, cell, SMALL)


def moved(phonon, shifts, forces):
    """Labelled frames of the supercell."""
    perfect = phonopy_cells.from_phonopy(phonon.supercell)
    found = []
    for shift, force in zip(shifts, forces, strict=True):
        atoms = perfect.copy()
        atoms.positions += shift
        found.append(frames.labelled(atoms, 0.0, np.array(force)))
    return found


def random_shifts(count, atoms, size=0.05, seed=0):
    return np.random.default_rng(seed).normal(scale=size, size=(count, atoms, 3))


def harmonic_forces(phonon, shifts):
    return -np.einsum("ijab,njb->nia", force_constants.full_fc2(phonon), shifts)


def test_effective_constants_of_a_harmonic_crystal_are_its_own():
    wanted, found = silicon_phonons(), empty(scale=2)
    shifts = random_shifts(12, 64)
    fit = effective_force_constants.fit(
        found, moved(found, shifts, harmonic_forces(wanted, shifts))
    )
    # symfc solves normal equations: half of the digits are left
    np.testing.assert_allclose(found.fc2, wanted.fc2, atol=1e-8 * np.abs(wanted.fc2).max())
    np.testing.assert_allclose(found.fc3, 0, atol=1e-5)
    assert fit.frames == 12
    assert fit.unknowns == pytest.approx(802, abs=40)
    assert fit.anharmonic < 1e-7
    drift = shifts.mean(axis=1, keepdims=True)
    assert fit.largest == pytest.approx(np.linalg.norm(shifts - drift, axis=2).max())


def test_drift_and_borders_of_the_cell_do_not_matter(small):
    found, shifts = empty(), random_shifts(10, 8)
    given = []
    for number, atoms in enumerate(moved(found, shifts, harmonic_forces(small, shifts))):
        forces, away = atoms.get_forces(), bare(atoms)
        away.positions += [0.3 * number, -0.2, 5.0]
        away.wrap()
        given.append(frames.labelled(away, 0.0, forces))
    effective_force_constants.fit(found, given)
    np.testing.assert_allclose(found.fc2, small.fc2, atol=1e-8)


def test_effective_constants_of_a_cubic_crystal_are_its_own(small):
    """Forces of a polynomial of third order, by its own full tensors."""
    exact = empty()
    force_constants.displace(exact, SMALL)
    exact.forces = small.forces
    exact.produce_fc3(is_compact_fc=False, fc_calculator="symfc")
    shifts = random_shifts(20, 8)
    shifts -= shifts.mean(axis=1, keepdims=True)
    forces = harmonic_forces(exact, shifts)
    forces -= np.einsum("ijkabc,njb,nkc->nia", exact.fc3, shifts, shifts) / 2
    found = empty()
    fit = effective_force_constants.fit(found, moved(found, shifts, forces))
    first = found.primitive.p2s_map
    np.testing.assert_allclose(found.fc2, exact.fc2[first], atol=1e-8)
    largest = np.abs(exact.fc3).max()
    np.testing.assert_allclose(found.fc3, exact.fc3[first], atol=1e-7 * largest)
    assert 0.005 < fit.anharmonic < 0.5


def test_the_fourth_order_stiffens_with_temperature_as_gaussian_theory_says():
    """F = −k u − g u³ per component: ⟨u⁴⟩ = 3⟨u²⟩², so the best k is k + 3 g ⟨u²⟩."""
    k, g = 5.0, 40.0
    stiffness = []
    for size in (0.02, 0.1):
        found, shifts = empty(), random_shifts(300, 8, size, seed=1)
        shifts -= shifts.mean(axis=1, keepdims=True)
        forces = -k * shifts - g * shifts**3
        effective_force_constants.fit(found, moved(found, shifts, forces))
        full = force_constants.full_fc2(found)
        stiffness.append(full[0, 0, 0, 0] / (1 - 1 / 8))
        assert stiffness[-1] == pytest.approx(k + 3 * g * (shifts**2).mean(), rel=0.02)
    assert stiffness[1] > 1.15 * stiffness[0]


def test_mean_positions_are_taken_where_asked(small):
    """Sites that moved with temperature: a constant shift, at which the mean force vanishes."""
    shifts = random_shifts(15, 8)
    shifts -= shifts.mean(axis=1, keepdims=True)
    forces = harmonic_forces(small, shifts - shifts.mean(axis=0))
    site = 0.03 * np.array([[1, 1, 1], [-1, -1, -1]] * 4)
    given = [empty(), empty()]
    fits = [
        effective_force_constants.fit(
            each, moved(each, shifts + site, forces), mean_positions=number == 1
        )
        for number, each in enumerate(given)
    ]
    np.testing.assert_allclose(given[1].fc2, small.fc2, atol=1e-8)
    assert np.abs(given[0].fc2 - small.fc2).max() > 1e-3
    mean = np.linalg.norm(shifts.mean(axis=0) + site, axis=1).max()
    assert fits[0].shift == pytest.approx(mean)
    assert fits[1].shift == pytest.approx(mean)


def test_kappa_of_effective_constants():
    """Stillinger–Weber forces of small random displacements: the κ of finite differences."""
    found, wanted = empty(scale=2), silicon_phonons()
    shifts = random_shifts(20, 64, 0.02)
    perfect = phonopy_cells.from_phonopy(found.supercell)
    cells = [bare(perfect) for _ in shifts]
    for cell, shift in zip(cells, shifts, strict=True):
        cell.positions += shift
    forces = sw_potential().evaluate(cells).forces
    fit = effective_force_constants.fit(found, moved(found, shifts, forces), cutoff=4.0)
    assert fit.unknowns < 60
    one, two = (
        bte.solve(each, config.Conductivity(), [5, 5, 5], -0.05).scalar()[0]
        for each in (found, wanted)
    )
    assert one == pytest.approx(two, rel=0.03)


def test_frames_that_cannot_be_used_are_named(small):
    phonon, shifts = empty(), random_shifts(5, 8)
    given = moved(phonon, shifts, harmonic_forces(small, shifts))

    def refused(frame, words):
        with pytest.raises(InputError, match=words):
            effective_force_constants.fit(phonon, [*given[:3], frame])

    larger = given[3].copy()
    larger.set_cell(larger.cell.array * 1.01, scale_atoms=True)
    refused(
        frames.labelled(larger, 0.0, np.zeros((8, 3))),
        r"frame 3: the cell \(5\.485, .*\) is not that of the supercell \(5\.431, ",
    )
    refused(frames.labelled(given[3][:7], 0.0, np.zeros((7, 3))), "frame 3: Si7 is not .* Si8")
    refused(given[3].copy(), "frame 3")  # without labels
    swapped = [
        frames.labelled(frame[[1, 0, *range(2, 8)]], 0.0, np.zeros((8, 3))) for frame in given
    ]
    with pytest.raises(InputError, match=r"in 5 of 5 frames an atom is farther .* another order"):
        effective_force_constants.fit(phonon, swapped)
    large = empty(scale=2)
    shifts = random_shifts(2, 64)
    with pytest.raises(InputError, match=r"2 frames of 64 atoms do not determine about \d+ par"):
        effective_force_constants.fit(large, moved(large, shifts, 0 * shifts))
    with pytest.raises(InputError, match="0 frames"):
        effective_force_constants.fit(phonon, [])


def test_frames_with_an_atom_away_from_its_site_are_left_out_and_counted(small):
    phonon, other, shifts = empty(), empty(), random_shifts(9, 8)
    given = moved(phonon, shifts, harmonic_forces(small, shifts))
    away = given[0].copy()
    away.positions[1] += 0.8
    event = frames.labelled(away, 0.0, np.ones((8, 3)))
    with_it = effective_force_constants.fit(phonon, [*given, event])
    without = effective_force_constants.fit(other, given)
    assert (with_it.frames, with_it.left_out) == (9, 1)
    assert (without.frames, without.left_out) == (9, 0)
    np.testing.assert_allclose(phonon.fc2, other.fc2, atol=1e-9)


def test_a_phonon_supercell_of_its_own_has_no_effective_constants():
    phonon = Phono3py(
        phonopy_cells.to_phonopy(silicon_primitive()),
        supercell_matrix=np.array(CONVENTIONAL).T,
        primitive_matrix="P",
        phonon_supercell_matrix=2 * np.array(CONVENTIONAL).T,
    )
    with pytest.raises(InputError, match=r"leave out phonons\.force_constants"):
        effective_force_constants.fit(phonon, [])
