"""What tests of figures share: files of the right size with something in them, tables as csv."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread


def look(paths, width, height):
    """Size of a png and a pdf, and that curves were drawn; returns the pixels."""
    png, pdf = paths
    pixels = imread(png)[:, :, :3]
    assert pixels.shape[:2] == (round(200 * height), round(200 * width))
    assert share(pixels, "black", 0.6) > 0.002  # axes and text
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf.read_bytes())
    assert pdf.read_bytes().startswith(b"%PDF")
    assert [float(each) for each in box.groups()] == pytest.approx([72 * width, 72 * height])
    return pixels


def share(pixels, colour, tolerance=0.08):
    """Share of the pixels that have this colour."""
    return float((np.abs(pixels - to_rgb(colour)).max(axis=2) < tolerance).mean())


def through_csv(data, folder):
    data.to_csv(folder / "figure.csv", index=False)
    return pd.read_csv(folder / "figure.csv")
