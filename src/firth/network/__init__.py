"""The one neural network of segmenter, tagger and parser."""
