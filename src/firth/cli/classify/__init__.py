"""``firth classify``: train a classifier of short texts, evaluate it, and use it."""
