"""``firth parser``: train a parser on a treebank, and score it."""
