"""The neural network that segmenter, tagger and parser share."""
