"""What a foundation model has wrong in the third order, shell by shell.

    python benchmarks/third_order.py --params NaCl-225_phono3py_params.yaml.xz --model FILE.nqx

A shell holds all clusters of one diameter and one composition. A row has the norm of DFT's third
order in it, the error of the model relative to it, and two slopes by least squares: of the model's
elements on DFT's, and of DFT's on the model's. Where the first is near 1 and the second below 1,
the error does not go with the truth: it adds to the squares of the third order, so to the
scattering, and lowers κ. The force constants are those of `panel.py` (`--cells`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from panel import Panel, model_of

from umklapp.errors import UmklappError

LEAST = 5e-3
"""Of the largest norm; shells with less are left out."""


def shells(panel: Panel, first: np.ndarray) -> pd.Series:
    """Name of the shell of every cluster, (n_first · N²,): diameter (Å) and species.

    Args:
        first: first atoms of the compact force constants.
    """
    atoms = panel.perfect
    apart = atoms.get_all_distances(mic=True)
    pairs = np.maximum(apart[first][:, :, None], apart[first][:, None, :])
    diameter = np.maximum(pairs, apart[None]).round(2).ravel()
    members = np.stack(np.broadcast_arrays(
        atoms.numbers[first][:, None, None], atoms.numbers[None, :, None], atoms.numbers[None, None]
    ))  # fmt: skip
    symbols = dict(zip(atoms.numbers, atoms.get_chemical_symbols(), strict=True))
    triples = np.sort(members.reshape(3, -1), axis=0).T
    names = ["".join(symbols[number] for number in triple) for triple in triples]
    return pd.Series([f"{d:5.2f} Å {name}" for d, name in zip(diameter, names, strict=True)])


def table(truth: np.ndarray, model: np.ndarray, shell: pd.Series) -> pd.DataFrame:
    """Norm, relative error and slopes by shell.

    Args:
        truth, model: (n_clusters, 27) eV/Å³. shell: (n_clusters,) names.
    """
    sums = pd.DataFrame({
        "tt": (truth**2).sum(axis=1), "mm": (model**2).sum(axis=1),
        "tm": (truth * model).sum(axis=1), "ee": ((model - truth) ** 2).sum(axis=1),
    }).groupby(shell.to_numpy()).sum()  # fmt: skip
    kept = sums[sums["tt"] > LEAST**2 * sums["tt"].max()]
    return pd.DataFrame({
        "norm_eV_per_A3": np.sqrt(kept["tt"]), "error": np.sqrt(kept["ee"] / kept["tt"]),
        "model_on_truth": kept["tm"] / kept["tt"], "truth_on_model": kept["tm"] / kept["mm"],
    }).round(3)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="weights of nequix; none: downloaded")
    parser.add_argument("--cells", type=int, default=24, help="frames that fc3 is fitted to")
    options = parser.parse_args()
    options.methods, options.labels, options.mesh, options.noise = ["foundation"], [1], 5, 3e-5
    try:
        panel = Panel.of(options.params, options, Path(tempfile.gettempdir()))
        model = model_of(options, [panel])
        forces = (
            [frame.get_forces() for frame in panel.read_off],
            model.evaluate(panel.read_off).forces,
        )
    except UmklappError as error:
        raise SystemExit(str(error)) from None
    truth, found = (panel.calculation_of(panel.fit, own) for own in forces)
    n = len(panel.perfect)
    first = np.arange(n) if len(truth.fc3) == n else np.array(truth.primitive.p2s_map)
    shell = shells(panel, first)
    print(table(truth.fc3.reshape(-1, 27), found.fc3.reshape(-1, 27), shell).to_string())


if __name__ == "__main__":
    main()
