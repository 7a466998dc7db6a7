"""Transition systems: readable, compiled, and how they are decoded."""
