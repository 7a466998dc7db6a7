"""Short texts sorted into classes by the mean of their word vectors."""
