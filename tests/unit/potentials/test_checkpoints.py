import torch

from umklapp.potentials import checkpoints


def test_a_state_goes_on_only_with_the_same_inputs(tmp_path):
    path = tmp_path / "state.pt"
    assert checkpoints.resume(path, "a", "cpu") is None
    checkpoints.write(path, {"identity": "a", "weights": torch.arange(3.0)})
    assert checkpoints.resume(path, "b", "cpu") is None
    assert torch.equal(checkpoints.resume(path, "a", "cpu")["weights"], torch.arange(3.0))
    assert [each.name for each in tmp_path.iterdir()] == ["state.pt"]
