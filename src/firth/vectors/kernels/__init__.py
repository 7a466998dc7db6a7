"""Compiled loops of training: random draws, counts of pairs, and gradient steps on chunks of text."""
