"""The panel on a force set whose potential is known: silicon by Stillinger and Weber."""

import importlib.util
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential

EXACT = AsePotential(StillingerWeberSilicon())
PRIMITIVE = bulk("Si", "diamond", a=5.431)
CELLS = PRIMITIVE, phonopy_cells.supercell(PRIMITIVE, (2 * np.eye(3, dtype=int)).tolist())
OPTIONS = SimpleNamespace(cells=6, labels=[1, 2], mesh=5, noise=1e-5)


@pytest.fixture(scope="module")
def module(root):
    spec = importlib.util.spec_from_file_location("panel", root / "benchmarks/panel.py")
    module = sys.modules["panel"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def force_sets(path, **settings):
    """Write a params file of silicon."""
    phonons = config.Phonons(**settings)
    calculation = force_constants.prepare(*CELLS, phonons)
    force_constants.evaluate(calculation, EXACT, phonons)
    force_constants.write_params(calculation, path)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("panel") / "phono3py_params.yaml.xz"
    return force_sets(path, fc3="symfc", random_displacements=12)


@pytest.fixture(scope="module")
def panel(module, file, tmp_path_factory):
    return module.Panel.of(file, OPTIONS, tmp_path_factory.mktemp("modes"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": [1, 8]}, "12 cells, of which the truth takes 6 .*: 6 are left for up to 8 lab"),
        ({"cells": 2}, "2 cells of 16 atoms do not fix fc3.*--cells [0-9]+ or more"),
    ],
)
def test_too_few_cells_are_named_before_anything_runs(module, file, changed, message):
    with pytest.raises(InputError, match=message):
        module.Panel.of(file, SimpleNamespace(**{**vars(OPTIONS), **changed}), file.parent)


@pytest.fixture(scope="module", params=[None, 4.0], ids=["all pairs", "near pairs"])
def of_pairs(module, request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    path = force_sets(folder / "pairs.yaml.xz", pair_cutoff=request.param)
    return module.Panel.of(path, OPTIONS, folder), request.param


def test_the_truth_of_one_or_two_displaced_atoms_is_that_of_all_frames(of_pairs):
    panel, cutoff = of_pairs
    kappa, apart = panel.kappa_of(EXACT)
    assert kappa == pytest.approx(panel.truth, rel=5e-3)  # decimals of the file, as above
    assert apart < 0.01
    # phono3py's own finite differences, without a fit
    pairs = config.Phonons(pair_cutoff=cutoff)
    calculation = force_constants.prepare(from_phonopy(panel.file.primitive), panel.perfect, pairs)
    force_constants.evaluate(calculation, EXACT, pairs)
    assert panel._solve(calculation, [5, 5, 5]) == pytest.approx(panel.truth, rel=0.01)


def test_pairs_that_were_not_calculated_are_no_frames(of_pairs):
    panel, cutoff = of_pairs
    displaced = [frame.positions - panel.perfect.positions for frame in panel.read_off]
    moved = [np.flatnonzero(np.linalg.norm(shift, axis=1) > 1e-6) for shift in displaced]
    distances = panel.perfect.get_all_distances(mic=True)
    apart = [distances[pair[0], pair[1]] for pair in moved if len(pair) == 2]
    assert max(apart) < (cutoff or np.inf)
    assert len(panel.file.displacements) - len(panel.read_off) == (0 if cutoff is None else 36)
    assert len(panel.labels) == len(apart) < len(panel.read_off)
    assert all(np.abs(label.get_forces()).max() > 0.1 for label in panel.labels)


def test_too_few_pairs_are_named(module, tmp_path):
    path = force_sets(tmp_path / "pairs.yaml.xz", pair_cutoff=2.5)
    many = SimpleNamespace(**{**vars(OPTIONS), "labels": [1, 64]})
    with pytest.raises(InputError, match=r"displaced in 28 frames, too few for .* 64"):
        module.Panel.of(path, many, tmp_path)


def test_a_file_without_forces_is_named(module, tmp_path):
    path = tmp_path / "phono3py_disp.yaml"
    params = force_constants.prepare(*CELLS, config.Phonons())
    params.generate_displacements()
    params.save(path)
    with pytest.raises(InputError, match="the panel needs DFT forces on displaced supercells"):
        module.Panel.of(path, OPTIONS, tmp_path)


def test_the_truth_of_a_file_is_that_of_its_potential(panel):
    # the eighth decimal of the positions moves κ by 1e-3 on this mesh, by 3 % on 3×3×3
    assert panel.name == "Si-227"
    assert (len(panel.read_off), len(panel.labels)) == (6, 6)
    kappa, apart = panel.kappa_of(EXACT)
    assert panel.truth == pytest.approx(kappa, rel=5e-3)
    assert panel.kappa_of_fit(panel.read_off) == (panel.truth, 0.0)
    assert 0 < apart < 0.01


def test_a_truth_that_is_not_that_of_the_rows_is_refused(module, panel):
    truth = panel.truth
    assert module.truth_of(panel, [{"crystal": "Si-227", "kappa_dft": truth}]) == truth
    module.truth_of(panel, [{"crystal": "C-227", "kappa_dft": 2 * truth}])
    with pytest.raises(InputError, match="name another --out"):
        module.truth_of(panel, [{"crystal": "Si-227", "kappa_dft": 1.01 * truth}])


def test_without_a_truth_nothing_is_compared(module, panel, tmp_path):
    unstable = replace(panel, read_off=[turned(frame) for frame in panel.read_off], modes=tmp_path)
    with pytest.raises(InputError, match="imaginary modes"):
        module.truth_of(unstable, [])


def turned(frame):
    """The frame with forces of the wrong sign."""
    other = frame.copy()
    other.calc = SinglePointCalculator(other, forces=-frame.get_forces())
    return other


def test_a_wrong_model_comes_near_the_truth_with_two_labels(module, panel):
    class Soft:
        def evaluate(self, frames):
            exact = EXACT.evaluate(frames)
            return type(exact)(exact.energy, [0.9 * force for force in exact.forces], exact.stress)

    truth = panel.truth
    labels = module.chosen(panel, 0, 2)
    before, _, apart = module.kappa(panel, "foundation", Soft(), labels)
    after, _, closer = module.kappa(panel, "foundation+taylor", Soft(), labels)
    by_evidence, bar, _ = module.kappa(panel, "foundation+evidence", Soft(), labels)
    assert abs(before / truth - 1) > 0.04
    assert abs(after / truth - 1) < 0.5 * abs(before / truth - 1)
    assert abs(by_evidence / truth - 1) < 0.5 * abs(before / truth - 1)
    assert abs(by_evidence - truth) < 4 * bar
    assert bar < abs(before - truth)
    # sums of modes cannot be farther apart than the modes themselves
    assert apart > abs(2 * (before - truth) / (before + truth)) - 1e-9
    assert closer < 0.5 * apart


def test_rows_without_srme_are_made_again_where_they_are_asked_for(module, panel):
    options = SimpleNamespace(methods=["foundation", "taylor"], labels=[1, 2], draws=1)
    row = {"crystal": "Si-227", "labels": 2, "draw": 0, "method": "taylor", "kappa_srme": np.nan}
    assert module.outdated(row, panel, options)
    assert not module.outdated({**row, "kappa_srme": 0.02}, panel, options)
    assert not module.outdated({**row, "method": "symfc"}, panel, options)
    assert not module.outdated({**row, "crystal": "C-227"}, panel, options)


def test_fewer_frames_of_a_draw_are_among_the_more(module, panel):
    one, four = module.chosen(panel, 1, 1), module.chosen(panel, 1, 4)
    assert one[0] is four[0]
    assert module.chosen(panel, 2, 4) != four


def test_the_summary_is_the_mean_error_in_per_cent(module):
    row = {"crystal": "Si2", "labels": 1, "method": "taylor", "kappa_dft": 100.0}
    table = pd.DataFrame(
        [{**row, "kappa": 98.0, "kappa_srme": 0.02}, {**row, "kappa": 104.0, "kappa_srme": 0.06}]
    )
    assert module.summary(table).loc[("Si2", 1), ("error", "taylor")] == pytest.approx(3.0)
    assert module.summary(table).loc[("Si2", 1), ("kappa_srme", "taylor")] == pytest.approx(0.04)
    other = table.assign(crystal="MgO", kappa=[90.0, 99.0])  # 10 and 1 % off
    both = module.averages(pd.concat([table, other]))
    assert both.loc[("all crystals", 1), ("error", "taylor")] == pytest.approx((2 + 4 + 10 + 1) / 4)


def test_the_whole_error_bar_holds_spread_and_difference(module):
    row = {"crystal": "Si2", "labels": 1, "kappa_dft": 100.0}
    fixed, learned = (
        {**row, "method": "foundation+taylor"},
        {**row, "method": "foundation+evidence"},
    )
    table = pd.DataFrame(
        [
            {**fixed, "draw": 0, "kappa": 104.0},
            {**learned, "draw": 0, "kappa": 108.0, "kappa_error_bar": 3.0},  # ± √(3² + 4²) = 5
            {**fixed, "draw": 1, "kappa": 103.0},
            {**learned, "draw": 1, "kappa": 103.0, "kappa_error_bar": 2.0},
        ]
    )
    assert module.covered(table).endswith("2 cases: 0% within 1 σ, 100% within 2 σ, 1.6 at most")
    assert "needs both" in module.covered(table[table["method"] == "foundation+taylor"])
