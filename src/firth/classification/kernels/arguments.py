"""What the kernels of the phrase classifier are given: named tuples of arrays and numbers."""

from __future__ import annotations

from collections import namedtuple

PLAIN, UNIT_WORDS, UNIT_PHRASE = 0, 1, 2
"""What is scaled to length 1: nothing, the vector of each word, the vector of the phrase."""

Phrases = namedtuple("Phrases", "rows offsets factors")
"""n encoded phrases.

rows : uint32 (m,)
    The rows of all words in the vectors, one phrase after the other.
offsets : int64 (n + 1,)
    Phrase i has the rows from ``offsets[i]`` up to ``offsets[i + 1]``.
factors : float32 (vectors,)
    The weight of each row of the vectors in the mean of a phrase.
"""

PhraseLabels = namedtuple("PhraseLabels", "ids offsets weights phrase_weights")
"""The labels of n phrases: one each for the softmax, any number for logistic losses.

ids : uint32 (l,), offsets : int64 (n + 1,)
    Phrase i has the labels from ``ids[offsets[i]]`` up to ``ids[offsets[i + 1]]``.
weights : float32 (labels,)
    The weight of each label in the loss.
phrase_weights : float32 (n,)
    The weight of each phrase in the loss.
"""

ClassifierParameters = namedtuple("ClassifierParameters", "vectors outside bias")
"""The parameters of a classifier.

vectors : float32 (vectors, dim)
    The vectors of words, of pairs of words, and of the end of a phrase.
outside : float32 (labels, dim)
    The vectors of the labels.
bias : float32 (1, labels)
    The biases of the labels.
"""

TrainingSettings = namedtuple("TrainingSettings", "normalize multi_label frozen biased batch lr total keep")
"""How a kernel trains.

normalize
    PLAIN, UNIT_WORDS or UNIT_PHRASE.
multi_label
    Whether the loss is the sum of the logistic losses of all labels, and not that of the softmax.
frozen
    The number of vectors, the first ones, that are not trained.
biased
    Whether the biases are trained.
batch
    The number of phrases in a minibatch; 1 in `train_sgd_singly`.
lr, total
    The learning rate at the start, and the number of phrases after which it is 0; see `learning_rate`.
keep
    The probability with which dropout keeps an entry of the vector of a phrase.
"""

AdamState = namedtuple("AdamState", "first second steps")
"""What Adam keeps from step to step.

first, second : ClassifierParameters
    The running means of the gradients and of their squares.
steps : int64 (vectors + labels + 1,)
    The number of steps of each vector, of the vector of each label, and of the biases.
"""

AdamConstants = namedtuple("AdamConstants", "beta1 beta2 eps")
"""The constants of `firth.learning.optimizers.Adam`."""
