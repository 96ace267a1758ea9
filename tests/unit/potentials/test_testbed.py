import numpy as np
import pytest
from ase import units
from ase.md.langevin import Langevin
from ase.optimize import FIRE
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.potentials import testbed
from umklapp.potentials.testbed import CATION, LATTICE, DoubleWellCrystal, supercell

SIZES = pytest.mark.parametrize("n_atoms", [16, 64])
BOTH = pytest.mark.parametrize("metastable", [True, False])


def shaken(n_atoms=16, amplitude=0.15, seed=3):
    """Atoms far from their sites, one of them in the interstitial."""
    atoms = testbed.moved(supercell(n_atoms), 0.6)
    atoms.positions += np.random.default_rng(seed).normal(
        scale=amplitude, size=atoms.positions.shape
    )
    return atoms


def energy(atoms, metastable=True):
    return DoubleWellCrystal(metastable).get_potential_energy(atoms)


def langevin(perfect, temperature, steps, every, metastable=True, seed=1):
    """Frames of a trajectory of 4 fs steps."""
    atoms = perfect.copy()
    generator = np.random.default_rng(seed)
    atoms.calc = DoubleWellCrystal(metastable)
    width = np.sqrt(units.kB * temperature * atoms.get_masses())[:, None]
    atoms.set_momenta(generator.normal(scale=width, size=(len(atoms), 3)))
    dynamics = Langevin(
        atoms,
        4 * units.fs,
        temperature_K=temperature,
        friction=0.002 / units.fs,
        fixcm=False,
        rng=generator,
    )
    for step, _ in enumerate(dynamics.irun(steps)):
        if step % every == 0:
            yield atoms.copy()


def from_sites(atoms, perfect):
    """Displacements of the cations (Å) relative to the frame of the anions."""
    shift = atoms.positions - perfect.positions
    cation = perfect.numbers == CATION
    return shift[cation] - shift[~cation].mean(axis=0)


@BOTH
def test_forces_are_the_slope_of_the_energy(metastable):
    atoms = shaken()
    forces = DoubleWellCrystal(metastable).get_forces(atoms)
    for atom, axis in [(0, 0), (1, 0), (1, 2), (9, 1), (12, 2)]:
        plus, minus = atoms.copy(), atoms.copy()
        plus.positions[atom, axis] += 1e-4
        minus.positions[atom, axis] -= 1e-4
        slope = (energy(plus, metastable) - energy(minus, metastable)) / 2e-4
        assert forces[atom, axis] == pytest.approx(-slope, abs=1e-6)
    assert np.abs(forces.sum(axis=0)).max() < 1e-12


@BOTH
def test_stress_is_the_slope_of_the_energy_with_strain(metastable):
    atoms = shaken()
    stress = voigt_6_to_full_3x3_stress(DoubleWellCrystal(metastable).get_stress(atoms))
    for x, y in [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]:
        energies = []
        for size in (1e-5, -1e-5):
            strain = np.eye(3)
            strain[x, y] += size / 2
            strain[y, x] += size / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            energies.append(energy(strained, metastable))
        slope = (energies[0] - energies[1]) / 2e-5 / atoms.get_volume()
        assert stress[x, y] == pytest.approx(slope, abs=1e-7)


@BOTH
def test_energy_does_not_depend_on_the_choice_of_coordinates(metastable):
    atoms = shaken()
    expected = energy(atoms, metastable)
    translated = atoms.copy()
    translated.positions += [0.3, -1.7, 5.1]
    rotated = atoms.copy()
    rotated.rotate(37, (1, 2, 3), rotate_cell=True)
    exchanged = atoms[[2, 1, 0, 5, 4, 3, *range(6, 16)]]
    for other in (translated, rotated, exchanged):
        assert energy(other, metastable) == pytest.approx(expected, abs=1e-10)
    assert energy(atoms.repeat((2, 1, 1)), metastable) == pytest.approx(2 * expected, abs=1e-10)


@pytest.mark.parametrize("cations", [0, 1, 2])
def test_pairs_end_smoothly(cations):
    end = testbed.TAPER[1]
    r = end - np.array([1e-3, 2e-3])
    phi, slope = testbed.pair_energy(r, np.full(2, cations))
    assert np.abs(phi).max() < 1e-8
    assert np.abs(slope).max() < 1e-5
    beyond = testbed.pair_energy(np.array([end, end + 0.1]), np.full(2, cations))
    assert np.abs(beyond).max() == 0


@SIZES
def test_perfect_crystal_is_a_minimum_without_stress(n_atoms):
    perfect, calculator = supercell(n_atoms), DoubleWellCrystal()
    assert len(perfect) == n_atoms
    assert perfect.get_volume() == pytest.approx(n_atoms * LATTICE**3 / 8)
    assert np.abs(calculator.get_forces(perfect)).max() < 1e-12
    assert np.abs(calculator.get_stress(perfect)).max() < 1e-7
    curvature = np.linalg.eigvalsh(testbed.force_constants(perfect, calculator))
    assert np.abs(curvature[:3]).max() < 1e-6
    assert curvature[3] > 1.0


def test_both_potentials_are_one_harmonic_crystal():
    perfect = supercell(16)
    assert energy(perfect) == energy(perfect, metastable=False)
    one, other = (
        testbed.force_constants(perfect, DoubleWellCrystal(metastable))
        for metastable in (True, False)
    )
    assert np.array_equal(one, other)


