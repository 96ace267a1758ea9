"""The campaign on CuI whose truth is a trained network, and the data that it stands on."""

import json

import numpy as np
import pytest
from ase import Atoms

from umklapp import config, provenance
from umklapp.campaign import hops, teacher_campaign
from umklapp.campaign.testbed_campaign import write_crystal
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.sampling.dynamics import Trajectory
from umklapp.potentials.calculator import CheckpointCalculator


@pytest.fixture(scope="module")
def given(root):
    return root / teacher_campaign.TEACHER


@pytest.fixture(scope="module")
def perfect(tmp_path_factory):
    """As the pipeline builds it: its sites are in the order of the trajectories."""
    folder = tmp_path_factory.mktemp("crystal")
    return write_crystal(folder, teacher_campaign.PRIMITIVE, teacher_campaign.CUBE)[1]


@pytest.fixture(scope="module")
def reference(perfect):
    return HarmonicReference(perfect, np.zeros((192, 192)), "")


def hopping(perfect: Atoms, begin: int | None, count: int = 120) -> Trajectory:
    """Thermal noise, in which one atom is 2 Å from its site from frame `begin` on."""
    generator, found = np.random.default_rng(0), Trajectory(perfect, 300.0)
    for number in range(count):
        positions = perfect.positions + generator.normal(scale=0.15, size=(len(perfect), 3))
        if begin is not None and number >= begin:
            positions[3] += (1.15, 1.15, 1.15)
        found.positions.append(positions)
        found.time.append(50.0 * number)
    return found


def test_the_files_belong_together(given):
    digest = provenance.file_digest(given / "teacher.ckpt")
    for name in ("training", "teacher"):
        assert json.loads((given / f"{name}.json").read_text())["model"] == digest


def test_criteria_are_the_shipped_defaults(given, tmp_path):
    settings = teacher_campaign.configuration(tmp_path, given, 3)
    campaign = config.validate(settings, source="the teacher campaign")
    assert campaign.rounds == config.Rounds()
    assert campaign.acquisition == config.Acquisition()
    changed = campaign.verdict.model_copy(update={"reference": None})
    assert changed == config.Verdict()


def test_quiet_ends_before_the_hop(perfect, reference):
    quiet = teacher_campaign.quiet_stretch(hopping(perfect, 80), reference)
    assert (quiet.start, quiet.stop) == (
        teacher_campaign.WARM_UP,
        80 - teacher_campaign.MARGIN,
    )


def test_without_a_hop_all_is_quiet_after_the_warm_up(perfect, reference):
    quiet = teacher_campaign.quiet_stretch(hopping(perfect, None), reference)
    assert (quiet.start, quiet.stop) == (teacher_campaign.WARM_UP, 120)


def test_a_hop_in_the_warm_up_leaves_nothing(perfect, reference):
    quiet = teacher_campaign.quiet_stretch(hopping(perfect, 10), reference)
    assert quiet.start == quiet.stop


def test_reference_trajectories_are_the_teachers_own(given):
    """Labels were made on the compiled graph; here NequIP's own modules answer."""
    trajectories = teacher_campaign.reference_trajectories(given)
    calculator = CheckpointCalculator(
        given / "teacher.ckpt", provenance.file_digest(given / "teacher.ckpt")
    )
    for label in (labels[place] for labels in trajectories for place in (0, -1)):
        atoms = label.copy()
        atoms.calc = calculator
        assert np.abs(atoms.get_forces() - label.get_forces()).max() < 2e-5
        assert abs(atoms.get_potential_energy() - label.get_potential_energy()) < 2e-3
    for labels in trajectories:
        times = np.array([label.info["time"] for label in labels])
        assert np.allclose(np.diff(times), 100.0)


def test_the_event_is_in_what_is_kept(given, reference):
    """In both reference trajectories it is a Cu atom that leaves first, and it stays away."""
    longest = 0.0
    for labels in teacher_campaign.reference_trajectories(given):
        positions = np.array([label.positions for label in labels])
        gone = hops.away(reference.displacements(positions), 5)
        longest = max(longest, 0.1 * float(gone.any(axis=1).sum()))
        first = int(np.flatnonzero(gone.any(axis=1))[0])
        assert set(reference.perfect.symbols[gone[first]]) == {"Cu"}
    assert longest > 3.0
