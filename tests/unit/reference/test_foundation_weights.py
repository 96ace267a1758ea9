"""A foundation model as the reference engine, and what is known of it before the first job."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import requests
from ase.build import bulk
from engine_contract import EngineContract
from pydantic import ValidationError

from umklapp import config, provenance, reference
from umklapp.errors import InputError
from umklapp.reference import foundation_weights

EMT = {"package": "ase", "calculator": "ase.calculators.emt:EMT"}
HEADER = {
    "atomic_numbers": [11, 17], "cutoff": 6.0, "hidden_irreps": "8x0e", "lmax": 1, "n_layers": 1,
    "radial_basis_size": 4,
}  # fmt: skip


def settings(model=EMT):
    """The section `reference`."""
    return config.parse(config.Reference, {"engine": "foundation", "model": model})


def nequix(**more):
    """A model of nequix."""
    return config.NequixModel(**more)


def weights(path: Path, header=HEADER) -> Path:
    """A file that looks like weights of nequix."""
    with path.open("wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        for shape in ((2,), (8, 3)):
            np.save(file, np.ones(shape, np.float32))
    return path


class TestContract(EngineContract):
    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls):
        return reference.create(settings())

    @pytest.fixture(scope="class")
    @classmethod
    def crystal(cls):
        atoms = bulk("Cu", cubic=True) * (2, 1, 1)
        atoms.rattle(0.1, seed=3)
        sheared = np.eye(3) + 0.01 * np.array([[2, 0, 0], [1, 0, 0], [0, 0, 0]])
        atoms.set_cell(atoms.cell.array @ sheared, scale_atoms=True)
        return atoms

    @pytest.fixture
    def broken(self, crystal):
        unknown = crystal.copy()
        unknown.symbols[0] = "Fe"
        return reference.create(settings()), unknown, "crashed", 2

    @pytest.fixture
    def slow(self):
        model = {
            "package": "ase",
            "calculator": "silicon:SlowSilicon",
            "parameters": {"seconds": 5},
        }
        return reference.create(settings(model)), 0.1


def test_every_label_names_model_and_hash(tmp_path):
    engine = reference.create(settings())
    label = engine.label(bulk("Cu"), tmp_path, 10)
    own = foundation_weights.identify(config.CalculatorModel(calculator=EMT["calculator"]))
    assert label.info["engine"] == f"foundation {EMT['calculator']} {own.sha256[:12]}"


def test_one_calculator_serves_all_labels(tmp_path):
    engine = reference.create(settings())
    engine.label(bulk("Cu"), tmp_path, 10)
    first = engine.calculator(bulk("Cu"), tmp_path)
    engine.label(bulk("Al"), tmp_path, 10)
    assert engine.calculator(bulk("Al"), tmp_path) is first


def test_hash_of_labels_follows_weights_and_not_their_place(tmp_path):
    one, same = weights(tmp_path / "one.nqx"), weights(tmp_path / "two.nqx")
    other = weights(tmp_path / "other.nqx", {**HEADER, "cutoff": 5.0})
    hashes = [
        reference.create(settings({"package": "nequix", "path": str(path)})).settings_hash
        for path in (one, same, other)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_weights_say_their_elements_and_hash(tmp_path):
    path = weights(tmp_path / "salt.nqx")
    identity = foundation_weights.identify(nequix(path=path))
    assert identity.elements == ["Na", "Cl"]
    assert identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "salt" in identity.words
    assert "PBE" in identity.words
    foundation_weights.check_elements(identity, ["Na"])
    with pytest.raises(InputError, match="salt does not know K"):
        foundation_weights.check_elements(identity, ["Na", "K"])


def test_other_weights_than_the_named_ones_are_refused(tmp_path):
    path = weights(tmp_path / "salt.nqx")
    digest = provenance.file_digest(path, 64)
    assert foundation_weights.weights(nequix(path=path, sha256=digest)) == path
    with pytest.raises(InputError, match=rf"model.sha256: {path} has {digest}, not {'0' * 64}"):
        foundation_weights.weights(nequix(path=path, sha256="0" * 64))


def test_weights_that_are_not_there_or_no_weights_are_named(tmp_path):
    with pytest.raises(InputError, match=r"model.path: .*nothing.nqx: there is no such file"):
        foundation_weights.weights(nequix(path=tmp_path / "nothing.nqx"))
    checkpoint = tmp_path / "model.ckpt"
    checkpoint.write_bytes(b"PK\x03\x04\x00 a checkpoint of torch")
    with pytest.raises(InputError, match="holds no weights of nequix"):
        foundation_weights.identify(nequix(path=checkpoint))


@pytest.mark.parametrize("left", [-1, -100, None])
def test_weights_that_break_off_are_named(tmp_path, left):
    path = weights(tmp_path / "salt.nqx")
    content = path.read_bytes()
    path.write_bytes(content[:left] if left else content[: content.index(b"\n") + 1])
    with pytest.raises(InputError, match=r"model\.path: .*salt\.nqx ends within its weights"):
        foundation_weights.identify(nequix(path=path))


def test_a_file_by_a_published_name_is_held_against_the_published_hash(tmp_path):
    path = weights(tmp_path / "nequix-oam-1.nqx")
    with pytest.raises(InputError, match=r"other weights than the ones.*state its own hash"):
        foundation_weights.weights(nequix(path=path))
    own = provenance.file_digest(path, 64)
    assert foundation_weights.weights(nequix(path=path, sha256=own)) == path


def test_without_network_a_path_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(foundation_weights, "CACHE", tmp_path)

    def unreachable(address, timeout):
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", unreachable)
    with pytest.raises(InputError, match=r"cannot be downloaded .*name the file by model\.path"):
        foundation_weights.weights(nequix())
    assert not list(tmp_path.iterdir())


def test_weights_in_the_cache_of_nequix_are_found_and_held_against_their_hash(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(foundation_weights, "CACHE", tmp_path)
    weights(tmp_path / "nequix-oam-1-pft.nqx")
    with pytest.raises(InputError, match="a download that broke off"):
        foundation_weights.weights(nequix())


def test_parameters_and_their_files_are_part_of_an_identity(tmp_path):
    file = tmp_path / "parameters.txt"
    hashes = set()
    for content, number in (("a", 1), ("b", 1), ("b", 2)):
        file.write_text(content)
        model = config.CalculatorModel(
            calculator="a.b:C", parameters={"file": str(file), "number": number}
        )
        hashes.add(foundation_weights.identify(model).sha256)
    assert len(hashes) == 3


def test_a_wrong_key_is_refused():
    with pytest.raises(ValidationError, match="weigths"):
        settings({"package": "nequix", "weigths": "x.nqx"})
