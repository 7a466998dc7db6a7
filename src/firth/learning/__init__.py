"""The formulas: objectives, activations, optimisers, and the vector instructions that compute them fast."""
