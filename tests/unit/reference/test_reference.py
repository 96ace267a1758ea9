"""Reference engines: the contract, and what is particular to each."""

import signal
import time
from dataclasses import asdict

import numpy as np
import pytest
from ase.calculators.emt import EMT
from conftest import diamond, label, labelled_frames, rattled, silicon_engine
from engine_contract import EngineContract, displaced, strained

from umklapp import config, reference
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.reference import Failure, create
from umklapp.reference.contract import FailureRecord, time_limit


class TestStillingerWeber(EngineContract):
    """An ASE calculator named by a configuration."""

    force_tolerance = 5e-5

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls):
        return silicon_engine()

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        return rattled(3, atoms=strained(diamond(), np.diag([1, 0.5, -1]), 0.02))

    @pytest.fixture
    def broken(self):
        crushed = diamond()
        crushed.positions[1] = crushed.positions[0] + 0.3
        return silicon_engine("FragileSilicon", shortest=1.0), crushed, "crashed", 2

    @pytest.fixture
    def slow(self):
        return silicon_engine("SlowSilicon", seconds=5), 0.1


class TestEmt(EngineContract):
    """A calculator that ASE ships, with another element."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls):
        return create(config.AseCalculator(calculator="ase.calculators.emt:EMT"))

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        from ase.build import bulk

        return rattled(4, atoms=bulk("Cu", a=3.5, cubic=True))

    @pytest.fixture
    def broken(self, engine):
        return engine, rattled(0), "crashed", 2  # EMT has no silicon

    @pytest.fixture
    def slow(self):
        return silicon_engine("SlowSilicon", seconds=5), 0.1


class TestLookup(EngineContract):
    """A table that holds every frame the contract asks for."""

    force_tolerance = 5e-5

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        return rattled(3, atoms=strained(diamond(), np.diag([1, 0.5, -1]), 0.02))

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, crystal, tmp_path_factory):
        direction = cls.direction(crystal)
        wanted = [crystal, *(displaced(crystal, direction, s * cls.step) for s in (1, -1))]
        wanted += [strained(crystal, e, s * cls.amount) for e in cls.strains for s in (1, -1)]
        path = tmp_path_factory.mktemp("table") / "table.extxyz"
        frames.write_frames(path, map(label, wanted))
        return create(config.Lookup(path=path))

    @pytest.fixture
    def broken(self, engine):
        return engine, rattled(99), "not_in_table", 1

    def test_time_that_runs_out_is_a_failure(self, engine, crystal, tmp_path):
        """A table calculates nothing: there is nothing that could take long."""
        assert not isinstance(engine.label(crystal, tmp_path, 1e-9), Failure)

    def test_label_is_the_one_of_the_table(self, engine, crystal, tmp_path):
        crystal = crystal.copy()
        crystal.info.update(origin="round 2", explored=7)
        found, expected = engine.label(crystal, tmp_path, 1), label(crystal)
        assert found.get_potential_energy() == expected.get_potential_energy()
        np.testing.assert_allclose(found.get_forces(), expected.get_forces(), atol=1e-8)
        np.testing.assert_allclose(found.get_stress(), expected.get_stress(), atol=1e-12)
        assert (found.info["origin"], found.info["explored"]) == ("round 2", 7)

    def test_no_dynamics_on_a_table(self, engine, crystal, tmp_path):
        with pytest.raises(InputError, match="'lookup' holds labels only"):
            engine.calculator(crystal, tmp_path)


def test_one_calculator_labels_all_frames_until_one_fails(tmp_path):
    engine = silicon_engine("FragileSilicon", shortest=1.0)
    kept = engine.calculator(rattled(0), tmp_path)
    engine.label(rattled(1), tmp_path, 10)
    assert engine.calculator(rattled(2), tmp_path) is kept
    crushed = diamond()
    crushed.positions[1] = crushed.positions[0] + 0.3
    engine.label(crushed, tmp_path, 10)
    assert engine.calculator(rattled(2), tmp_path) is not kept


def test_table_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.extxyz"):
        create(config.Lookup(path=tmp_path / "nothing.extxyz"))


def test_another_table_is_another_engine(tmp_path):
    made = labelled_frames(2)
    engines = []
    for name, content in (("a", made), ("b", made), ("c", made[:1])):
        frames.write_frames(tmp_path / f"{name}.extxyz", content)
        engines.append(create(config.Lookup(path=tmp_path / f"{name}.extxyz")))
    assert engines[0].settings_hash == engines[1].settings_hash != engines[2].settings_hash


@pytest.mark.parametrize(
    ("section", "other"),
    [
        (config.Gpaw(), config.Gpaw(ecut=301)),
        (config.Gpaw(), config.Gpaw(xc="PBEsol")),
        (
            config.AseCalculator(calculator="ase.calculators.emt:EMT"),
            config.AseCalculator(
                calculator="ase.calculators.emt:EMT", parameters={"asap_cutoff": True}
            ),
        ),
    ],
)
def test_settings_hash_tells_settings_apart(section, other):
    same = type(section).model_validate(section.model_dump())
    assert create(section).settings_hash == create(same).settings_hash
    assert create(section).settings_hash != create(other).settings_hash


def test_parameters_reach_the_calculator(tmp_path):
    made = create(
        config.AseCalculator(calculator="ase.calculators.emt:EMT", parameters={"asap_cutoff": True})
    ).calculator(diamond(), tmp_path)
    assert isinstance(made, EMT)
    assert made.parameters["asap_cutoff"] is True


@pytest.mark.parametrize(
    "name", ["nowhere:Class", "silicon:Nothing", "silicon", ":Class", "ase.calculators.emt.EMT"]
)
def test_calculator_that_cannot_be_imported(name):
    with pytest.raises(InputError, match=r"reference\.calculator: ") as caught:
        create(config.AseCalculator(calculator=name))
    assert repr(name) in str(caught.value)


def test_wrong_parameter_is_a_failure(tmp_path):
    engine = silicon_engine(no_such_parameter=1)
    found = engine.label(rattled(0), tmp_path, 10)
    assert isinstance(found, Failure)
    assert found.reason == "crashed"
    assert "no_such_parameter" in found.message


def test_memory_is_not_asked_for_twice(tmp_path):
    found = silicon_engine("HungrySilicon").label(rattled(0), tmp_path, 10)
    assert isinstance(found, Failure)
    assert (found.reason, found.attempts) == ("out_of_memory", 1)


def test_forces_that_are_not_numbers_are_a_failure(tmp_path):
    found = silicon_engine("DivergingSilicon").label(rattled(0), tmp_path, 10)
    assert isinstance(found, Failure)
    assert (found.reason, found.attempts) == ("not_finite", 2)
    assert "forces is not finite" in found.message


def test_missing_stress_is_missing(tmp_path):
    found = silicon_engine("StresslessSilicon").label(rattled(0), tmp_path, 10)
    assert not isinstance(found, Failure)
    assert not frames.has_stress(found)
    assert np.isnan(frames.stress_of(found)).all()
    frames.write_frames(tmp_path / "frame.extxyz", [found])
    assert not frames.has_stress(frames.read_frames(tmp_path / "frame.extxyz")[0])


def test_a_failure_is_read_as_it_was_written(tmp_path):
    failure = Failure("f0", "timeout", "no result after 3 s", 1)
    FailureRecord(**asdict(failure)).write(tmp_path / "f0.failed.json")
    assert FailureRecord.read(tmp_path / "f0.failed.json").failure == failure


def test_time_limit_raises_in_time_and_is_gone_afterwards():
    before = signal.getsignal(signal.SIGALRM)
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no result after 0\.05 s"), time_limit(0.05):
        time.sleep(5)
    assert time.monotonic() - begin < 2
    assert signal.getsignal(signal.SIGALRM) is before
    with time_limit(0.05):
        pass
    time.sleep(0.1)  # an alarm that were still set would end the tests here


def test_create_gives_what_the_section_says(tmp_path):
    frames.write_frames(tmp_path / "table.extxyz", labelled_frames(1))
    assert create(config.Gpaw()).name == "gpaw"
    assert create(config.Lookup(path=tmp_path / "table.extxyz")).name == "lookup"
    assert silicon_engine().name == "ase"
    assert set(reference.__all__) == {"Engine", "Failure", "check", "create"}
