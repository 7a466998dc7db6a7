"""Training of word vectors, put together from contexts (pairs), inputs (centre vectors) and an objective."""
