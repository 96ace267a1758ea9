"""Records are read whole or refused in one sentence that names file, field and remedy."""

import json

import pytest

from umklapp.errors import InputError
from umklapp.records import Record


class Kappa(Record):
    """W/(m K)."""

    VERSION = 2
    kappa: float

    @classmethod
    def upgrade(cls, data, version):
        return {"kappa": data["k"]} if version == 0 else data


def test_what_is_written_is_read_with_its_origin(tmp_path):
    Kappa(kappa=8.4).write(tmp_path / "deep/k.json")
    found = Kappa.read(tmp_path / "deep/k.json")
    assert found.kappa == 8.4
    assert found.schema_version == 2
    assert found.versions["torch"]
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep/k.json"]


def test_a_file_of_an_earlier_version_is_upgraded(tmp_path):
    (tmp_path / "k.json").write_text(json.dumps({"k": 1.5}))
    assert Kappa.read(tmp_path / "k.json").kappa == 1.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not json"),
        ("[]", "not a Kappa record"),
        ('{"schema_version": 2}', "kappa: Field required"),
        ('{"schema_version": 2, "kappa": "x"}', "kappa: Input should be"),
        ('{"schema_version": 2, "kappa": 1, "kapa": 2}', "kapa: Extra inputs"),
        ('{"schema_version": 3, "kappa": 1}', "version 3.*reads up to 2.*that wrote it"),
        ('{"schema_version": "x", "kappa": 1}', "version x"),
    ],
)
def test_anything_else_is_refused_with_the_file_and_a_remedy(tmp_path, text, words):
    (tmp_path / "k.json").write_text(text)
    with pytest.raises(InputError, match=f"k.json: .*{words}"):
        Kappa.read(tmp_path / "k.json")


def test_a_number_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="finite"):
        Kappa(kappa=float("nan"))
