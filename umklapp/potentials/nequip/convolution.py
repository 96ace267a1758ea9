"""NequIP's convolution rewritten for speed: tabulated radial functions, dense neighbour slots.

The stock convolution spends its time in the radial network (a third) and in scatters that the
compiler cannot vectorise (half). Here the radial functions of a member are quintic Hermite tables,
neighbours stand in slots (`potentials.neighbours`), and the backward pass is written out: with w(r)
the radial weights, Y the spherical harmonics, C the coupling coefficients and g = ∂E/∂out,

    out_k[n] = Σ_m w[nm] Σ_ij C_ijk Y_j[nm] x_i[src(nm)]
    S_ik[nm] = Σ_u w_u[nm] x_iu[src(nm)] g_ku[n],   ∂E/∂Y_j = Σ_ik C_ijk S_ik
    ∂E/∂x_i[n] = Σ_m w[nm] Σ_jk C_ijk (−1)^l_j Y_j[nm] g_k[src(nm)]

The last line uses that the neighbour list is symmetric, w depends on the distance alone and
Y(−r) = (−1)^l Y(r): a gather where the stock code scatters.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from e3nn.o3 import wigner_3j
from nequip.data import AtomicDataDict
from torch.func import functional_call

INTERVALS = 128
"""Of a radial table; the error of an edge force is that of float32 (4e-8 eV/Å)."""


@dataclass(frozen=True)
class Path:
    """One path of the tensor product, channel by channel.

    source, target: numbers of the irreps in x and in the result; first: its first spherical
    harmonic; weights: its channels among the radial functions; rows, columns: dimensions of
    source and target; parity: (−1)^l of the harmonic; terms: (i, j, k, C_ijk).
    """

    source: int
    target: int
    first: int
    weights: slice
    rows: int
    columns: int
    parity: int
    terms: tuple[tuple[int, int, int, float], ...]


def paths_of(product: Any) -> list[Path]:
    """The paths of an e3nn tensor product whose instructions are all `uvu` with one harmonic."""
    harmonics = list(product.irreps_in2.slices())
    paths, offset = [], 0
    for instruction in product.instructions:
        channels, first = product.irreps_in1[instruction.i_in1]
        second = product.irreps_in2[instruction.i_in2].ir
        third = product.irreps_out[instruction.i_out].ir
        coupling = wigner_3j(first.l, second.l, third.l, dtype=torch.float64)
        coupling = coupling * instruction.path_weight
        terms = [
            (i, j, k, float(coupling[i, j, k]))
            for i, j, k in coupling.abs().gt(1e-9).nonzero().tolist()
        ]
        paths.append(
            Path(
                instruction.i_in1,
                instruction.i_out,
                harmonics[instruction.i_in2].start,
                slice(offset, offset + channels),
                first.dim,
                third.dim,
                (-1) ** second.l,
                tuple(terms),
            )
        )
        offset += channels
    return paths


def tabulate(
    encode: torch.nn.Module, factor: torch.nn.Module, network: torch.nn.Module, dtype: torch.dtype
) -> torch.Tensor:
    """Radial functions of one layer as quintic polynomials on equal intervals of r/r_max.

    Args:
        encode, factor, network: the model's radial basis, its prefactor and the radial network.

    Returns:
        (INTERVALS, 6, channels) coefficients of t⁰ … t⁵, t in [0, 1) within an interval; value,
        slope and curvature agree with the network's at the knots.
    """
    encode = copy.deepcopy(encode)
    weights = {
        name: value.detach().double() if value.is_floating_point() else value
        for name, value in (*network.named_parameters(), *network.named_buffers())
    }
    encode._output_dtype = torch.float64

    def radial(x: torch.Tensor) -> torch.Tensor:
        embedded = factor(encode({AtomicDataDict.NORM_LENGTH_KEY: x}))
        return functional_call(network, weights, (embedded[AtomicDataDict.EDGE_EMBEDDING_KEY],))

    def slope(x: torch.Tensor) -> torch.Tensor:
        return torch.func.jvp(radial, (x,), (torch.ones_like(x),))[1]

    device = next(network.parameters()).device
    knots = torch.linspace(0, 1, INTERVALS + 1, dtype=torch.float64, device=device).unsqueeze(1)
    curvature = torch.func.jvp(slope, (knots,), (torch.ones_like(knots),))[1]
    value, first, second = radial(knots), slope(knots) / INTERVALS, curvature / INTERVALS**2
    a, b, da, db, ca, cb = (
        part for derivative in (value, first, second) for part in (derivative[:-1], derivative[1:])
    )
    rise, bend, twist = b - a - da - ca / 2, db - da - ca, cb - ca
    third = 10 * rise - 4 * bend + twist / 2
    fourth = -15 * rise + 7 * bend - twist
    fifth = 6 * rise - 3 * bend + twist / 2
    return torch.stack([a, da, ca / 2, third, fourth, fifth], 1).detach().to(dtype)


class Convolution(torch.nn.Module):
    """Takes the place of nequip's `TensorProductScatter`.

    Args:
        product: the e3nn tensor product that is replaced.
        table: of `tabulate`.
        graph: filled by the caller before every call: `source` (N, M), `interval` (N, M) and
            `within` (N, M), the place of every distance in the table. With `moment` (N, M), zeros,
            the features that come from neighbour b along edge e are x_b + moment_e t_b, where
            t_b = D_v x_b is the tangent of the features for velocities `velocity` (N, 3) of the
            atoms; `vectors` (N, M, 3) is what the features depend on.
    """

    def __init__(self, product: Any, table: torch.Tensor, graph: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.register_buffer("table", table)
        self.graph = graph
        self.paths = paths_of(product)
        self.inputs = [
            (irrep.mul, irrep.ir.dim, part)
            for irrep, part in zip(product.irreps_in1, product.irreps_in1.slices(), strict=True)
        ]
        self.targets = len(product.irreps_out)

    def forward(
        self,
        x: torch.Tensor,
        edge_attr: torch.Tensor,
        edge_weight: torch.Tensor,
        edge_dst: torch.Tensor,
        edge_src: torch.Tensor,
    ) -> torch.Tensor:
        """As the module it replaces, but `edge_weight` is r/r_max of every edge, (N M, 1)."""
        source = self.graph["source"]
        n_atoms = x.size(0)
        shape = (n_atoms, source.size(1))
        features = self._split(x)
        moment, tangents = self.graph.get("moment"), []
        if moment is not None:
            tangent = self.tangent(x)
            if tangent is None:
                moment = None
            else:
                tangents = self._split(tangent)
        messages = _Contraction.apply(
            self,
            edge_weight.view(shape),
            edge_attr.view(*shape, -1),
            self.table,
            moment,
            *features,
            *tangents,
        )
        return torch.cat([message.permute(0, 2, 1).reshape(n_atoms, -1) for message in messages], 1)

    def _split(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [
            x[:, part].reshape(x.size(0), channels, rows).permute(0, 2, 1).contiguous()
            for channels, rows, part in self.inputs
        ]

    def tangent(self, x: torch.Tensor) -> torch.Tensor | None:
        """D_v x of features (N, d), by double backward; None before the first message."""
        vectors, velocity = self.graph["vectors"], self.graph["velocity"]
        probe = torch.zeros_like(x).requires_grad_(True)
        if not x.requires_grad:
            return None
        (slope,) = torch.autograd.grad([x], [vectors], [probe], create_graph=True)
        relative = velocity[self.graph["source"]] - velocity.unsqueeze(1)
        return torch.autograd.grad((slope * relative).sum(), probe)[0].detach()


class _Contraction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        module: Convolution,
        distance: torch.Tensor,
        harmonics: torch.Tensor,
        table: torch.Tensor,
        moment: torch.Tensor | None,
        *features: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        # The tangents behind the features do not enter: moments are zero.
        source = module.graph["source"]
        within = module.graph["within"].to(table.dtype).unsqueeze(-1)
        c = table[module.graph["interval"]].unbind(2)
        weights = c[0] + within * (
            c[1] + within * (c[2] + within * (c[3] + within * (c[4] + within * c[5])))
        )
        slopes = table.size(0) * (
            c[1]
            + within * (2 * c[2] + within * (3 * c[3] + within * (4 * c[4] + within * 5 * c[5])))
        )
        harmonics = harmonics.to(table.dtype)
        gathered = [feature[source] for feature in features[: len(module.inputs)]]
        messages: dict[int, torch.Tensor] = {}
        for path in module.paths:
            terms = _couple(path, gathered[path.source], harmonics)
            messages[path.target] = torch.stack(
                [(weights[..., path.weights] * term).sum(1) for term in terms], 1
            )
        ctx.module = module
        ctx.save_for_backward(source, weights, slopes, harmonics, *features)
        return tuple(messages[target] for target in range(module.targets))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        source, weights, slopes, harmonics, *features = ctx.saved_tensors
        module: Convolution = ctx.module
        n_atoms, width = source.shape
        every = [feature[source] for feature in features]
        gathered, tangents = every[: len(module.inputs)], every[len(module.inputs) :]
        around = [gradient[source] for gradient in gradients]
        to_distance: Any = 0
        to_moment: Any = 0
        to_harmonics: list[Any] = [0] * harmonics.size(2)
        to_features: list[list[Any]] = [[0] * rows for _, rows, _ in module.inputs]
        for path in module.paths:
            weight, slope = weights[..., path.weights], slopes[..., path.weights]
            x, gradient = gathered[path.source], gradients[path.target]
            # Rows for the harmonics; then whichever is shorter gives the derivative by distance:
            # the rows again with the slope, or the coupled terms with it.
            coupled = path.rows > path.columns
            if coupled:
                terms = [slope * term for term in _couple(path, x, harmonics)]
                rows = torch.cat([weight.unsqueeze(2) * x, torch.stack(terms, 2)], 2)
            else:
                rows = torch.cat([weight.unsqueeze(2) * x, slope.unsqueeze(2) * x], 2)
            moved = rows.size(2)
            if tangents:
                rows = torch.cat([rows, weight.unsqueeze(2) * tangents[path.source]], 2)
            sums = _times(rows, gradient, path.columns)
            if coupled:
                to_distance = to_distance + sum(
                    sums[:, :, path.rows + k, k] for k in range(path.columns)
                )
            for i, j, k, factor in path.terms:
                harmonic = factor * harmonics[:, :, path.first + j]
                to_harmonics[path.first + j] = (
                    to_harmonics[path.first + j] + factor * sums[:, :, i, k]
                )
                if not coupled:
                    to_distance = to_distance + harmonic * sums[:, :, path.rows + i, k]
                if tangents:
                    to_moment = to_moment + harmonic * sums[:, :, moved + i, k]
                to_features[path.source][i] = (
                    to_features[path.source][i]
                    + weight * (path.parity * harmonic).unsqueeze(-1) * around[path.target][:, :, k]
                )
        summed = [
            torch.stack([component.sum(1) for component in parts], 1)
            if isinstance(parts[0], torch.Tensor)
            else torch.zeros_like(x)  # no path uses these irreps
            for parts, x in zip(to_features, features, strict=False)  # tangents come after
        ]
        nothing = weights.new_zeros(n_atoms, width)
        stacked = torch.stack(
            [part if isinstance(part, torch.Tensor) else nothing for part in to_harmonics], 2
        )
        moment = to_moment.double() if tangents else None
        constants = (None,) * len(tangents)
        return None, to_distance.double(), stacked.double(), None, moment, *summed, *constants


def _couple(path: Path, x: torch.Tensor, harmonics: torch.Tensor) -> list[torch.Tensor]:
    """Σ_ij C_ijk Y_j x_i for every k: tensors (N, M, channels)."""
    sums: list[Any] = [0] * path.columns
    for i, j, k, factor in path.terms:
        sums[k] = sums[k] + x[:, :, i] * (factor * harmonics[:, :, path.first + j]).unsqueeze(-1)
    return sums


def _times(rows: torch.Tensor, gradient: torch.Tensor, columns: int) -> torch.Tensor:
    """Σ_u rows[n, m, i, u] gradient[n, k, u], (N, M, rows, columns) as one matrix product an atom.

    With one column the compiler would turn it into a sum that it cannot vectorise.
    """
    n_atoms, width, count, channels = rows.shape
    if columns == 1:
        gradient = torch.cat([gradient, torch.zeros_like(gradient)], 1)
    product = torch.bmm(rows.reshape(n_atoms, width * count, channels), gradient.transpose(1, 2))
    return product[:, :, :columns].view(n_atoms, width, count, columns)
