"""The settings of parser training: names, defaults and checks."""

from __future__ import annotations

from dataclasses import dataclass, field

from firth.checks import optional_whole_number, seed_number, thread_count
from firth.network.training import Schedule
from firth.parsing.parser.network import ParserShape

# A minibatch has about this many words.
_BATCH_WORDS = 400
# By default the parser sees about this many words in all, in this many epochs.
_WORDS_TO_SEE = 5_700_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 16, 60
# Scores hardly change for long while the learning rate is high, and rise when it falls. Training therefore
# stops early only after half of the epochs without a better score, and never after fewer epochs than this.
_LEAST_PATIENCE_EPOCHS = 5


@dataclass(frozen=True)
class ParserSettings:
    """Settings of the training of a parser; see `firth.Parser.train`.

    Attributes
    ----------
    epochs
        How often the parser goes through the treebank. None: 28 times through one of 200,000 words, up to 60
        times through a smaller one, and at least 16 times.
    seed
        Seed of everything random. The same seed gives the same parser, with any number of threads.
    threads
        Threads to use; all processors if None.
    shape
        Sizes of the network, and the transition system.

    Raises
    ------
    InputError
        A setting has no meaning.
    """

    epochs: int | None = None
    seed: int = 1
    threads: int | None = None
    shape: ParserShape = field(default_factory=ParserShape)

    def __post_init__(self) -> None:
        # NumPy's integers become Python's, because a checkpoint keeps these settings as JSON.
        object.__setattr__(self, "epochs", optional_whole_number("epochs", self.epochs))
        object.__setattr__(self, "seed", seed_number(self.seed))
        thread_count(self.threads)

    def schedule(self, n_words: int) -> Schedule:
        """Return the schedule of the parser network for a treebank of `n_words` words."""
        epochs = self.epochs
        if epochs is None:
            epochs = min(max(round(_WORDS_TO_SEE / max(n_words, 1)), _FEWEST_EPOCHS), _MOST_EPOCHS)
        patience = max(_LEAST_PATIENCE_EPOCHS, epochs // 2)
        return Schedule(epochs, batch=_BATCH_WORDS, patience=patience, seed=self.seed)
