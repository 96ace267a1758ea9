"""Figures of benchmarks/ in the manual; pages name them as ../benchmarks/results/….png."""

import re
from pathlib import Path

from mkdocs.structure.files import File

OUTSIDE = re.compile(r"\]\(\.\./(benchmarks/results/[\w.]+\.png)\)")


def on_files(files, config):
    """Add the figures to the files of the manual."""
    root = Path(config["config_file_path"]).parent
    for path in sorted((root / "benchmarks/results").glob("*.png")):
        name = str(path.relative_to(root))
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Links to them as the manual has them."""
    return OUTSIDE.sub(r"](\1)", markdown)
