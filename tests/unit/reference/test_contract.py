"""What every engine promises: failures with a limit, time limits that spare imports."""

import sys
import time
from importlib import import_module

import pytest

from umklapp.reference.contract import Failure, time_limit


@pytest.mark.parametrize(
    ("reason", "limit", "today", "final"),
    [
        ("timeout", 10.0, {"timeout": 10.0}, True),
        ("timeout", 10.0, {"timeout": 11.0}, False),
        ("timeout", None, {"timeout": 11.0}, True),
        ("scf_not_converged", 80, {"timeout": 99, "scf_not_converged": 120}, False),
        ("scf_not_converged", 80, {"timeout": 99}, True),
        ("crashed", None, {"timeout": 99}, True),
    ],
)
def test_a_failure_is_final_until_its_limit_is_raised(reason, limit, today, final):
    assert Failure("f1", reason, "", 1, limit).final(today) is final


def wait():
    """For ever."""
    while True:
        time.sleep(0.01)


def test_a_time_limit_strikes():
    with pytest.raises(TimeoutError, match=r"no result after 0\.01 s"), time_limit(0.01):
        wait()


def test_a_time_limit_does_not_strike_in_an_import(tmp_path, monkeypatch):
    """A module that is half there would fail every later frame of the job."""
    (tmp_path / "slow_library.py").write_text("import time\ntime.sleep(0.1)\nready = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def use():
        import_module("slow_library")
        wait()

    with pytest.raises(TimeoutError), time_limit(0.02):
        use()
    assert sys.modules.pop("slow_library").ready
