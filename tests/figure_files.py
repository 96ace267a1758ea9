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


def cut_labels(figure):
    """Labels and titles of axes that reach beyond the edge of the figure."""
    figure.draw_without_rendering()
    words = [
        text
        for axes in figure.axes
        if axes.axison
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title)
    ]
    edge = figure.bbox.padded(1)
    boxes = [(text, text.get_window_extent()) for text in words if text.get_text()]
    return [
        text.get_text()
        for text, box in boxes
        if not (edge.contains(box.x0, box.y0) and edge.contains(box.x1, box.y1))
    ]


def covering_legends(figure):
    """First entries of the legends that reach into a panel with axes, by more than a pixel."""
    figure.draw_without_rendering()
    panels = [axes.get_window_extent() for axes in figure.axes if axes.axison]
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()] + figure.legends
    covering = []
    for legend in legends:
        box = legend.get_window_extent().padded(-1)
        if any(box.overlaps(panel) for panel in panels):
            covering.append(legend.get_texts()[0].get_text())
    return covering


def share(pixels, colour, tolerance=0.08):
    """Share of the pixels that have this colour."""
    return float((np.abs(pixels - to_rgb(colour)).max(axis=2) < tolerance).mean())


def through_csv(data, folder):
    data.to_csv(folder / "figure.csv", index=False)
    return pd.read_csv(folder / "figure.csv")
