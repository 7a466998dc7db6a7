"""When to stop."""

from __future__ import annotations

import math

from firth.checks import whole_number


class Patience:
    """When to stop, because the held-out loss has stopped falling.

    It remembers figures only. The vectors of the best epoch are kept on disk (`Validation`) rather than in
    memory, where they would take as much again as those in training.

    Parameters
    ----------
    epochs
        Stop after so many epochs in a row that were no better than the best before them.

    Attributes
    ----------
    best : float
        The lowest loss so far.
    waited : int
        Epochs since then.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = whole_number("patience", epochs)
        self.best = math.inf
        self.waited = 0

    def update(self, loss: float) -> bool:
        """Take the loss of the next epoch; return whether it is the best so far."""
        is_best = loss < self.best
        self.best, self.waited = (loss, 0) if is_best else (self.best, self.waited + 1)
        return is_best

    @property
    def exhausted(self) -> bool:
        """Whether it is time to stop."""
        return self.waited >= self.epochs
