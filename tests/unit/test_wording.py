"""Numbers and commands as people read them."""

from pathlib import Path

import pytest

from umklapp.wording import counted, in_milli, nearest, what_next


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 rounds"), (1, "1 round"), (2, "2 rounds"), (11, "11 rounds")]
)
def test_one_is_no_plural(count, text):
    assert counted(count, "round") == text


def test_a_plural_without_s_is_named():
    assert [counted(n, "entry", "entries") for n in (1, 3)] == ["1 entry", "3 entries"]


def test_small_numbers_keep_two_digits():
    assert [in_milli(value) for value in (0.0123, 0.00004)] == ["12.3", "0.04"]


def test_a_close_word_is_offered():
    assert nearest("tran", ["train", "audit"]) == "; did you mean train?"
    assert nearest("xyz", ["train", "audit"]) == ""


def test_a_run_that_has_ended_says_how_its_results_are_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    configs = ["config/a.yaml", Path.cwd() / "config/b.yaml"]
    part = what_next(Path("results/my case"), configs)
    assert "`umklapp status config/b.yaml` says what is still missing" in part
    Path("results/my case").mkdir(parents=True)
    Path("results/my case/summary.csv").touch()
    text = what_next(Path("results/my case"), configs)
    assert "`umklapp summary config/b.yaml`" in text
    assert "`umklapp report 'results/my case'`" in text
    assert "config/config.yaml" in what_next(Path("results"), [])
