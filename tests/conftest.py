"""What tests share: a real silicon calculator, labelled frames, campaigns, the shared folder."""

import tempfile
from copy import deepcopy
from pathlib import Path

import forked_jobs
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from disks import mounted
from hypothesis import settings
from silicon import LATTICE, StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import frames
from umklapp.reference import create
from umklapp.reference.ledger import Ledger

pytest.register_assert_rewrite("engine_contract", "instant_campaigns")
pytest_plugins = ["instant_campaigns"]
settings.register_profile("umklapp", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("umklapp")

ROOT = Path(__file__).parents[1]

CAMPAIGN = {
    "name": "test",
    "materials": {
        "table": str(ROOT / "config/materials.csv"),
        "structures": str(ROOT / "config/structures"),
        "select": ["Si-227"],
        "sampling_supercell": [[-1, 1, 1], [1, -1, 1], [1, 1, -1]],
        "phonon_supercell": [[-2, 2, 2], [2, -2, 2], [2, 2, -2]],
    },
    "reference": {"engine": "ase", "calculator": "silicon:StillingerWeberSilicon"},
    "seeds": [{"kind": "rattled", "count": 12}],
}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Public data next to the repository; tests that need it are skipped without."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine: no published data sets to compare with")
    return folder


@pytest.fixture(scope="session")
def forks():
    """The server that forks jobs of campaigns, in the environment of what is started from here."""
    with (
        tempfile.TemporaryDirectory() as folder,
        forked_jobs.server(Path(folder) / "socket") as socket,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(forked_jobs.VARIABLE, str(socket))
        yield


@pytest.fixture
def plain():
    """A valid campaign as yaml would give it; tests change their own copy."""
    return deepcopy(CAMPAIGN)


@pytest.fixture
def table(root):
    """The table of materials that is part of the repository."""
    from umklapp.crystals.materials import read_table

    return read_table(root / "config/materials.csv")


@pytest.fixture
def calculator():
    """Stillinger–Weber silicon."""
    return StillingerWeberSilicon()


@pytest.fixture
def engine():
    """The engine that a configuration with Stillinger–Weber silicon gives."""
    return silicon_engine()


@pytest.fixture
def ledger(tmp_path):
    """An empty ledger."""
    return Ledger(tmp_path / "ledger")


def silicon_engine(name="StillingerWeberSilicon", **parameters):
    """An `ase` engine with one of the calculators of `silicon.py`."""
    return create(config.AseCalculator(calculator=f"silicon:{name}", parameters=parameters))


def diamond(cubic=True) -> Atoms:
    """Perfect silicon with the lattice constant of the potential."""
    return bulk("Si", a=LATTICE, cubic=cubic)


def rattled(seed=0, amplitude=0.05, atoms=None) -> Atoms:
    """Randomly displaced crystal."""
    found = (diamond() if atoms is None else atoms).copy()
    generator = np.random.default_rng(seed)
    found.positions += generator.normal(scale=amplitude, size=found.positions.shape)
    return found


def label(atoms: Atoms, **info) -> Atoms:
    """Labelled by Stillinger–Weber, past all engines and ledgers."""
    work = frames.strip(atoms)
    work.calc = StillingerWeberSilicon()
    stress = work.get_stress()
    return frames.labelled(atoms, work.get_potential_energy(), work.get_forces(), stress, **info)


def labelled_frames(count, **info) -> list[Atoms]:
    """Different labelled frames of silicon."""
    return [label(rattled(seed), **info) for seed in range(count)]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 kB in memory."""
    with mounted(tmp_path / "small", "size=256k") as folder:
        yield folder
