"""The formulas: objectives, activations, optimisers, in plain NumPy."""
