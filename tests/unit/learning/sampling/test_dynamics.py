"""Langevin dynamics against statistical mechanics and the analytic oscillator."""

import numpy as np
import pytest
from ase import Atoms, units
from logged import logged
from models import Springs, rattled_silicon, silicon_cubic, springs, stillinger_weber, sw_potential

from umklapp.learning.sampling import dynamics, health, kinetics, recording
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee

LOOSE = health.Limits(temperature=1e6, distance=0.1, force=1e6)


def run(committee, starts, temperatures, seed=0, limits=LOOSE, zero=None, **changes):
    options = {"timestep": 2.0, "friction": 0.01, "steps": 20, "every": 1} | changes
    return dynamics.run(
        committee,
        starts,
        temperatures,
        recording.Recorder(np.zeros(len(committee)) if zero is None else zero),
        np.random.default_rng(seed),
        dynamics.Scheme(**options),
        lambda target: limits,
    )


def first_velocities(masses, temperature, seed=0):
    """Velocities that the first replica starts with."""
    own = np.random.default_rng(seed).spawn(1)[0]
    return kinetics.maxwell_boltzmann(masses, temperature, own)


# the ensemble


def test_maxwell_boltzmann_velocities_of_mixed_masses():
    masses = np.array([6.94, 126.9, 28.09])
    generator = np.random.default_rng(0)
    drawn = [kinetics.maxwell_boltzmann(masses, 500.0, generator) for _ in range(4000)]
    momentum = (masses[:, None] * np.array(drawn)).sum(axis=1)
    np.testing.assert_allclose(momentum, 0, atol=1e-12)
    # each atom: kT (1 − m/M) per component, of 4000 × 3 samples
    variance = (np.array(drawn) ** 2).mean(axis=(0, 2)) / units.fs**2
    wanted = units.kB * 500 / masses * (1 - masses / masses.sum())
    np.testing.assert_allclose(variance, wanted, rtol=5 * np.sqrt(2 / 12000))
    temperatures = [kinetics.kinetic_temperature(masses, each) for each in drawn]
    assert np.mean(temperatures) == pytest.approx(500, abs=5 * np.std(temperatures) / 63)


def test_kinetic_temperature_of_known_velocities():
    # two atoms of 1 u at ±0.01 Å/fs: E = m v²; 3 degrees of freedom
    velocities = np.array([[0.01, 0, 0], [-0.01, 0, 0]])
    joule = 1.66053906660e-27 * (0.01 * 1e5) ** 2
    wanted = 2 * joule / (3 * 1.380649e-23)
    assert kinetics.kinetic_temperature(np.ones(2), velocities) == pytest.approx(wanted, rel=1e-6)


@pytest.fixture(scope="module")
def oscillators():
    """Two replicas of eight springs at 300 and 600 K, without the first picosecond."""
    perfect = silicon_cubic()
    committee = Committee([springs(perfect, 5.0)])
    found = run(committee, [perfect] * 2, [300.0, 600.0], steps=4000, friction=0.1, limits=LOOSE)
    return perfect, found


def block_mean(values, blocks=20):
    """Mean and its standard error from blocks longer than the correlation time."""
    parts = np.array_split(np.array(values, float), blocks)
    means = [part.mean() for part in parts]
    return np.mean(means), np.std(means, ddof=1) / np.sqrt(blocks)


@pytest.mark.parametrize(("replica", "target"), [(0, 300.0), (1, 600.0)])
def test_every_replica_has_its_temperature(oscillators, replica, target):
    mean, error = block_mean(oscillators[1][replica].temperature[500:])
    assert error < 0.03 * target
    assert abs(mean - target) < 4 * error
    # fluctuations of 21 degrees of freedom: std/mean = sqrt(2/21)
    ratio = np.std(oscillators[1][replica].temperature[500:]) / mean
    assert ratio == pytest.approx(np.sqrt(2 / 21), rel=0.15)


def test_oscillators_share_the_energy_equally(oscillators):
    perfect, replicas = oscillators
    for replica in replicas:
        x = np.array(replica.positions[500:]) - perfect.positions
        mean, error = block_mean((x**2).mean(axis=(1, 2)))
        # BAOAB samples a harmonic position exactly; the centre of mass does not move: 7/8
        wanted = units.kB * replica.target / 5.0 * 7 / 8
        assert error < 0.05 * wanted
        assert abs(mean - wanted) < 4 * error
        np.testing.assert_allclose(x.sum(axis=1), 0, atol=1e-9)


# the integrator


def total_energy(trajectory):
    n = len(trajectory.atoms)
    kinetic = 0.5 * (3 * n - 3) * units.kB * np.array(trajectory.temperature)
    return n * np.array(trajectory.energy) + kinetic


