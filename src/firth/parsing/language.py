"""Whether a text looks like the language of a model: the share of its words that the model knows."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from itertools import islice

from firth.parsing.parser.parser import Parser
from firth.text.document import Sentence

# A text is judged by its first 1,000 words, and not at all if it has fewer than 10 words with letters.
_MOST_WORDS = 1000
_FEWEST_WORDS = 10
# A text is strange if its share of known words is less than this part of the share on the development set.
# The English model knows 97 % of the words of EWT dev, 78 % of chat, 54 % of a sentence of cell biology, and
# 50, 47, 44, 41 and 21 % of sentences in German, German, Spanish, French and Dutch.
_STRANGE_PART = 0.54


class LanguageCheck:
    """Counts known words of one text, and gives one warning if there are too few.

    Parameters
    ----------
    parser
        The parser. Nothing is checked if the usual share of known words is not known: see
        `Parser.known_share`.
    """

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._expected = parser.known_share
        self._seen = self._words = self._known = 0
        self._is_done = self._expected is None

    def see(self, sentences: Iterable[Sentence]) -> None:
        """Count the words of the next sentences of the text."""
        if self._is_done or self._seen >= _MOST_WORDS:
            return
        tokens = (token.form for sentence in sentences for token in sentence.tokens)
        forms = list(islice(tokens, _MOST_WORDS - self._seen))
        self._seen += len(forms)
        n_words, n_known = self._parser.network.features.count_known(forms)
        self._words += n_words
        self._known += n_known

    def warn(self, stacklevel: int = 3) -> bool:
        """Give a warning, once, if the text that was seen is strange; return whether it is."""
        if self._is_done or self._expected is None or self._words < _FEWEST_WORDS:
            return False
        self._is_done = True
        share = self._known / self._words
        is_strange = share < _STRANGE_PART * self._expected
        if is_strange:
            warnings.warn(
                f"this does not look like the language of the model, which knows {share:.0%} of its first "
                f"{self._words:,} words ({self._expected:.0%} are usual): the trees may be useless; "
                "use a model of the language of the text",
                UserWarning,
                stacklevel=stacklevel,
            )
        return is_strange
