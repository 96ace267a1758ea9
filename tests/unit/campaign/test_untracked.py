"""What Snakemake compares (the repr), and what a job gets (the value, pickled)."""

import pickle
from types import SimpleNamespace

from snakemake.persistence import UNREPRESENTABLE
from snakemake.persistence.file import FilePersistence

from umklapp.campaign.untracked import SameNumber, Untracked, compared_as


def test_a_number_is_compared_as_another_one():
    given = pickle.loads(pickle.dumps(SameNumber(60.0, 3600.0)))
    assert (given, given * 2, repr(given)) == (60.0, 120.0, "3600.0")


def test_a_section_is_compared_with_other_values():
    given = pickle.loads(pickle.dumps(compared_as({"ecut": 300.0, "scratch": "/a"}, scratch=None)))
    assert given == {"ecut": 300.0, "scratch": "/a"}
    assert repr(given) == "{'ecut': 300.0, 'scratch': None}"
    assert repr(compared_as({"ecut": 1}, scratch=None)) == "{'ecut': 1}"


def test_no_plain_value_is_not_compared():
    """As Snakemake 9.27 serialises parameters."""
    serialise = FilePersistence._serialize_param_builtin
    assert serialise(SimpleNamespace(), Untracked(3)) is UNREPRESENTABLE
    assert serialise(SimpleNamespace(), SameNumber(60.0, 3600.0)) == "3600.0"
    assert pickle.loads(pickle.dumps(Untracked(3))).value == 3
