"""Exploration: dynamics, health, uncertainty, acquisition."""
