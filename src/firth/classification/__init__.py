"""Classification of short texts by the mean of their word vectors."""
