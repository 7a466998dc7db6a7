"""Word vectors: training, queries, file formats, evaluation."""
