"""Checkpoints of others are read without running what is in them."""

import copy

import pytest
import torch
from conftest import ROOT

from umklapp.errors import InputError
from umklapp.potentials import loading
from umklapp.potentials.nequip import checkpoint_file, parents
from umklapp.potentials.nequip.member import Member

OWN = ROOT / "tests/data/results_0.1/Si-227/round_01/member_0/model.ckpt"
READERS = [checkpoint_file.read, parents.read, Member.load, loading.load]


class Touch:
    """Unpickled in full it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("whole", [False, True])
def test_a_pickle_is_refused_and_not_executed(tmp_path, read, whole):
    """As the whole file, or as one value of a checkpoint that is otherwise fine."""
    trap, path = tmp_path / "executed", tmp_path / "model.ckpt"
    content = Touch(trap)
    if whole:
        content = torch.load(OWN, weights_only=True, map_location="cpu") | {"extra": content}
    torch.save(content, path)
    with pytest.raises(InputError, match=r"model\.ckpt.*nothing in it was executed"):
        read(path)
    assert not trap.exists()


@pytest.mark.parametrize("read", READERS)
def test_what_a_checkpoint_builds_is_of_the_framework(tmp_path, read):
    content = copy.deepcopy(torch.load(OWN, weights_only=True, map_location="cpu"))
    trap = tmp_path / "executed"
    content["hyper_parameters"]["model"] = {"_target_": "os.mkdir", "path": str(trap)}
    torch.save(content, tmp_path / "model.ckpt")
    with pytest.raises(InputError, match=r"model\.ckpt.*would call os\.mkdir"):
        read(tmp_path / "model.ckpt")
    assert not trap.exists()


def test_the_checkpoint_behind_a_checkpoint_is_looked_at_too(tmp_path):
    content = torch.load(OWN, weights_only=True, map_location="cpu")
    trap = tmp_path / "executed"
    torch.save(Touch(trap), tmp_path / "parent.ckpt")
    content["hyper_parameters"]["model"] = {
        "_target_": "nequip.model.ModelFromCheckpoint",
        "checkpoint_path": str(tmp_path / "parent.ckpt"),
    }
    torch.save(content, tmp_path / "model.ckpt")
    with pytest.raises(InputError, match=r"parent\.ckpt.*nothing in it was executed"):
        loading.load(tmp_path / "model.ckpt")
    assert not trap.exists()


def test_checkpoints_of_both_architectures_are_read():
    for path in (OWN, ROOT / "tests/data/results_0.1/allegro/model.ckpt"):
        assert "state_dict" in checkpoint_file.read(path)
