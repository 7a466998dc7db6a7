"""The segmenter: from raw text to sentences of tokens."""
