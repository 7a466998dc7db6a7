"""Skip-gram with negative sampling, from text to `WordVectors`."""

from __future__ import annotations

from firth.progress import Progress
from firth.vectors.contexts import WindowContexts
from firth.vectors.trainers.inputs import WordRows
from firth.vectors.trainers.negative_sampling import NegativeSampling
from firth.vectors.trainers.settings import SkipGramSettings, with_documented_settings
from firth.vectors.trainers.trainer import VectorTrainer


@with_documented_settings
class SkipGram(SkipGramSettings, VectorTrainer):
    """Skip-gram word vectors, trained with negative sampling (Mikolov et al. 2013).

    With ``threads=1``, or with ``deterministic=True`` and any number of threads, the same corpus, seed and
    settings give the same bits on the same machine, also when the training was interrupted and resumed.
    Otherwise threads write to the same vectors without locks (Hogwild), which is fastest and differs a little
    from run to run.

    {settings}

    Examples
    --------
    >>> sentences = [["tea", "with", "milk"], ["coffee", "with", "milk"]] * 50
    >>> model = SkipGram(dim=16, min_count=1, sample=0, threads=1)  # sample=0: keep all of so few words
    >>> vectors = model.fit(sentences)
    >>> len(vectors)
    4
    """

    def _make_objective(self, contexts: WindowContexts, progress: Progress) -> NegativeSampling:
        return NegativeSampling(self, contexts, WordRows(len(contexts.vocabulary)), progress)
