"""The page in a real browser: it loads without errors, sorts, filters, opens a material."""

import json
import re
import shutil
import subprocess

import pytest
import stored_page

from umklapp.report.page import campaign_page
from umklapp.report.page.sources import of_campaign

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=8000", "--dump-dom"),
)
WATCH = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
</script></head>"""
PLAY = """<script>
(async () => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
  const seen = {}, table = document.getElementById("materials");
  const keys = () => [...table.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.dataset.key);
  const head = (name) => [...table.querySelectorAll("thead th button")]
    .find((button) => button.textContent.startsWith(name));
  const type = (text) => {
    const field = document.getElementById("find");
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  seen.first = keys();
  head("material").click();
  seen.byName = keys();
  head("material").click();
  seen.backwards = keys();
  seen.sorted = head("material").parentElement.getAttribute("aria-sort");
  const order = document.getElementById("order");
  order.value = "0";
  order.dispatchEvent(new Event("input", { bubbles: true }));
  seen.chosen = keys();
  type("audit failed");
  seen.filtered = keys();
  seen.status = document.getElementById("shown").textContent;
  type("");
  location.hash = "Zz-2";
  await pause();
  seen.title = document.querySelector("#page h1").textContent;
  seen.focus = document.activeElement.id;
  seen.image = document.querySelector("#page img").complete;
  seen.wide = document.documentElement.scrollWidth <= innerWidth;
  seen.overview = document.getElementById("overview").hidden;
  const before = document.documentElement.dataset.theme;
  document.getElementById("theme").click();
  seen.turned = before !== document.documentElement.dataset.theme;
  location.hash = "";
  await pause();
  seen.back = !document.getElementById("overview").hidden;
  seen.errors = errors;
  const report = document.createElement("pre");
  report.id = "seen";
  report.textContent = JSON.stringify(seen);
  document.body.append(report);
})();
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: no browser to try it in")
def test_a_reader_sorts_filters_and_opens_a_material(tmp_path):
    """On a telephone: what fits there fits everywhere."""
    folder = stored_page.results(tmp_path / "results", "passed", "sound")
    for key, outcome in (("Aa-1", "passed"), ("Zz-2", "failed")):
        shutil.copytree(folder / "Si-227", folder / key)
        shutil.copytree(folder / "figures/Si-227", folder / f"figures/{key}")
        stored_page.audit_record(outcome).write(folder / key / "round_01/audit.json")
    html = campaign_page.render(of_campaign(folder, 1.8e9), 1.8e9)
    page = tmp_path / "page.html"
    page.write_text(html.replace("</head>", WATCH).replace("</body>", PLAY))
    command = [CHROMIUM, *FLAGS, "--window-size=420,900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)[1])
    assert seen["errors"] == []
    assert seen["first"] == ["Zz-2", "Aa-1", "Si-227"], "failures first"
    assert seen["byName"] == ["Aa-1", "Si-227", "Zz-2"]
    assert (seen["backwards"], seen["sorted"]) == (["Zz-2", "Si-227", "Aa-1"], "descending")
    assert seen["chosen"] == seen["byName"]
    assert (seen["filtered"], seen["status"]) == (["Zz-2"], "1 of 3 materials")
    assert (seen["title"], seen["focus"], seen["overview"]) == ("Zz-2", "title", True)
    assert seen["wide"], "nothing but tables scrolls sideways"
    assert seen["image"]
    assert seen["turned"]
    assert seen["back"]


LOOK = """<script>
document.documentElement.dataset.theme = "dark";
addEventListener("load", () => setTimeout(() => {
  const table = document.getElementById("materials"), report = document.createElement("pre");
  dispatchEvent(new Event("beforeprint"));
  report.id = "seen";
  report.textContent = JSON.stringify({
    fits: table.scrollWidth <= document.documentElement.clientWidth,
    ink: getComputedStyle(document.body).color,
    paper: getComputedStyle(document.body).backgroundColor,
    folded: document.querySelectorAll("details:not([open])").length,
    keys: [...document.querySelectorAll("#materials thead th")].length,
  });
  document.body.append(report);
}, 0));
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: no browser to try it in")
def test_paper_shows_every_column_in_dark_ink(tmp_path):
    """What the style of print does, on 273 mm: A4 across without its margins."""
    folder = stored_page.results(tmp_path / "results", "passed", "sound")
    html = campaign_page.render(of_campaign(folder, 1.8e9), 1.8e9)
    html = html.replace("@media print", "@media all").replace("@media screen", "@media speech")
    page = tmp_path / "page.html"
    page.write_text(html.replace("</body>", LOOK))
    command = [CHROMIUM, *FLAGS, "--window-size=1032,900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)[1])
    assert seen == {
        "fits": True, "ink": "rgb(22, 25, 29)", "paper": "rgb(255, 255, 255)",
        "folded": 0, "keys": 13,
    }  # fmt: skip
