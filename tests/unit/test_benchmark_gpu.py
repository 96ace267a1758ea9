"""`benchmarks/gpu.py` on the processor, with a network and cells of no use."""

import importlib.util
import sys

import numpy as np
import pytest


@pytest.mark.physics
def test_the_benchmark_of_a_card_runs_without_one(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UMKLAPP_DEVICE", "cpu")
    spec = importlib.util.spec_from_file_location("gpu", root / "benchmarks/gpu.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu", module)
    spec.loader.exec_module(module)
    table = module.main(["--tiny", "--repeats", "1", "--out", str(tmp_path)])
    assert (table["seconds"] > 0).all()
    ours = table[table["way"] == "compiled graph"]
    assert len(ours) == 2
    np.testing.assert_array_equal(ours["ratio"], 1.0)
    assert (tmp_path / "gpu.csv").exists()
    printed = capsys.readouterr().out
    for word in ("torch", "largest difference of a force", "most memory"):
        assert word in printed
