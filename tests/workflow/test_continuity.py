"""What is done stays done: in a copy, in a fresh clone, and when what is no physics has changed."""

import shutil
from pathlib import Path

from instant_campaigns import SI, C, campaign, planned, run, state


def test_results_that_were_copied_into_a_fresh_clone_plan_nothing(instant: Path, tmp_path: Path):
    """Without times and without Snakemake's own records, as `cp -r` and an archive leave them."""
    shutil.copytree(instant / "results", tmp_path / "results", copy_function=shutil.copy)
    shutil.copy(instant / "config.yaml", tmp_path)
    status, text = run(tmp_path, "--dry-run")
    assert status == 0, text
    assert "Nothing to be done" in text


def test_a_denser_mesh_of_the_last_kappa_repeats_no_round(copy: Path):
    """Nor do other keys that the jobs of the rounds do not use."""
    changes = {
        "conductivity": {"mesh": [13, 13, 13], "mesh_tolerance": 0.1},
        "potential": {"taylor": {"cubic_width": 0.3}},
        "verdict": {"persistence": {"error": 0.4}},
    }
    campaign(copy, [SI, C], **changes)
    text = run(copy, "--dry-run")[1]
    jobs = planned(text)
    repeated = {"train", "label", "dataset", "round_conductivity", "assess", "persistence"}
    assert not repeated & set(jobs), text
    assert (jobs["conductivity_member"], jobs["verdict"]) == (4, 2)


def test_what_is_no_physics_repeats_no_label_and_no_training(copy: Path):
    changes = {
        "resources": {"label_timeout": 99.0, "label_tries": 7, "label_chunks": 5},
        "phonons": {"mesh": [5, 5, 5]},
    }
    campaign(copy, [SI, C], **changes)
    text = run(copy, "--dry-run")[1]
    assert not {"train", "label", "dataset", "explore", "assess"} & set(planned(text)), text
    for line in (
        "Changed since the last run: phonons.mesh: [20, 20, 20] → [5, 5, 5]",
        "Changed since the last run: resources.label_timeout: 3600.0 → 99.0",
        "resources.label_chunks: 5 is for new campaigns, files of this one are cut by 1",
    ):
        assert line in text


def test_other_settings_of_the_labels_are_listed_and_the_run_asks(copy: Path):
    """Nothing begins before the user has chosen; a dry run lists and does not ask."""
    before = state(copy, SI)
    campaign(copy, [SI, C], reference={"parameters": {"sigma": 2.0}})
    changed = "Changed since the last run: reference.parameters"
    again = "Made again: the settings of the labels have changed: every label is made again"
    for arguments in ((), ("--dry-run",), ("--config", "changes=yes")):
        status, text = run(copy, *arguments)
        assert changed in text, text
        assert again in text
        assert (status == 0) == ("--dry-run" in arguments), text
        assert state(copy, SI) == before
    assert "label" in planned(run(copy, "--dry-run")[1])
    status, text = run(copy, "--config", "changes=accept")
    assert status == 0, text
    assert state(copy, SI) != before
    assert "Changed since" not in run(copy, "--dry-run")[1]
