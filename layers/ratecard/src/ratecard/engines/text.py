r"""Texts: tf-idf of words and a linear model by class. Pure Python, no native library.

The file, `*.words`, is one line of JSON, the terms, and numbers (little-endian float32)::

    {"format":1,"column":"narrative","classes":5,"terms":2,"bytes":15,"intercepts":[0.1,...]}\n
    escrow\nidentity theft
    idf of each term, then its weight for each class: 2 + 2 * 5 numbers

A term is a stem or two in a row, as `ratecard.engines.words` finds them. A text's value for a term that occurs n times
is (1 + ln n) idf; its values are divided by the root of the sum of their squares; a class's score is its intercept and
the values times the class's weights. An empty text, and one of unknown words only, scores the intercepts.

The base of a class is its intercept: contributions say what the words of the text added, each its own share. As the
scores are sums, that is exact.
"""

from __future__ import annotations

from math import fsum, isfinite, log, sqrt
from sys import byteorder

from ratecard.engines.versions import check_version
from ratecard.engines.words import find_words, list_terms
from ratecard.kernel.errors import ArtifactError, EngineError, InvalidJsonError
from ratecard.kernel.jsontext import parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ratecard.engines.manifest import Manifest

FORMAT = 1
VERSION = "1.0.0"
"""Of the format and of the tokenisation: neither has a library, and a manifest's `engine_version` is this."""

MEMBERS = {"format": int, "column": str, "classes": int, "terms": int, "bytes": int, "intercepts": list}
MAX_HEADER = 4096
NUMBER = 4
"""Bytes of a float32."""

WRONG = "the text model"


class TextEngine:
    """A linear model of the words of one text; see `ratecard.engines.engine.Engine`."""

    name = "text"
    library_version = VERSION
    columns = 1

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        check_version(self.name, manifest.engine_version, VERSION)
        header, rest = _parse_header(content)
        if manifest.columns != (header["column"],):
            raise ArtifactError(f"{WRONG} is of another column than the manifest's")
        self.outputs: int = header["classes"]
        self._intercepts = _parse_intercepts(header["intercepts"], self.outputs)
        count, size = header["terms"], header["bytes"]
        if len(rest) != size + NUMBER * count * (1 + self.outputs):
            raise ArtifactError(f"{WRONG} does not have the length that its header says")
        self._places = _parse_terms(rest[:size], count)
        # Read where they lie: a list of all weights would take longer to make than a text to score.
        numbers = _parse_numbers(rest[size:])
        self._idf, self._weights = numbers[:count], numbers[count:]
        if min(self._idf) <= 0:
            raise ArtifactError(f"{WRONG} has a term that counts nothing")
        self._closed = False

    def score(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Score texts: the log-odds by class of each."""
        return [self._score(self._values(self._words(row))) for row in rows]

    def contributions(self, rows: Sequence[Sequence[float | int | str]]) -> list[tuple[float, ...]]:
        """Explain texts: for each class what the text added, then the intercept."""
        return [
            tuple(part for score, base in zip(scores, self._intercepts, strict=True) for part in (score - base, base))
            for scores in self.score(rows)
        ]

    def word_contributions(self, row: Sequence[float | int | str]) -> list[tuple[str, tuple[float, ...]]]:
        """Explain one text word by word.

        Parameters
        ----------
        row : sequence
            One text.

        Returns
        -------
        list of (str, tuple of float)
            Of each term that has weights, in the order of the text, the words as they stand there for the first time
            and the contribution to each class's score. They add up to `contributions`.

        Raises
        ------
        EngineError
            If the row is not one text.
        """
        words = self._words(row)
        shown: dict[str, str] = {}
        written = list_terms([word for _, word in words])
        for term, words_of_term in zip(list_terms([found for found, _ in words]), written, strict=True):
            shown.setdefault(term, words_of_term)
        values = self._values(words)
        places = self._places
        return [
            (words_of_term, tuple(values[place] * weight for weight in self._weights_of(place)))
            for term, words_of_term in shown.items()
            if (place := places.get(term)) is not None
        ]

    def close(self) -> None:
        """Refuse what comes after, as the other engines do."""
        self._closed = True

    def _words(self, row: Sequence[float | int | str]) -> list[tuple[str, str]]:
        if self._closed:
            raise EngineError("the engine is closed")
        if len(row) != 1 or type(row[0]) is not str:
            raise EngineError("a row is not one text")
        return find_words(row[0])

    def _values(self, words: list[tuple[str, str]]) -> dict[int, float]:
        """Return the text's value for each of its terms that has weights, by the term's place."""
        counts: dict[int, int] = {}
        places = self._places
        for term in list_terms([found for found, _ in words]):
            place = places.get(term)
            if place is not None:
                counts[place] = counts.get(place, 0) + 1
        idf = self._idf
        values = {
            place: idf[place] if count == 1 else (1.0 + log(count)) * idf[place] for place, count in counts.items()
        }
        length = sqrt(fsum([value * value for value in values.values()]))
        return {place: value / length for place, value in values.items()}

    def _weights_of(self, place: int) -> Sequence[float]:
        start = place * self.outputs
        return self._weights[start : start + self.outputs].tolist()

    def _score(self, values: dict[int, float]) -> tuple[float, ...]:
        outputs = self.outputs
        shares = [value * weight for place, value in values.items() for weight in self._weights_of(place)]
        return tuple([fsum([base, *shares[output::outputs]]) for output, base in enumerate(self._intercepts)])


def _parse_header(content: bytes) -> tuple[dict[str, Any], bytes]:
    line, newline, _ = content[:MAX_HEADER].partition(b"\n")
    try:
        raw: Any = parse_json(line.decode("ascii"))
    except (InvalidJsonError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{WRONG} does not begin with a line of JSON") from error
    if not newline or type(raw) is not dict or raw.keys() != MEMBERS.keys():
        raise ArtifactError(f"{WRONG} does not begin with a line of {', '.join(sorted(MEMBERS))}")
    if any(type(raw[name]) is not kind for name, kind in MEMBERS.items()):
        raise ArtifactError(f"{WRONG} has a header with a member of the wrong type")
    if raw["format"] != FORMAT:
        raise ArtifactError(f"{WRONG} is of another format than {FORMAT}")
    if raw["classes"] < 2 or raw["terms"] < 1 or raw["bytes"] < 1:
        raise ArtifactError(f"{WRONG} has too few classes or terms")
    return raw, content[len(line) + 1 :]


def _parse_intercepts(raw: list[Any], classes: int) -> tuple[float, ...]:
    if len(raw) != classes or not all(type(one) is float and isfinite(one) for one in raw):
        raise ArtifactError(f"{WRONG} does not have one finite intercept for each class")
    return tuple(raw)


def _parse_terms(raw: bytes, count: int) -> dict[str, int]:
    try:
        terms = raw.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{WRONG} has terms that no text can have") from error
    places = dict(zip(terms, range(count), strict=False))
    if len(terms) != count or len(places) != count or "" in places:
        raise ArtifactError(f"{WRONG} does not have as many different terms as it says")
    return places


def _parse_numbers(raw: bytes) -> memoryview[float]:
    if byteorder != "little":
        raise EngineError("text models are read on little-endian machines only")
    numbers = memoryview(raw).cast("f")
    # One number that is not finite makes the sum so, and float32 cannot add up beyond float64.
    if not isfinite(sum(numbers)):
        raise ArtifactError(f"{WRONG} has a number that is not finite")
    return numbers