def test_without_friction_energy_is_conserved_to_second_order():
    committee, start = Committee([sw_potential()]), silicon_cubic()
    wiggle = {}
    for timestep in (1.0, 2.0):
        (found,) = run(
            committee, [start], [600.0], friction=0.0, timestep=timestep, steps=int(300 / timestep)
        )
        energy = total_energy(found)
        half = len(energy) // 2
        assert abs(energy[:half].mean() - energy[half:].mean()) < energy.std()  # no drift
        wiggle[timestep] = energy.std()
        kinetic = 1.5 * units.kB * np.array(found.temperature) * 7  # 21 degrees of freedom
        assert energy.std() < 0.02 * kinetic.std()
    assert wiggle[2.0] / wiggle[1.0] == pytest.approx(4, rel=0.2)


def test_without_friction_it_is_velocity_verlet_of_ase():
    from ase.md.verlet import VelocityVerlet

    (found,) = run(Committee([sw_potential()]), [silicon_cubic()], [500.0], friction=0.0, steps=30)
    atoms = silicon_cubic()
    atoms.calc = stillinger_weber()
    start = first_velocities(atoms.get_masses(), 500.0)
    atoms.set_velocities(start / units.fs)
    VelocityVerlet(atoms, 2.0 * units.fs).run(30)
    np.testing.assert_allclose(found.positions[-1], atoms.positions, atol=1e-9)
    np.testing.assert_allclose(found.forces[-1], atoms.get_forces(), atol=1e-8)


