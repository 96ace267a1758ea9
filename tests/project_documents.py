"""Documents as the Materials Project serves them."""


def document(identifier, atoms):
    """One document as the server writes it: pymatgen's Structure.as_dict."""
    sites = [
        {
            "species": [{"element": symbol, "occu": 1}],
            "abc": abc.tolist(),
            "xyz": xyz.tolist(),
            "label": symbol,
            "properties": {"magmom": 0.0},
        }
        for symbol, abc, xyz in zip(
            atoms.symbols, atoms.get_scaled_positions(), atoms.positions, strict=True
        )
    ]
    lattice = {"matrix": atoms.cell.array.tolist(), "pbc": [True] * 3, "volume": atoms.cell.volume}
    structure = {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": lattice,
        "sites": sites,
    }
    return {"material_id": identifier, "structure": structure}
