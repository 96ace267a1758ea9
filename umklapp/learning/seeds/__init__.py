"""First labels of a material: dynamics, displaced cells, cheap surfaces, NOMAD."""
