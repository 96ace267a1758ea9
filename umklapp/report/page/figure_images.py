"""Figures of a material as images within the page, with the captions of Snakemake's report."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docutils.core import publish_parts
from markupsafe import Markup
from PIL import Image

from umklapp.paths import Results, existing

CAPTIONS = Path(__file__).resolve().parents[3] / "report"

TITLES = {
    "kappa": "κ against temperature",
    "events": "σᴬ, error and uncertainty in time",
    "learning_curve": "Learning curve",
    "uncertainty": "Uncertainty against error",
    "bands": "Phonons",
    "green_kubo": "Green–Kubo",
    "elastic": "Elastic constants",
    "lifetimes": "Lifetimes",
    "finetune": "Fine-tuning",
    "event_share": "Share of time in rare events",
}
"""Figures by the name of their files, in the order of the page; others come last."""

OVERVIEW = {
    "kappa_parity": "κ of all methods against literature",
    "campaign": "κ of this campaign against σᴬ",
    "sigma_parity": "σᴬ against published values",
    "event_share": "Share of time in rare events",
    "flagged": "Flagged materials",
    "spent": "Cost per material",
    "kappa_sigma": "Literature: κ against σᴬ",
    "screening": "Literature: the screening",
}
"""Figures of all materials, in the order of the page."""

WIDEST, COLOURS = 1000, 32
"""Pixels, and colours of a palette: line drawings need no more, and 122 materials must fit."""


@dataclass(frozen=True)
class Figure:
    """An image as a data URI with its size in pixels, its title and its caption."""

    name: str
    title: str
    caption: Markup
    uri: str
    width: int
    height: int


def figures(results: Results, material: str) -> list[Figure]:
    """Every figure of a material that is on disk, also ones that this version does not name.

    The comparison of methods is drawn by the page itself, with today's advice beside it.
    """
    paths = [Path(path) for path in existing(results.figures_of(material).png("*"))]
    pictures = {path.stem: path for path in paths if path.stem != "comparison"}
    order = [*[name for name in TITLES if name in pictures], *sorted(set(pictures) - set(TITLES))]
    return [_figure(name, pictures[name], material) for name in order]


def of_campaign(results: Results) -> list[Figure]:
    """Figures of all materials together, those of the literature last."""
    paths = {Path(path).stem: Path(path) for path in existing(results.overview.png("*"))}
    order = [*[n for n in OVERVIEW if n in paths], *sorted(set(paths) - set(OVERVIEW))]
    return [_figure(name, paths[name], "all materials") for name in order]


def _figure(name: str, path: Path, material: str) -> Figure:
    uri, size = data_uri(path)
    title = {**TITLES, **OVERVIEW}.get(name, name.replace("_", " ").capitalize())
    return Figure(name, title, caption(name, material), uri, *size)


def data_uri(path: Path) -> tuple[str, tuple[int, int]]:
    """A picture as WebP without loss in `COLOURS` colours, and its size in pixels."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDEST:
        height = round(picture.height * WIDEST / picture.width)
        picture = picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
    picture = picture.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, method=4)
    text = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/webp;base64,{text}", picture.size


def caption(name: str, material: str) -> Markup:
    """The caption of report/{name}.rst as html; empty where there is none."""
    html = _html_of(CAPTIONS / f"{name}.rst")
    return Markup(html.replace("MATERIAL", material))


@cache
def _html_of(path: Path) -> str:
    if not path.exists():
        return ""
    text = re.sub(r"\{\{ *snakemake\.wildcards\.material *\}\}", "MATERIAL", path.read_text())
    return str(publish_parts(text, writer="html5")["body"])
