"""What every potential promises; a new backend subclasses `PotentialContract` and runs it."""

import numpy as np
import pytest
from ase import Atoms
from engine_contract import EngineContract
from models import bare, rattled_silicon
from repeats import rounding

from umklapp.config.backends import BACKENDS
from umklapp.errors import CalculationError
from umklapp.potentials import loading
from umklapp.potentials.committee import Committee
from umklapp.potentials.training import trainer


def rotation(seed=3):
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return turn * np.sign(np.linalg.det(turn))


class PotentialContract:
    """Energies, forces and stresses belong together and know nothing of coordinates.

    Subclasses give `settings`, in double precision, and may change the numbers below; `train`
    where a member is trained in another way.
    """

    settings = None
    symmetric = True
    """Whether any cell can be evaluated; a Taylor expansion knows one."""
    force_tolerance = 1e-6
    """eV/Å, of forces against the slope of the energy."""
    stress_tolerance = 1e-7
    """eV/Å³"""
    exact = 1e-9
    """Of what should be equal: relative, and absolute in eV and Å."""
    hessian_tolerance = 1e-5
    """eV/Å², of products against the slope of the forces."""
    improvement = 0.7
    """The force error of the trained model, in units of that of no forces at all."""

    @pytest.fixture(scope="class")
    @classmethod
    def labels(cls):
        return rattled_silicon(24)

    @classmethod
    def train(cls, labels, seed, folder, epochs=None):
        """Path of a trained member, and the result."""
        settings = cls.settings
        if epochs is not None:
            options = settings.training.model_copy(update={"epochs": epochs})
            settings = settings.model_copy(update={"training": options})
        out = folder / f"member_{seed}.ckpt"
        scratch = folder / f"scratch_{seed}"
        train = trainer(settings)
        result = train(labels[:18], labels[18:], settings, seed, out, scratch)
        return out, result

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, labels, tmp_path_factory):
        return cls.train(labels, 3, tmp_path_factory.mktemp("contract"))

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, trained):
        return loading.load(trained[0])

    @pytest.fixture
    def atoms(self, labels):
        return bare(labels[0])

    def near(self, found, wanted):
        np.testing.assert_allclose(found, wanted, rtol=self.exact, atol=self.exact)

    def any_cell(self):
        if not self.symmetric:
            pytest.skip("knows one cell only")

    def test_shapes_and_numbers(self, model, labels):
        frames = [bare(frame) for frame in labels[:3]]
        found = model.evaluate(frames)
        assert found.energy.shape == (3,)
        assert found.stress.shape == (3, 6)
        assert [each.shape for each in found.forces] == [(len(f), 3) for f in frames]
        assert np.isfinite(found.energy).all()
        assert all(np.isfinite(each).all() for each in found.forces)
        assert found.energy.dtype == found.forces[0].dtype == np.float64

    def test_training_reduces_the_error(self, model, labels, trained):
        held = labels[18:]
        found = model.evaluate(held).forces
        error = np.mean(
            [np.abs(a - f.get_forces()).mean() for a, f in zip(found, held, strict=True)]
        )
        nothing = np.mean([np.abs(f.get_forces()).mean() for f in held])
        assert error < self.improvement * nothing
        errors = trained[1].validation
        if "force_mae_eV_per_A" in errors:  # a Taylor model validates by its evidence
            assert errors["force_mae_eV_per_A"] == pytest.approx(error, rel=1e-3)

    def test_forces_are_the_slope_of_the_energy(self, model, atoms):
        direction = np.random.default_rng(7).normal(size=atoms.positions.shape)
        direction /= np.linalg.norm(direction)
        up, down, step = atoms.copy(), atoms.copy(), 1e-4
        up.positions += step * direction
        down.positions -= step * direction
        energy = model.evaluate([up, down]).energy
        force = (model.evaluate([atoms]).forces[0] * direction).sum()
        assert abs(force) > 20 * self.force_tolerance
        assert force == pytest.approx(
            (energy[1] - energy[0]) / (2 * step), abs=self.force_tolerance
        )

    def test_stress_is_the_slope_of_the_energy(self, model, atoms):
        self.any_cell()
        xx, yy, zz, yz, xz, xy = stress = model.evaluate([atoms]).stress[0]
        assert np.abs(stress).max() > 20 * self.stress_tolerance
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        amount = 1e-4
        for strain in EngineContract.strains:
            pair = []
            for sign in (1, -1):
                cell = atoms.cell.array @ (np.eye(3) + sign * amount * strain)
                pair.append(atoms.copy())
                pair[-1].set_cell(cell, scale_atoms=True)
            energy = model.evaluate(pair).energy
            slope = (energy[0] - energy[1]) / (2 * amount * atoms.cell.volume)
            assert (tensor * strain).sum() == pytest.approx(slope, abs=self.stress_tolerance)

    def test_translation_and_wrapping_change_nothing(self, model, atoms):
        moved = atoms.copy()
        images = np.random.default_rng(1).integers(-2, 3, size=(len(atoms), 3))
        moved.positions += images @ atoms.cell.array
        if self.symmetric:
            moved.positions += [0.37, -5.1, 2.2]
        found, wanted = model.evaluate([moved]), model.evaluate([atoms])
        self.near(found.energy, wanted.energy)
        self.near(found.forces[0], wanted.forces[0])
        self.near(found.stress, wanted.stress)

    def test_rotation_turns_forces_and_stress(self, model, atoms):
        self.any_cell()
        turn, turned = rotation(), atoms.copy()
        turned.set_cell(atoms.cell.array @ turn)
        turned.positions = atoms.positions @ turn
        found, wanted = model.evaluate([turned]), model.evaluate([atoms])
        self.near(found.energy, wanted.energy)
        self.near(found.forces[0], wanted.forces[0] @ turn)
        self.near(_tensor(found.stress[0]), turn.T @ _tensor(wanted.stress[0]) @ turn)

    def test_mirror_image_has_the_same_energy(self, model, atoms):
        self.any_cell()
        mirror, other = np.diag([-1.0, 1.0, 1.0]), atoms.copy()
        other.set_cell(atoms.cell.array @ mirror)
        other.positions = atoms.positions @ mirror
        found, wanted = model.evaluate([other]), model.evaluate([atoms])
        self.near(found.energy, wanted.energy)
        self.near(found.forces[0], wanted.forces[0] @ mirror)

    def test_order_of_the_atoms_does_not_matter(self, model, atoms):
        self.any_cell()
        order = np.random.default_rng(5).permutation(len(atoms))
        found, wanted = model.evaluate([atoms[order]]), model.evaluate([atoms])
        self.near(found.energy, wanted.energy)
        self.near(found.forces[0], wanted.forces[0][order])
        self.near(found.stress, wanted.stress)

    def test_a_supercell_is_as_many_cells(self, model, atoms):
        self.any_cell()
        found, wanted = model.evaluate([atoms * (2, 1, 1)]), model.evaluate([atoms])
        self.near(found.energy, 2 * wanted.energy)
        self.near(found.forces[0], np.tile(wanted.forces[0], (2, 1)))
        self.near(found.stress, wanted.stress)

    def test_a_batch_is_its_frames(self, model, labels):
        frames = [bare(frame) for frame in labels[:4]]
        if self.symmetric:
            frames[1] = frames[1] * (1, 2, 1)
        together = model.evaluate(frames)
        alone = [model.evaluate([frame]) for frame in frames]
        self.near(together.energy, np.concatenate([each.energy for each in alone]))
        self.near(together.stress, np.concatenate([each.stress for each in alone]))
        for one, two in zip(together.forces, alone, strict=True):
            self.near(one, two.forces[0])

    def test_no_frames_give_nothing(self, model):
        found = model.evaluate([])
        assert found.energy.shape == (0,)
        assert found.forces == []
        assert found.stress.shape == (0, 6)

    def test_an_atom_that_leaves_the_cutoff_leaves_smoothly(self, model):
        """Energies and forces have no step where a neighbour appears."""
        self.any_cell()
        cutoff = float(model.cutoff)
        pair = [
            Atoms("Si2", positions=[[0, 0, 0], [x, 0.3, 0.1]], cell=[40.0] * 3, pbc=True)
            for x in np.sqrt(cutoff**2 - 0.1) + np.array([-1e-4, 1e-4])
        ]
        found = model.evaluate(pair)
        assert abs(found.energy[1] - found.energy[0]) < 1e-5
        assert np.abs(found.forces[1] - found.forces[0]).max() < 1e-3

    def test_unknown_species_are_refused(self, model, atoms):
        self.any_cell()
        atoms.symbols[1] = "Xe"
        with pytest.raises(CalculationError, match=r"knows \['Si'\], the frame has \['Xe'\]"):
            model.evaluate([atoms])

    def test_one_seed_gives_one_model_and_another_seed_another(self, labels, tmp_path, atoms):
        found = []
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            out, _ = self.train(labels, seed, tmp_path / name, epochs=1)
            found.append(loading.load(out).evaluate([atoms]).forces[0])
        np.testing.assert_allclose(found[0], found[1], **rounding())
        assert np.abs(found[0] - found[2]).max() > 1e-3

    def test_loaded_twice_is_the_same(self, trained, model, atoms):
        found, wanted = (each.evaluate([atoms]) for each in (loading.load(trained[0]), model))
        np.testing.assert_allclose(found.forces[0], wanted.forces[0], **rounding())

    def test_a_committee_is_its_members(self, trained, model, atoms, tmp_path):
        committee = Committee.load([trained[0], trained[0]])
        found = committee.evaluate_members([atoms, atoms])
        wanted = model.evaluate([atoms])
        for member in range(2):
            self.near(found.energy[member], np.repeat(wanted.energy, 2))
            self.near(found.forces[1][member], wanted.forces[0])

    # what it says it can do

    def test_features_are_invariant_and_of_every_atom(self, model, atoms):
        self.able("features")
        turn, turned = rotation(), atoms.copy()
        turned.set_cell(atoms.cell.array @ turn)
        turned.positions = atoms.positions @ turn
        order = np.random.default_rng(5).permutation(len(atoms))
        found, again, mixed = model.features([atoms, turned, turned[order]])
        assert found.shape[0] == len(atoms)
        assert found.shape[1] > 1
        assert found.std(axis=0).max() > 1e-4  # they tell atoms apart
        self.near(again, found)
        self.near(mixed, found[order])

    def test_hessian_products_are_the_slope_of_the_forces(self, model, atoms):
        self.able("hessian")
        vector = np.random.default_rng(2).normal(size=atoms.positions.shape)
        step, up, down = 1e-4, atoms.copy(), atoms.copy()
        up.positions += step * vector
        down.positions -= step * vector
        plus, minus = model.evaluate([up, down]).forces
        found = model.hessian_vector_product(atoms, vector)
        wanted = (minus - plus) / (2 * step)
        assert np.abs(wanted).max() > 1000 * self.hessian_tolerance
        np.testing.assert_allclose(found, wanted, atol=self.hessian_tolerance)

    def able(self, ability):
        """Skip what the backend does not say it can do."""
        self.any_cell()
        if BACKENDS[self.settings.backend].missing(ability):
            pytest.skip(f"{self.settings.backend} has no {ability}")


def _tensor(voigt):
    xx, yy, zz, yz, xz, xy = voigt
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
