"""From a text to its words: the one tokenisation, used by training and by serving.

A word is a run of the letters a to z after lower-casing, apostrophes left out ("didn't" is one word). Words that carry
no meaning by themselves, single letters and the masks that publishers write over personal data (XXXX) are dropped; what
is left loses its ending. A text that was lower-cased, stripped of stop words and brought to base forms by somebody else
has therefore nearly the same words as the original.
"""

from __future__ import annotations

import re
from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RUN = re.compile("[a-z]{2,}")
APOSTROPHES = {ord("'"): None, ord("\u2019"): None}
ENDINGS = ("ing", "ed", "es", "s")
SHORTEST_STEM = 3

STOP_WORDS = frozenset(
    """
    about above across after afterwards again all almost alone along already also although always am among amongst
    an and another any anyhow anyone anything anyway anywhere are around as at be became because become becomes
    becoming been before beforehand behind being below beside besides between beyond both but by came can come could
    couldnt did do does doing done down due during each eg either else elsewhere etc even ever every everyone
    everything everywhere except few for from further get give go had has have having he hence her here hereafter
    hereby herein hereupon hers herself him himself his how however ie if im in indeed instead into is it its itself
    ive just keep latter latterly least less made many may me meanwhile might more moreover most mostly much
    must my myself namely neither nevertheless next nobody noone nor now nowhere of often on once one only onto or
    other others otherwise our ours ourselves out over own per perhaps please put rather re said same seem seemed
    seeming seems several she should since so some somehow someone something sometime sometimes somewhere still such
    take than that thats the their them themselves then thence there thereafter thereby therefore therein thereupon
    these they this those though through throughout thru thus to together told too toward towards until up upon us
    very via was we well were what whatever when whence whenever where whereafter whereas whereby wherein whereupon
    wherever whether which while whither who whoever whole whom whose why will with within without wont would yet
    you your yours yourself yourselves
    """.split()  # noqa: SIM905 - three hundred quoted words are no easier to read
)


def find_words(text: str) -> list[tuple[str, str]]:
    """Return the words of a text in their order.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    list of (str, str)
        Of each word its stem, which is what counts, and the word as it stands in the text, in lower case.
    """
    found = RUN.findall(text.lower().translate(APOSTROPHES))
    return [(stem(word), word) for word in found if word not in STOP_WORDS and word.strip("x")]


def stem(word: str) -> str:
    """Take one ending off a word, if enough is left of it."""
    if not word.endswith(ENDINGS):
        return word
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def list_terms(stems: Sequence[str]) -> list[str]:
    """Return all that a text model may have a weight for: each stem, and each two that follow each other."""
    return [*stems, *map(" ".join, pairwise(stems))]


def tokenise(text: str) -> list[str]:
    """Return the terms of a text, as training counts them."""
    return list_terms([found for found, _ in find_words(text)])
