"""Which epoch was the best, and when to stop: by the scores of the epochs alone.

A run that is resumed knows these scores from its checkpoint, and so comes to the same decisions.
"""

from __future__ import annotations

from collections.abc import Sequence


def best_epoch(scores: Sequence[float], *, lowest: bool = False) -> int:
    """Return the number of the best epoch, from 1: the first of equal ones; 0 if there are none.

    Parameters
    ----------
    scores
        One for each epoch.
    lowest
        Whether low scores are good, as those of losses are.
    """
    if not scores:
        return 0
    best = min(scores) if lowest else max(scores)
    return 1 + scores.index(best)


def is_exhausted(scores: Sequence[float], patience: int | None, *, lowest: bool = False) -> bool:
    """Return whether the last `patience` epochs were no better than the best before them; never if None."""
    return patience is not None and len(scores) - best_epoch(scores, lowest=lowest) >= patience