def test_one_seed_one_trajectory():
    committee, start = Committee([sw_potential()]), rattled_silicon(1)[0]
    first, second = (run(committee, [start], [300.0], seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.temperature, second.temperature)
    other = run(committee, [start], [300.0], seed=6)[0]
    assert np.abs(other.positions[-1] - first.positions[-1]).max() > 1e-3


def test_the_mean_of_the_committee_drives_and_its_spread_is_kept():
    perfect = silicon_cubic()
    (pair,) = run(Committee([springs(perfect, 4.0), springs(perfect, 6.0)]), [perfect], [300.0])
    (mean,) = run(Committee([springs(perfect, 5.0)]), [perfect], [300.0])
    np.testing.assert_allclose(pair.positions, mean.positions, atol=1e-12)
    x = np.array(pair.positions) - perfect.positions
    np.testing.assert_allclose(pair.forces, -5 * x, atol=1e-9)
    np.testing.assert_allclose(pair.spread, np.linalg.norm(x, axis=-1), atol=1e-9)
    square = (x**2).sum(axis=(1, 2)) / 8
    np.testing.assert_allclose(pair.energy, 2.5 * square)
    np.testing.assert_allclose(pair.measures["energy"], 0.5 * square)
    assert np.max(mean.spread) == 0


def test_energies_count_from_the_perfect_crystal():
    perfect = silicon_cubic()
    found = run(
        Committee([springs(perfect, 5.0, 80.0)]), [perfect], [300.0], steps=3, zero=np.array([10.0])
    )
    x = np.array(found[0].positions) - perfect.positions
    np.testing.assert_allclose(found[0].energy, 2.5 * (x**2).sum(axis=(1, 2)) / 8, atol=1e-9)


# bounds and health


def test_the_bound_is_reached_and_every_nth_step_is_kept():
    start = silicon_cubic()
    (found,) = run(Committee([sw_potential()]), [start], [300.0], steps=10, every=4)
    assert found.ended == health.BOUND_REACHED
    assert found.time == [8.0, 16.0]
    assert len(found.positions) == len(found.spread) == len(found.energy) == 2
    np.testing.assert_array_equal(start.positions, silicon_cubic().positions)  # left alone


def test_a_replica_that_explodes_stops_and_its_siblings_go_on():
    bad = silicon_cubic()
    bad.positions[1] = bad.positions[0] + [1.5, 0.0, 0.0]
    limits = health.Limits(temperature=1e6, distance=1.8, force=1e6)
    committee = Committee([sw_potential()])
    with logged() as messages:
        good, broken, last = run(
            committee, [silicon_cubic(), bad, silicon_cubic()], [300.0] * 3, limits=limits
        )
    assert broken.ended.startswith("stopped at step 0: two atoms")
    assert broken.time == []
    assert any(line.startswith("replica 1: stopped at step 0") for line in messages)
    for sibling in (good, last):
        assert sibling.ended == health.BOUND_REACHED
        assert len(sibling.time) == 20
        assert np.isfinite(sibling.positions).all()


class Wall(Springs):
    """Springs whose forces stop being numbers once an atom is far from its site."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        if np.abs(atoms.positions - self.sites).max() > 0.15:
            self.results["forces"] = np.full_like(self.results["forces"], np.nan)


def test_forces_that_are_no_numbers_end_a_replica_with_its_reason():
    perfect = silicon_cubic()
    committee = Committee([AsePotential(Wall(perfect.positions, 5.0))])
    calm, wild = run(committee, [perfect] * 2, [1.0, 3000.0], steps=60)
    assert "not finite" in wild.ended
    assert 0 < len(wild.time) < 60
    assert np.isfinite(wild.positions).all()
    assert np.isfinite(wild.forces).all()
    assert calm.ended == health.BOUND_REACHED


def test_when_all_have_stopped_the_run_ends():
    hot = health.Limits(temperature=1.0, distance=0.1, force=1e6)
    with logged() as messages:
        found = run(Committee([sw_potential()]), [silicon_cubic()] * 2, [300.0] * 2, limits=hot)
    assert all("temperature" in each.ended for each in found)
    assert messages[-1] == "all replicas have ended early"


def test_replicas_may_differ_in_size_and_species():
    starts = [silicon_cubic(), silicon_cubic().repeat((2, 1, 1))]
    found = run(Committee([sw_potential()]), starts, [300.0, 300.0], steps=5)
    assert [np.shape(each.positions) for each in found] == [(5, 8, 3), (5, 16, 3)]


def test_a_light_atom_moves_with_its_own_mass():
    # one spring per atom, no friction: x(t) = v/ω sin ωt with ω = sqrt(k/m)
    perfect = Atoms("LiI", cell=[9, 9, 9], positions=[[1, 1, 1], [5, 5, 5]], pbc=True)
    (found,) = run(
        Committee([springs(perfect, 3.0)]), [perfect], [300.0], friction=0.0, timestep=0.25,
        steps=100,
    )  # fmt: skip
    velocity = first_velocities(perfect.get_masses(), 300.0)
    omega = np.sqrt(3.0 / perfect.get_masses()) * units.fs  # 1/fs
    time = np.array(found.time)[:, None, None]
    wanted = velocity / omega[:, None] * np.sin(omega[:, None] * time)
    np.testing.assert_allclose(
        np.array(found.positions) - perfect.positions, wanted, atol=2e-4 * np.abs(wanted).max()
    )


def test_the_last_good_frame_of_a_replica_is_kept():
    perfect = silicon_cubic()
    committee = Committee([AsePotential(Wall(perfect.positions, 5.0))])
    (wild,) = run(committee, [perfect], [3000.0], steps=60, every=50)
    assert "not finite" in wild.ended
    step = int(wild.ended.split("step ")[1].split(":")[0])
    assert wild.time == [2.0 * (step - 1)]
    assert np.abs(wild.positions[0] - perfect.positions).max() <= 0.15


def test_a_replica_does_not_feel_its_siblings():
    """Same path alone and beside a sibling that dies."""
    bad = silicon_cubic()
    bad.positions[1] = bad.positions[0] + [1.5, 0.0, 0.0]
    limits = health.Limits(temperature=1e6, distance=1.8, force=1e6)
    committee = Committee([sw_potential()])
    alone = run(committee, [silicon_cubic()], [300.0], limits=limits)[0]
    beside = run(committee, [silicon_cubic(), bad], [300.0] * 2, limits=limits)[0]
    np.testing.assert_array_equal(alone.positions, beside.positions)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (health.Limits(1e6, 0.1, 1e6, uncertainty=1e-3), "the members differ by"),
        (health.Limits(1e6, 0.1, 1e6, drift=1e-4), "conserved energy drifted"),
    ],
)
def test_uncertainty_and_drift_have_ceilings(limits, words):
    perfect = silicon_cubic()
    committee = Committee([springs(perfect, 4.0), springs(perfect, 6.0)])
    timestep = 25.0 if "drifted" in words else 2.0  # near the limit of stability
    (found,) = run(committee, [perfect], [300.0], limits=limits, steps=200, timestep=timestep)
    assert words in found.ended


def test_langevin_dynamics_conserves_its_energy_with_a_fair_timestep():
    limits = health.Limits(1e6, 0.1, 1e6, drift=2e-3)
    (found,) = run(
        Committee([sw_potential()]), [silicon_cubic()], [600.0], limits=limits, steps=1000,
        friction=0.02, timestep=1.0,
    )  # fmt: skip
    assert found.ended == health.BOUND_REACHED


# drivers


def test_members_drive_their_own_replicas():
    perfect = silicon_cubic()
    soft, stiff = springs(perfect, 4.0), springs(perfect, 6.0)
    pair = run(Committee([soft, stiff]), [perfect] * 3, [300.0] * 3, driver="members", every=5)
    for number, member in enumerate((soft, stiff, soft)):
        # the replica's own random stream, whoever is beside it
        alone = run(Committee([member]), [perfect] * 3, [300.0] * 3, every=5)[number]
        np.testing.assert_allclose(pair[number].positions, alone.positions, atol=1e-12)
    x = np.array(pair[0].positions) - perfect.positions
    np.testing.assert_allclose(pair[0].forces, -5 * x, atol=1e-9)  # the mean is recorded
    np.testing.assert_allclose(pair[0].spread, np.linalg.norm(x, axis=-1), atol=1e-9)


def test_the_bias_is_the_gradient_of_the_spread():
    """Forces of E = ⟨E⟩ − τ σ_E against finite differences."""
    perfect = silicon_cubic()
    committee = Committee([springs(perfect, k) for k in (3.0, 5.0, 9.0)])
    frame = rattled_silicon(1, strain=0)[0]

    def biased_energy(atoms):
        found = committee.evaluate_members([atoms]).energy[:, 0]
        return found.mean() - found.std()

    found = committee.evaluate_members([frame])
    energy, forces = found.energy[:, 0], found.forces[0]
    biased = dynamics.biased_forces(energy, forces, 0.3)
    mean = forces.mean(axis=0)
    push = biased - mean
    assert np.sqrt((push**2).mean()) == pytest.approx(0.3 * np.sqrt((mean**2).mean()))
    gradient = np.zeros_like(mean)
    for index in np.ndindex(2, 3):
        plus, minus = frame.copy(), frame.copy()
        plus.positions[index] += 1e-4
        minus.positions[index] -= 1e-4
        gradient[index] = -(biased_energy(plus) - biased_energy(minus)) / 2e-4
    slope = gradient[:2] - mean[:2]
    np.testing.assert_allclose(push[:2] / push[0, 0], slope / slope[0, 0], rtol=1e-5)


def test_a_bias_finds_more_disagreement():
    perfect = silicon_cubic()
    committee = Committee([springs(perfect, 4.0), springs(perfect, 6.0)])
    plain, pushed = (
        run(committee, [perfect] * 4, [300.0] * 4, steps=400, every=10, bias=bias)
        for bias in (0.0, 0.4)
    )
    spread = [np.mean([np.mean(each.spread) for each in found]) for found in (plain, pushed)]
    assert spread[1] > 1.1 * spread[0]


def test_members_that_agree_have_no_bias():
    perfect = silicon_cubic()
    forces = np.ones((3, 8, 3))
    np.testing.assert_array_equal(dynamics.biased_forces(np.zeros(3), forces, 0.5), forces[0])
    assert len(perfect) == 8


# constant pressure


class IdealGas(Springs):
    """No forces at all: the pressure is that of the momenta."""

    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        forces = np.zeros((len(atoms), 3))
        self.results = {"energy": 0.0, "forces": forces, "stress": np.zeros(6)}


def test_an_ideal_gas_has_the_volume_of_its_law():
    """P V = (N + 1) kT with fluctuations of the Gamma distribution p(V) ∝ V^N exp(−PV/kT)."""
    n, temperature, pressure = 40, 300.0, 2e-4
    generator = np.random.default_rng(3)
    volume = (n + 1) * units.kB * temperature / pressure
    start = Atoms("Ar" * n, cell=3 * [volume ** (1 / 3)], pbc=True)
    start.positions = generator.uniform(0, volume ** (1 / 3), (n, 3))
    barostat = kinetics.Barostat(pressure=pressure, time=50.0, compressibility=1 / pressure)
    limits = health.Limits(1e6, 0.0, 1e6)
    found = run(
        Committee([AsePotential(IdealGas(start.positions, 0.0))]), [start] * 2, [temperature] * 2,
        limits=limits, steps=4000, every=5, timestep=5.0, friction=0.02, barostat=barostat,
    )  # fmt: skip
    volumes = np.concatenate([np.linalg.det(np.array(each.cells[100:])) for each in found])
    mean, error = block_mean(volumes)
    assert error < 0.03 * volume
    assert abs(mean - volume) < 4 * error + 0.03 * volume  # 39 of 40 atoms' momenta are free
    assert volumes.std() / volumes.mean() == pytest.approx(1 / np.sqrt(n + 1), rel=0.25)


@pytest.mark.parametrize("anisotropic", [False, True])
def test_a_strained_crystal_relaxes_to_the_pressure(anisotropic):
    start = silicon_cubic()
    start.set_cell(start.cell.array * 1.02, scale_atoms=True)
    barostat = kinetics.Barostat(time=100.0, compressibility=1.6, anisotropic=anisotropic)
    (found,) = run(
        Committee([sw_potential()]), [start], [50.0], steps=600, every=2, barostat=barostat
    )
    lengths = np.cbrt(np.linalg.det(np.array(found.cells[150:])))
    assert lengths.mean() == pytest.approx(5.431, abs=0.02)
    shape = np.array(found.cells[-1]) / lengths[-1]
    off = np.abs(shape - np.diag(np.diag(shape))).max()
    assert bool(off > 1e-6) is anisotropic
    np.testing.assert_allclose(shape, shape.T, atol=0.01)  # it does not turn
