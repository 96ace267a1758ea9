"""Half of a file that a killed job has left is never believed, in whichever round."""

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from instant_campaigns import SI, run


@pytest.mark.parametrize("left", ["half of a file", None], ids=["half", "nothing"])
@pytest.mark.parametrize(
    ("file", "next_rule"), [("committee", "explore"), ("assessment", "assess")]
)
def test_a_killed_job_behind_a_checkpoint_is_made_again_with_all_that_follows(
    copy: Path, left, file, next_rule
):
    """Snakemake alone asks for such files only among the jobs that are in its first plan."""
    name = f"results/{SI}/round_01/{file}.json"
    marks = copy / ".snakemake/incomplete"
    marks.mkdir(parents=True, exist_ok=True)
    (marks / urlsafe_b64encode(name.encode()).decode()).touch()
    before = (copy / name).stat().st_mtime_ns
    (copy / name).unlink()
    if left:
        (copy / name).write_text(left)
    status, text = run(copy)
    assert status == 0, text
    assert (copy / name).read_text() != left
    assert (copy / name).stat().st_mtime_ns > before
    assert f"Rule: {next_rule}" in text
    assert not list(marks.iterdir())
    assert "Nothing to be done" in run(copy, "--dry-run")[1]
