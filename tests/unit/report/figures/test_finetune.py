"""Fine-tuning before and after, from the stored campaign."""

import json

import pytest
from figure_files import look
from stored_results import SILICON

from umklapp.report.figures import finetune
from umklapp.report.history import History


def test_numbers_are_those_of_the_members(paths):
    rounds = History.read(SILICON / "history.json").rounds
    data = finetune.table(rounds)
    stored = json.loads((SILICON / "round_01/member_1/finetune.json").read_text())
    rows = data[(data["round"] == 1) & (data["member"] == 1)].set_index("quantity")
    for name in ("curvature_mae_eV_per_A2", "force_mae_eV_per_A"):
        assert rows.loc[name, "before"] == pytest.approx(stored["before"][name])
        assert rows.loc[name, "after"] == pytest.approx(stored["after"][name])
    for which in ("before", "after", "label"):
        assert rows.loc["omega_max_THz", which] == stored["phonons"][which]["omega_max_THz"]
    finetune.draw(data, "Si-227", paths)
    look(paths, 8.4, 3.0)


def test_rounds_without_fine_tuning_have_no_rows(paths):
    stored = History.read(SILICON / "history.json").rounds
    plain = [
        one.model_copy(update={"committee": one.committee.model_copy(update={"finetune": None})})
        for one in stored
    ]
    data = finetune.table(plain)
    assert data.empty
    finetune.draw(data, "Si-227", paths)
    look(paths, 8.4, 3.0)