@SIZES
def test_interstitial_and_its_barrier(n_atoms):
    perfect, calculator = supercell(n_atoms), DoubleWellCrystal()
    well = testbed.hop(perfect)
    curvature = np.linalg.eigvalsh(testbed.force_constants(well, calculator))
    assert np.abs(curvature[:3]).max() < 1e-6
    assert curvature[3] > 0.6

    first, *others = from_sites(well, perfect)
    assert first == pytest.approx(np.full(3, 0.665 * LATTICE / 4), abs=0.02)
    assert np.linalg.norm(others, axis=1).max() < 0.1

    excess = energy(well) - energy(perfect)
    forward, backward = testbed.barrier(perfect)
    assert excess == pytest.approx({16: 0.2571, 64: 0.2557}[n_atoms], abs=2e-4)
    assert forward == pytest.approx({16: 0.3307, 64: 0.3220}[n_atoms], abs=2e-4)
    assert backward == pytest.approx(forward - excess, abs=1e-9)


def test_saddle_leads_to_both_sides():
    perfect, calculator = supercell(16), DoubleWellCrystal()
    top, well = testbed.saddle(perfect), testbed.hop(perfect)
    curvature, modes = np.linalg.eigh(testbed.force_constants(top, calculator))
    assert (curvature < -1e-3).sum() == 1
    along = modes[:, 0].reshape(-1, 3)
    along *= np.sign(along[1].sum())
    for side, expected in ((-1, perfect), (1, well)):
        start = top.copy()
        start.positions += side * 0.2 * along
        end = testbed.stationary(start, calculator, 0)
        assert energy(end) == pytest.approx(energy(expected), abs=1e-6)


def test_rates():
    perfect = supercell(16)
    assert testbed.attempt_rate(perfect) == pytest.approx(1.16e-3, rel=0.01)
    assert testbed.attempt_rate(perfect, back=True) == pytest.approx(0.935e-3, rel=0.01)
    assert 32 * testbed.transition_rate(perfect, 600.0) == pytest.approx(0.062e-3, rel=0.02)
    assert 1 / testbed.transition_rate(perfect, 600.0, back=True) == pytest.approx(4.4e3, rel=0.02)


@pytest.mark.parametrize(
    ("n_atoms", "fraction"), [(16, 0.3), (16, 0.5), (16, 0.67), (16, 0.9), (64, 0.67)]
)
def test_without_the_metastable_site_the_cation_returns(n_atoms, fraction):
    perfect = supercell(n_atoms)
    atoms = testbed.moved(perfect, fraction)
    atoms.rattle(0.01, seed=5)
    atoms.calc = DoubleWellCrystal(metastable=False)
    FIRE(atoms, logfile=None).run(fmax=1e-3, steps=500)
    assert atoms.get_potential_energy() == pytest.approx(energy(perfect), abs=1e-4)


def test_stationary_point_that_does_not_exist(monkeypatch):
    calculator = DoubleWellCrystal()
    monkeypatch.setattr(calculator, "get_forces", lambda atoms: np.ones((len(atoms), 3)))
    with pytest.raises(RuntimeError, match="no stationary point"):
        testbed.stationary(testbed.primitive(), calculator, 0)


def test_seeds_of_a_false_well_have_labels_of_both_potentials():
    perfect = supercell(16)
    flank = [testbed.moved(perfect, fraction) for fraction in (0.1, 0.2, 0.28, 0.4, 0.67)]
    quiet = list(langevin(perfect, 300.0, 500, 25, metastable=False))
    chosen = testbed.seeds_with_a_false_well([*flank, *quiet])
    assert [atoms for atoms in flank if atoms in chosen] == flank[:3]
    assert len(chosen) > 13
    truth, other = DoubleWellCrystal(metastable=False), DoubleWellCrystal()
    for atoms in chosen:
        for name in ("energy", "forces", "stress"):
            assert np.array_equal(truth.get_property(name, atoms), other.get_property(name, atoms))


def test_trajectory_from_the_interstitial_stays_bounded():
    perfect = supercell(16)
    for atoms in langevin(testbed.hop(perfect), 600.0, 1000, 50):
        anions = (atoms.positions - perfect.positions)[atoms.numbers != CATION]
        assert np.linalg.norm(anions - anions.mean(axis=0), axis=1).max() < 1.0
        assert energy(atoms) - energy(perfect) < 3.0


@pytest.mark.physics
def test_counted_rate_is_that_of_vineyard():
    """400 ps at 600 K: about 20 hops expected; a factor of 2.5 is beyond chance."""
    perfect = supercell(16)
    site, well = 0.75, 0.665 * LATTICE * np.sqrt(3) / 4 - 0.55  # Å, core regions of the two states
    inside, hops, quiet = False, 0, 0
    for atoms in langevin(perfect, 600.0, 100_000, 5):
        distance = np.linalg.norm(from_sites(atoms, perfect), axis=1).max()
        if not inside and distance > well:
            hops += 1
        inside = distance > (site if inside else well)
        quiet += not inside
    expected = 32 * testbed.transition_rate(perfect, 600.0) * quiet * 20
    assert expected / 2.5 < hops < 2.5 * expected
