"""A training that leaves too much of its labels goes on; one that does not ends."""

import numpy as np
import pytest
from conftest import diamond, label, rattled
from repeats import rounding

from umklapp import config
from umklapp.crystals import frame_info
from umklapp.potentials import trained_out
from umklapp.potentials.loading import load
from umklapp.potentials.training import trainer
from umklapp.potentials.training_residuals import Left, left_on


@pytest.fixture(scope="module")
def labels():
    frames = [label(rattled(seed, 0.05, diamond())) for seed in range(4)]
    for frame in frames:
        frame_info.mark(frame, origin="rattled 0")
    return frames


def tiny(**changes):
    """A network that a few epochs do not train out."""
    options = {"epochs": 2, "learning_rate": 0.02, "batch_size": 1, "stress_weight": 0.0}
    options |= {"ema_decay": 0.0, "force_weight": 10.0} | changes
    return config.Potential(
        cutoff=3.0, layers=1, l_max=1, features=[4, 2], radial_width=8, training=options
    )


def run(labels, settings, folder):
    parts = labels[:3], labels[3:]
    return trained_out.train(*parts, settings, 1, folder / "model.ckpt", folder / "scratch")


def test_it_goes_on_from_its_best_weights_until_the_repeats_are_used_up(labels, tmp_path):
    result, left = run(labels, tiny(left=0.01, repeats=2), tmp_path)
    assert (result.repeats, result.epochs) == (2, 6)
    again = left_on(load(tmp_path / "model.ckpt"), labels[:3])
    assert [group.force_rmse_eV_per_A for group in left] == pytest.approx(
        [group.force_rmse_eV_per_A for group in again]
    )
    once, before = run(labels, tiny(left=0.01, repeats=0), tmp_path / "once")
    assert (once.repeats, once.epochs) == (0, 2)
    assert left[0].force_rmse_eV_per_A < before[0].force_rmse_eV_per_A


def test_a_repeat_that_makes_it_worse_is_given_up(labels, tmp_path):
    """A learning rate that throws the weights about; those of the first training are kept."""
    wild = {"epochs": 1, "learning_rate": 5.0}
    result, left = run(labels, tiny(left=0.01, repeats=2, warm_start=wild), tmp_path / "wild")
    once, before = run(labels, tiny(repeats=0), tmp_path / "once")
    assert (result.repeats, result.epochs) == (0, once.epochs)
    errors = [[group.force_rmse_eV_per_A for group in groups] for groups in (left, before)]
    np.testing.assert_allclose(*errors, **rounding())
    kept, first = (
        load(tmp_path / folder / "model.ckpt").evaluate(labels).forces
        for folder in ("wild", "once")
    )
    np.testing.assert_allclose(kept, first, **rounding())


def test_without_repeats_it_is_the_plain_training(labels, tmp_path):
    settings = tiny(repeats=0)
    run(labels, settings, tmp_path / "one")
    other = tmp_path / "other"
    plain = trainer(settings)(labels[:3], labels[3:], settings, 1, other / "m.ckpt", other / "s")
    assert plain.repeats == 0
    first, second = (
        load(path).evaluate(labels).forces
        for path in (tmp_path / "one/model.ckpt", other / "m.ckpt")
    )
    np.testing.assert_allclose(first, second, **rounding())


def test_it_ends_where_little_enough_is_left(labels, tmp_path):
    """The limit lies just above, then just below, what one training leaves."""
    longer = {"epochs": 25, "learning_rate": 0.03}
    _, left = run(labels, tiny(repeats=0, **longer), tmp_path / "first")
    share = trained_out.share(left[0])
    assert share < 0.95, "or the case is none"
    for limit, repeats in ((share + 0.01, 0), (share - 0.01, 1)):
        settings = tiny(left=limit, repeats=1, **longer)
        result, _ = run(labels, settings, tmp_path / str(repeats))
        assert result.repeats == repeats


def test_the_same_training_ends_at_the_same_weights(labels, tmp_path):
    """Another run, and one that finds the scratch folder of the first."""
    settings = tiny(left=0.01, repeats=1)
    forces = []
    for folder in (tmp_path / "one", tmp_path / "other", tmp_path / "one"):
        run(labels, settings, folder)
        forces.append(load(folder / "model.ckpt").evaluate(labels).forces)
    np.testing.assert_allclose(forces[1], forces[0], **rounding())
    np.testing.assert_allclose(forces[2], forces[0], **rounding())


def group(atoms, rmse, rms):
    return Left(
        kind="aimd", atoms=atoms, frames=1, force_rmse_eV_per_A=rmse, force_rms_eV_per_A=rms
    )


def test_hot_cubes_do_not_hide_a_quiet_cell():
    hot, quiet = group(8, 0.05, 1.0), group(64, 0.02, 0.1)
    assert trained_out.worst([hot, quiet]) == quiet
    assert trained_out.share(quiet) == pytest.approx(0.2)


def test_what_is_small_is_learned_however_quiet_the_labels_are():
    assert trained_out.worst([group(64, 0.004, 0.001)]) is None
    assert trained_out.share(group(64, 0.02, 0.0)) == float("inf")
