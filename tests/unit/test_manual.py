"""The manual as `make docs` builds it: pages, links and docstrings without a warning."""

import os
import subprocess

import pytest


@pytest.mark.slow
def test_the_manual_is_built_without_a_warning(root, tmp_path):
    generator = root / ".venv-docs/bin/mkdocs"
    if not generator.exists():
        pytest.skip("no .venv-docs (make docs-env)")
    done = subprocess.run(
        [str(generator), "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "manual")],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = list((tmp_path / "manual").rglob("*.html"))
    assert len(pages) > 30
    api = (tmp_path / "manual/api/transport.html").read_text()
    assert "umklapp.transport.modes.read_linewidths" in api
