"""``firth vectors``: train word vectors, ask them questions, judge, draw and convert them."""
