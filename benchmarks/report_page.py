"""Size and loading time of the report of a large campaign: copies of a finished material.

Every row of the table of materials gets the records and figures of one finished material, and its
own crystal. The numbers on the page mean nothing; its size, and the time to write and open it, do.

    python benchmarks/report_page.py results/demo/NaCl-225 --materials 122
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from umklapp.crystals import materials
from umklapp.paths import Results
from umklapp.report.page import campaign_page

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = shutil.ignore_patterns("*.ckpt", "*.pt2", "ledger", "scratch", "trajectory_*.h5")
CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--dump-dom"),
)
TIMER = """<script>addEventListener("load", () => {
  const begun = performance.now(), row = document.querySelector("#materials tbody tr");
  history.replaceState(null, "", "#" + row.dataset.key);
  dispatchEvent(new Event("hashchange"));
  document.body.getBoundingClientRect();
  const load = performance.getEntriesByType("navigation")[0].loadEventStart;
  document.body.dataset.times = JSON.stringify([load, performance.now() - begun]);
});</script></body>"""


def campaign(source: Path, folder: Path, count: int) -> Path:
    """A results folder with `count` materials that are copies of the one at `source`."""
    table = materials.read_table(ROOT / "config/materials.csv")
    results = Results(str(folder))
    figures = source.parent / "figures" / source.name
    for _, row in table.head(count).iterrows():
        material = results.material(row["material"])
        shutil.copytree(source, material.folder, ignore=SKIPPED)
        shutil.copytree(figures, results.figures_of(material.key).folder)
        primitive = materials.build_primitive(row, ROOT / "config/structures")
        primitive.write(material.primitive)
    return folder


def opening(page: Path, profile: Path) -> dict[str, float] | None:
    """Seconds until the page is loaded, and to open a material; None without Chromium."""
    if shutil.which(CHROMIUM[0]) is None:
        return None
    timed = page.with_name("timed.html")
    timed.write_text(page.read_text().replace("</body>", TIMER))
    command = [*CHROMIUM, f"--user-data-dir={profile}", "--timeout=20000", timed.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r'data-times="\[([\d.]+),([\d.]+)\]"', dom)
    if found is None:
        return None
    return {"load_s": float(found[1]) / 1000, "open_a_material_s": float(found[2]) / 1000}


def main() -> None:
    """Make the campaign and its page, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("source", type=Path, help="results of one finished material")
    options.add_argument("--materials", type=int, default=122)
    options.add_argument("--keep", type=Path, help="copy the page to this file")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = campaign(given.source, Path(scratch) / "results", given.materials)
        begun = time.perf_counter()
        page = campaign_page.write(folder)
        numbers = {
            "materials": given.materials,
            "write_s": round(time.perf_counter() - begun, 1),
            "size_MB": round(page.stat().st_size / 1e6, 1),
            "chromium": opening(page, Path(scratch) / "profile"),
        }
        if given.keep:
            shutil.copy(page, given.keep)
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
