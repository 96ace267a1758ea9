"""The audit of κ: a few labels from the very ensembles that gave it, and what they say of it."""
