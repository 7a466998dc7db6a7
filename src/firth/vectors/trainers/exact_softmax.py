"""Skip-gram with the naive softmax, computed exactly, from text to `WordVectors`."""

from __future__ import annotations

from firth.errors import InputError
from firth.progress import Progress
from firth.vectors.contexts import WindowContexts
from firth.vectors.trainers.settings import ExactSoftmaxSettings, with_documented_settings
from firth.vectors.trainers.softmax import Softmax
from firth.vectors.trainers.trainer import VectorTrainer

_MOST_WORDS = 100_000


@with_documented_settings
class ExactSoftmax(ExactSoftmaxSettings, VectorTrainer):
    """Skip-gram word vectors, trained with the naive softmax over the whole vocabulary.

    The same corpus, seed and settings give the same bits on the same machine, for any number of threads.
    Subsampling and windows are taken in expectation. The ``metadata`` of the vectors has the exact loss of
    the vectors as they are in the end as ``loss``, and its exponential as ``perplexity``.

    {settings}

    Examples
    --------
    >>> sentences = [["tea", "with", "milk"], ["coffee", "with", "milk"]] * 50
    >>> vectors = ExactSoftmax(dim=16, min_count=1, threads=1).fit(sentences)
    >>> len(vectors)
    4
    """

    def _check_vocabulary(self, n_words: int) -> None:
        if n_words > _MOST_WORDS:
            raise InputError(
                f"{n_words:,} words are too many for the exact softmax, whose cost grows "
                f"with their square: keep {_MOST_WORDS:,} at most, such as --max-vocab 20000"
            )

    def _make_objective(self, contexts: WindowContexts, progress: Progress) -> Softmax:
        return Softmax(self, contexts, progress)
