"""Numbers that stand for transitions, transition systems and activations in compiled code."""

from __future__ import annotations

SHIFT, LEFT_ARC, RIGHT_ARC, ROOT_ARC, SWAP = range(5)
"""The kinds of actions. `ROOT_ARC` is the RIGHT-ARC from ROOT, the last action of every sentence. It is a
kind of its own because it has other relations, and is legal where no other RIGHT-ARC is."""
N_KINDS = 5

ARC_STANDARD, ARC_HYBRID, ARC_STANDARD_SWAP = range(3)
"""The transition systems. Model files contain these numbers, so they must not change."""

RELU, LEAKY_RELU, CUBE = range(3)
ACTIVATIONS = {"relu": RELU, "leaky_relu": LEAKY_RELU, "cube": CUBE}
"""The activations of the hidden layer, by their names in `firth.network.layers`."""
LEAKY_RELU_SLOPE = 0.01
"""The slope of leaky ReLU below 0."""
