"""The Taylor expansion of a supercell, its regression, and NequIP on top of it."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, make_supercell
from logged import KilledError, logged
from matscipy.calculators.ewald import Ewald
from repeats import rounding
from scipy.stats import multivariate_normal
from silicon import LATTICE, StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells, symmetry
from umklapp.crystals.formats import force_sets
from umklapp.crystals.frames import labelled
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.potentials import loading
from umklapp.potentials.taylor import loop, training
from umklapp.potentials.taylor.basis import Expansion, fold
from umklapp.potentials.taylor.electrostatics import COULOMB, ewald, screened_charges
from umklapp.potentials.taylor.model import TaylorNequip
from umklapp.potentials.taylor.prior import Knowledge, Prior, third_order_of_charges
from umklapp.potentials.taylor.regression import Regression
from umklapp.transport import bte

MADELUNG = 1.747564594633182
"""Rock salt, counted in nearest-neighbour distances."""


def cube():
    return bulk("Si", "diamond", a=LATTICE, cubic=True)


def salt(a=5.6):
    atoms = bulk("NaCl", "rocksalt", a=a, cubic=True)
    return atoms, np.where(atoms.numbers == 11, 1.0, -1.0)


def blende():
    atoms = bulk("ZnS", "zincblende", a=5.4, cubic=True)
    return atoms, np.where(atoms.numbers == 30, 1.0, -1.0)


def shaken(atoms, count, size, seed=0):
    """Random displacements (count, n, 3) Å without drift."""
    u = np.random.default_rng(seed).normal(scale=size, size=(count, len(atoms), 3))
    return u - u.mean(axis=1, keepdims=True)


def silicon_frames(count, size=0.03, seed=0):
    """Displaced 8-atom cells with Stillinger–Weber labels."""
    found = []
    for u in shaken(cube(), count, size, seed):
        atoms = cube()
        atoms.positions += u
        atoms.calc = StillingerWeberSilicon()
        found.append(labelled(atoms, atoms.get_potential_energy(), atoms.get_forces()))
    return found


def hessian(atoms, step=1e-4):
    """(3N, 3N) eV/Å² of Stillinger–Weber silicon by central differences."""
    rows = []
    atoms = atoms.copy()
    atoms.calc = StillingerWeberSilicon()
    for number in range(3 * len(atoms)):
        sides = []
        for sign in (1, -1):
            atoms.positions.flat[number] += sign * step
            sides.append(atoms.get_forces().ravel())
            atoms.positions.flat[number] -= sign * step
        rows.append(-(sides[0] - sides[1]) / (2 * step))
    return np.array(rows)


@pytest.fixture(scope="module")
def prior():
    return Prior(cube(), Knowledge(), config.Taylor())


@pytest.fixture(scope="module")
def some_model(prior):
    z = 0.1 * np.random.default_rng(3).normal(size=prior.n_free)
    return prior.model(z, -34.0)


# --- electrostatics ------------------------------------------------------------------------------


def test_rock_salt_has_its_madelung_energy_and_no_forces():
    atoms, charges = salt()
    energy, forces = ewald(atoms.cell.array, atoms.positions[None], charges)
    assert energy[0] == pytest.approx(-4 * MADELUNG * COULOMB / 2.8, rel=1e-9)
    np.testing.assert_allclose(forces, 0, atol=1e-9)


@pytest.mark.parametrize("cell", [np.diag([5.0, 6, 7]), [[5, 0, 0], [1.5, 6, 0], [-1, 0.7, 7]]])
def test_ewald_is_that_of_matscipy(cell):
    """Its wave vectors are given: its own choice calls what numpy 2 has removed."""
    generator = np.random.default_rng(0)
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    atoms.set_cell(cell, scale_atoms=True)
    atoms.positions += generator.normal(scale=0.1, size=atoms.positions.shape)
    charges = generator.normal(size=len(atoms))
    charges -= charges.mean()
    energies, forces = ewald(atoms.cell.array, atoms.positions[None], charges)
    atoms.set_array("charge", charges)
    atoms.calc = Ewald()
    waves = {"alpha": 0.5, "nbk_c": np.array([10, 10, 10]), "cutoff": 2 * np.pi * 10 / 7}
    atoms.calc.set(accuracy=1e-12, cutoff=10.0, verbose=False, kspace=waves)
    assert energies[0] == pytest.approx(atoms.get_potential_energy(), rel=2e-6)
    scale = np.abs(forces).max()
    np.testing.assert_allclose(forces[0], atoms.get_forces(), atol=1e-6 * scale)


def test_ewald_does_not_depend_on_where_the_sum_is_split():
    atoms, charges = salt()
    moved = atoms.positions + shaken(atoms, 2, 0.1)
    one, two = (ewald(atoms.cell.array, moved, charges, splitting=a) for a in (0.35, 0.7))
    np.testing.assert_allclose(one[0], two[0], atol=1e-8)
    np.testing.assert_allclose(one[1], two[1], atol=1e-8)


def test_ewald_forces_are_the_slope_of_the_energy():
    atoms, charges = salt()
    moved = atoms.positions + shaken(atoms, 1, 0.1)
    step = np.zeros_like(moved)
    step[0, 3, 1] = 1e-4
    pair = np.concatenate([moved + step, moved - step])
    energy, _ = ewald(atoms.cell.array, pair, charges)
    _, forces = ewald(atoms.cell.array, moved, charges)
    assert forces[0, 3, 1] == pytest.approx(-(energy[0] - energy[1]) / 2e-4, abs=1e-6)


def test_a_charged_cell_is_refused():
    atoms, charges = salt()
    with pytest.raises(InputError, match="charge 8 e"):
        ewald(atoms.cell.array, atoms.positions[None], np.abs(charges))


def test_charges_are_screened_and_made_neutral():
    born = np.array([np.eye(3) * 1.1, np.eye(3) * -1.0])
    np.testing.assert_allclose(screened_charges(born, 4 * np.eye(3)), [0.525, -0.525])
    with pytest.raises(InputError, match="must be positive"):
        screened_charges(born, 0 * np.eye(3))


def test_the_third_order_of_charges_gives_their_even_forces():
    atoms, charges = blende()
    third = Expansion.of(atoms, 3)
    numbers = third_order_of_charges(third, 0.7 * charges)
    u = shaken(atoms, 2, 0.004, seed=5)
    _, plus = ewald(atoms.cell.array, atoms.positions + u, 0.7 * charges)
    _, minus = ewald(atoms.cell.array, atoms.positions - u, 0.7 * charges)
    even = 0.5 * (plus + minus)
    found = (third.design(u) @ numbers).reshape(u.shape)
    np.testing.assert_allclose(found, even, atol=2e-3 * np.abs(even).max())


# --- force constants of cells --------------------------------------------------------------------


@pytest.mark.parametrize("compact", [False, True])
def test_folding_a_large_cell_gives_the_small_one_exactly(compact):
    small = cube()
    large = make_supercell(small, np.diag([2, 1, 1]))
    rows = [0, 1] if compact else range(len(large))
    full = hessian(large).reshape(16, 3, 16, 3).transpose(0, 2, 1, 3)
    folded = fold(full[list(rows)], list(rows), large, small)
    np.testing.assert_allclose(folded, hessian(small), atol=1e-5)
    u = shaken(small, 1, 0.02)[0]
    in_large = -np.tensordot(full, np.tile(u, (2, 1)), ([1, 3], [0, 1]))
    np.testing.assert_allclose(-(folded @ u.ravel()).reshape(8, 3), in_large[:8], atol=1e-5)


def test_a_cell_that_was_relaxed_elsewhere_folds_as_well():
    """Cells differ by 10⁻³ Å between two relaxations, and sites with them."""
    small = cube()
    large = make_supercell(small, np.diag([3, 1, 1]))
    full = hessian(large).reshape(24, 3, 24, 3).transpose(0, 2, 1, 3)
    other = large.copy()
    other.set_cell(large.cell.array * (1 + 3e-4), scale_atoms=True)
    folded = fold(full, range(24), other, small)
    np.testing.assert_allclose(folded, fold(full, range(24), large, small))


def test_cells_that_do_not_fit_are_refused():
    large = make_supercell(cube(), np.diag([2, 1, 1]))
    with pytest.raises(InputError, match="no multiples of each other"):
        fold(np.zeros((8, 8, 3, 3)), range(8), cube(), large)


def test_what_is_known_comes_from_the_phonon_calculation():
    atoms, _ = blende()
    primitive = symmetry.primitive_cell(atoms)
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    phonon = force_constants.prepare(primitive, perfect, config.Phonons())
    assert Knowledge.of(phonon, perfect) == Knowledge()
    signs = np.where(primitive.numbers == 30, 1.0, -1.0)
    born = signs[:, None, None] * np.eye(3)
    phonon.nac_params = {"born": born, "dielectric": 4 * np.eye(3), "factor": COULOMB}
    known = Knowledge.of(phonon, perfect)
    np.testing.assert_allclose(known.charges, np.where(perfect.numbers == 30, 0.5, -0.5))
    assert np.abs(Prior(perfect, known, config.Taylor()).baseline.cubic).max() > 0.1
    off = config.Taylor(electrostatics=False)
    assert not Prior(perfect, known, off).baseline.cubic.any()


def test_a_cell_whose_symmetry_allows_no_third_order_has_none():
    atoms, charges = salt()  # all sites of the cube are centres of inversion of the whole pattern
    model = Prior(atoms, Knowledge(charges=charges), config.Taylor()).baseline
    u = shaken(atoms, 1, 0.05)
    assert not model.cubic.any()
    np.testing.assert_array_equal(model.expand(u)[1], 0)


# --- the model -----------------------------------------------------------------------------------


def test_forces_are_the_slope_of_the_energy(some_model):
    u = shaken(cube(), 1, 0.05)
    numeric, step = np.empty(24), 1e-4
    for number in range(24):
        shift = step * np.eye(24)[number].reshape(1, 8, 3)
        up, down = (some_model.expand(u + sign * shift)[0][0] for sign in (1, -1))
        numeric[number] = -(up - down) / (2 * step)
    forces = some_model.expand(u)[1].ravel()
    np.testing.assert_allclose(forces, numeric, atol=1e-6 * np.abs(forces).max())


def test_the_model_does_not_see_a_shift_of_the_crystal(some_model):
    u = shaken(cube(), 2, 0.05)
    one, two = some_model.expand(u), some_model.expand(u + np.array([0.3, -0.1, 0.2]))
    np.testing.assert_allclose(one[0], two[0], rtol=1e-9)
    np.testing.assert_allclose(one[1], two[1], atol=1e-8)


def test_every_order_obeys_the_acoustic_sum_rule(some_model):
    scale = np.abs(some_model.cubic).max()
    np.testing.assert_allclose(some_model.cubic.sum(axis=2), 0, atol=1e-9 * scale)
    harmonic = some_model.harmonic.reshape(8, 3, 8, 3)
    np.testing.assert_allclose(harmonic.sum(axis=2), 0, atol=1e-9 * np.abs(harmonic).max())


def test_the_model_makes_the_forces_of_its_design(prior):
    z = np.random.default_rng(0).normal(size=prior.n_free)
    u = shaken(cube(), 3, 0.03)
    forces = prior.model(z, 0.0).expand(u)[1]
    linear = (prior.scaled_design(u) @ z).reshape(u.shape)
    np.testing.assert_allclose(forces, linear, atol=1e-9 * np.abs(forces).max())


def test_a_frame_is_taken_to_the_nearest_image_and_has_no_stress(some_model):
    atoms = cube()
    atoms.positions += shaken(atoms, 1, 0.02)[0]
    wrapped = atoms.copy()
    wrapped.positions += [LATTICE, -LATTICE, 0]
    wrapped.wrap()
    one, two = some_model.evaluate([atoms]), some_model.evaluate([wrapped])
    np.testing.assert_allclose(one.forces[0], two.forces[0], atol=1e-9)
    assert one.stress.shape == (1, 6)
    assert np.isnan(one.stress).all()


def strange_frames():
    strained = cube()
    strained.set_cell(1.01 * cube().cell, scale_atoms=True)
    return {
        "cell": strained,
        "number of atoms": make_supercell(cube(), np.diag([2, 1, 1])),
        "species": Atoms("Ge8", cube().positions, cell=cube().cell, pbc=True),
    }


@pytest.mark.parametrize("what", list(strange_frames()))
def test_a_frame_of_another_crystal_is_refused(some_model, what):
    with pytest.raises(InputError, match="no displacement"):
        some_model.evaluate([cube(), strange_frames()[what]])


def test_of_an_atom_that_has_hopped_the_expansion_says_nothing(some_model):
    """Dynamics ends there (forces are not finite); other frames of the batch are as they were."""
    moved = cube()
    moved.positions[0] += 2.6
    found = some_model.evaluate([cube(), moved])
    assert np.isfinite(found.forces[0]).all()
    assert np.isfinite(found.energy[0])
    assert np.isnan(found.forces[1]).all()
    assert np.isnan(found.energy[1])


# --- regression ----------------------------------------------------------------------------------


def test_whitening_posterior_and_evidence_are_those_of_the_gaussian():
    generator = np.random.default_rng(0)
    for shape in ((7, 4), (4, 7)):
        scaled, y = generator.normal(size=shape), generator.normal(size=shape[0])
        regression = Regression(scaled, noise=0.3)
        kernel = scaled @ scaled.T + 0.09 * np.eye(shape[0])
        inverse = np.linalg.inv(kernel)
        white = regression.whitener() @ y
        assert white @ white == pytest.approx(y @ inverse @ y)
        np.testing.assert_allclose(regression.posterior(y), scaled.T @ inverse @ y)
        density = multivariate_normal(np.zeros(len(y)), kernel).logpdf(y)
        constant = 0.5 * np.log(2 * np.pi)
        assert regression.evidence(y) == pytest.approx(density / len(y) + constant)


def test_many_frames_recover_the_force_constants_that_made_them(prior, some_model):
    u = shaken(cube(), 40, 0.03, seed=8)
    y = some_model.expand(u)[1].ravel()
    design = prior.scaled_design(u)
    z = Regression(design.reshape(len(y), -1), noise=1e-7).posterior(y)
    found = prior.model(z, -34.0)
    for name, tolerance in (("harmonic", 1e-6), ("cubic", 1e-4)):
        true = getattr(some_model, name)
        np.testing.assert_allclose(
            getattr(found, name), true, atol=tolerance * np.abs(true).max(), err_msg=name
        )


def test_a_wide_prior_without_a_baseline_learns_silicon(prior):
    problem = loop.Problem(silicon_frames(12), prior)
    z = problem.regression().posterior(problem.residual.ravel())
    model = prior.model(z, 0.0)
    true = hessian(cube())
    np.testing.assert_allclose(model.harmonic, true, atol=0.02 * np.abs(true).max())
    held = silicon_frames(4, seed=9)
    error = np.array(model.evaluate(held).forces) - [frame.get_forces() for frame in held]
    assert error.std() < 0.02 * np.std([frame.get_forces() for frame in held])


# --- training ------------------------------------------------------------------------------------


def settings(**taylor):
    return config.Potential(
        baseline="taylor",
        cutoff=4.0,
        l_max=1,
        features=[4, 4],
        radial_width=8,
        bessel=4,
        training={"stress_weight": 0},
        taylor={"steps": 12, "batch_size": 2, "noise": 1e-3, **taylor},
    )


def trained(folder, options=None, seed=1, count=3):
    phonon = force_constants.prepare(symmetry.primitive_cell(cube()), cube(), config.Phonons())
    out = folder / "model.ckpt"
    frames = silicon_frames(count)
    result = training.train(
        frames, cube(), phonon, options or settings(), seed, out, folder / "scratch"
    )
    return out, result


def test_training_raises_the_evidence_and_the_energies_are_right(tmp_path):
    out, result = trained(tmp_path, settings(steps=40, batch_size=8), count=8)
    assert result.validation["evidence"] > result.validation["evidence_without_network"]
    frames = silicon_frames(8)
    prediction = loading.load(out).evaluate(frames)
    energies = [frame.get_potential_energy() for frame in frames]
    np.testing.assert_allclose(prediction.energy, energies, atol=0.005)


def test_one_seed_gives_one_model_and_another_seed_another(tmp_path):
    frames = silicon_frames(2, seed=7)
    found = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out, _ = trained(tmp_path / name, seed=seed)
        found.append(np.array(loading.load(out).evaluate(frames).forces))
    np.testing.assert_allclose(found[0], found[1], **rounding())
    assert np.abs(found[0] - found[2]).max() > 1e-7


def test_an_interrupted_training_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 4)
    whole, _ = trained(tmp_path / "whole")

    with pytest.raises(KilledError), logged(killed_at="step 6/"):
        trained(tmp_path / "broken")
    with logged() as messages:
        again, _ = trained(tmp_path / "broken")
    assert messages[0] == "continuing from step 4"
    frames = silicon_frames(2, seed=7)
    one, two = (np.array(loading.load(path).evaluate(frames).forces) for path in (whole, again))
    np.testing.assert_allclose(one, two, **rounding())
    with logged() as messages:  # another training: nothing to continue
        trained(tmp_path / "broken", seed=5)
    assert not messages[0].startswith("continuing")


def test_a_saved_model_is_the_same_model_when_it_is_loaded(tmp_path, prior):
    problem = loop.Problem(silicon_frames(3), prior)
    torch.manual_seed(0)
    network, options, _ = training.fit_network(problem, settings(steps=2), 0, tmp_path)
    model, _ = training.finish(problem, network, options)
    model.save(tmp_path / "model.ckpt")
    frames = silicon_frames(3, seed=4)
    one, two = model.evaluate(frames), TaylorNequip.load(tmp_path / "model.ckpt").evaluate(frames)
    np.testing.assert_allclose(one.energy, two.energy, **rounding())
    np.testing.assert_allclose(one.forces, two.forces, **rounding())


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_text("nothing")
    with pytest.raises(InputError, match="no file of a Taylor expansion"):
        TaylorNequip.load(path)
    with pytest.raises(InputError, match="cannot be loaded"):
        loading.load(path)


def test_events_are_left_out_of_the_training_and_counted(tmp_path, caplog):
    caplog.set_level("INFO")
    phonon = force_constants.prepare(symmetry.primitive_cell(cube()), cube(), config.Phonons())
    frames = silicon_frames(3)
    moved = frames[0].copy()
    moved.positions[2] += 1.0
    event = labelled(moved, 0.0, frames[0].get_forces())

    def train(given, name):
        paths = tmp_path / name, tmp_path / f"scratch_{name}"
        return training.train(given, cube(), phonon, settings(steps=2), 1, *paths)

    one, two = train(frames, "quiet.ckpt"), train([event, *frames], "event.ckpt")
    assert (one.validation["frames_left_out"], two.validation["frames_left_out"]) == (0, 1)
    evidence = [each.validation["evidence"] for each in (one, two)]
    np.testing.assert_allclose(*evidence, **rounding())
    assert "1 of 4 frames left out: an atom has left its site" in caplog.text
    with pytest.raises(InputError, match="in all of which an atom has left its site"):
        train([event], "none.ckpt")


def test_frames_of_another_cell_stop_the_training(prior):
    frames = silicon_frames(2)
    large = make_supercell(cube(), np.diag([2, 1, 1]))
    wrong = labelled(large, 0.0, np.zeros((16, 3)))
    with pytest.raises(InputError, match="frame 2"):
        loop.Problem([*frames, wrong], prior)


def test_energies_of_the_perfect_crystal_are_learned(prior, tmp_path):
    problem = loop.Problem(silicon_frames(6), prior)
    network, options, _ = training.fit_network(problem, settings(steps=1), 0, tmp_path)
    model, _ = training.finish(problem, network, options)
    atoms = cube()
    atoms.calc = StillingerWeberSilicon()
    found = model.taylor.energy + float(model.network.evaluate([cube()]).energy[0])
    assert found == pytest.approx(atoms.get_potential_energy(), abs=0.01)


def test_a_campaign_of_several_cells_is_refused(plain):
    plain["potential"] = {"baseline": "taylor", "training": {"stress_weight": 0}}
    with pytest.raises(InputError, match="must be the same"):
        config.validate(plain)
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    config.validate(plain)
    plain["seeds"] = [{"kind": "rattled", "count": 12, "strain": 0.01}]
    with pytest.raises(InputError, match=r"seeds\.0 must have neither strain"):
        config.validate(plain)


@pytest.mark.physics
def test_four_frames_of_real_dft_give_the_conductivity_of_rock_salt(shared, tmp_path):
    """Reference: 8.48 W/(m K), phono3py with symfc on all 100 frames of the same set."""
    path = shared / "data/dft/NaCl-225_phono3py_params.yaml.xz"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    phonons = config.Phonons(force_constants=path)
    calculation = force_constants.from_params(path)
    perfect = phonopy_cells.from_phonopy(calculation.supercell)
    frames = force_sets.read_labelled(path)[10:14]
    options = config.Potential(
        baseline="taylor",
        cutoff=5.2,
        features=[16, 12, 8],
        radial_width=32,
        training={"stress_weight": 0},
    )
    out = tmp_path / "model.ckpt"
    training.train(frames, perfect, calculation, options, 1, out, tmp_path / "scratch")
    force_constants.evaluate(calculation, loading.load(out), phonons)
    kappa = bte.solve(calculation, config.Conductivity(), [11, 11, 11], -0.05).scalar()
    assert kappa is not None
    assert kappa[0] == pytest.approx(8.48, rel=0.05)
