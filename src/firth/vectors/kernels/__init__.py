"""Compiled loops of training: what is drawn, how pairs are counted, and the steps on chunks of text."""
