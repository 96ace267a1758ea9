"""The rules of the workflow by stage: where hours are counted, and names that may ask for more."""

from __future__ import annotations

STAGES = {
    "structure": ("structure", "born", "baseline", "rank"),
    "seeds": (
        "seed_aimd", "seed_displaced", "seed_frames", "nomad_listing", "nomad_sizes",
        "nomad_download", "seed_nomad", "low_fidelity_sample", "low_fidelity_distil", "split",
        "harmonic",
    ),
    "labels": ("label", "label_audit", "label_stop", "curvature_labels"),
    "stop rule": ("stop_frames", "stop_audit", "stop"),
    "training": (
        "low_fidelity_train", "shared_model", "dataset", "train", "finetune", "committee", "model",
    ),
    "compilation": (
        "engine", "gpu_engine", "distillation_engine", "gpu_distillation_engine", "flux_engine",
        "gpu_flux_engine",
    ),
    "exploration": ("explore", "acquire"),
    "rounds": (
        "round_conductivity", "assess", "audit_frames", "audit", "audited", "history", "events",
        "lifetimes", "persistence", "verdict",
    ),
    "phonons and κ": (
        "phonons", "conductivity_member", "conductivity", "mesh_convergence", "srme",
        "error_budget", "corrected_baseline",
    ),
    "Green–Kubo": (
        "moved_potential", "green_kubo_trajectory", "green_kubo", "effective_conductivity",
    ),
    "elastic constants": ("elastic", "elastic_reference"),
    "report": (
        "material_summary", "summary", "comparison", "figure_learning_curve", "figure_uncertainty",
        "figure_events", "figure_green_kubo", "figure_bands", "figure_kappa", "figure_elastic",
        "figure_lifetimes", "figure_finetune", "figure_overview", "figure_campaign",
        "figure_study", "figure_benchmark", "report_page",
    ),
}  # fmt: skip
"""Rules of every stage, in the order of the pipeline."""
