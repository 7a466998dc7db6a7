"""Which epoch was the best, and when to stop.

Both depend on the scores of the epochs alone. A checkpoint holds these scores, so a resumed run makes the
same decisions.
"""

from __future__ import annotations

from collections.abc import Sequence


def best_epoch(scores: Sequence[float], *, lowest: bool = False) -> int:
    """Return the number of the best epoch, from 1; the first of equals; 0 if there are no epochs.

    Parameters
    ----------
    scores
        One for each epoch.
    lowest
        Whether low scores are better, as with losses.
    """
    if not scores:
        return 0
    best = min(scores) if lowest else max(scores)
    return 1 + scores.index(best)


def is_exhausted(scores: Sequence[float], patience: int | None, *, lowest: bool = False) -> bool:
    """Return whether the last `patience` epochs were no better than the best before them; never if None."""
    return patience is not None and len(scores) - best_epoch(scores, lowest=lowest) >= patience
