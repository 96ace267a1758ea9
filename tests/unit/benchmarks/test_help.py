"""Every benchmark explains itself in a bare clone, without results."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CASES = {"kznf3_case"}
"""Modules that a test imports."""

BENCHMARKS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in CASES)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_help_of_a_benchmark_needs_no_results(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name="__main__")
    assert end.value.code == 0
    assert "usage:" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
