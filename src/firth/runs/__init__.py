"""Long work: checkpoints, Ctrl-C, patience."""
