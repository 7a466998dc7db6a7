"""Dependency parsing: from words to trees, and how good the trees are."""
