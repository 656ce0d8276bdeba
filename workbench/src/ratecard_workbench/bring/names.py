"""Names of a brought model: which slugs can be, and what its answer is called."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard_workbench.bring.brought import Brought
from ratecard_workbench.publish.entry import package_of

SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_SLUG = 32
"""Characters, so that `ratecard-<stage of 16>-<slug>-batch` is a name that Lambda takes (64)."""


class SlugError(RatecardError):
    """A name that no model can have."""

    code = "invalid_slug"
    kind = ErrorKind.INVALID


def check_slug(slug: str) -> None:
    """Refuse a name that cannot be a URL, a package and a function at once.

    Raises
    ------
    SlugError
        If it is not words of lower-case letters and digits joined by hyphens, too long, or another package's name.
    """
    if not SLUG.fullmatch(slug):
        raise SlugError(f"{slug!r} is no slug: lower-case words joined by hyphens, for example late-payers")
    if len(slug) > LONGEST_SLUG:
        raise SlugError(f"{slug} has {len(slug)} characters; a slug has at most {LONGEST_SLUG}")
    package = package_of(slug)
    taken = keyword.iskeyword(package) or package in sys.stdlib_module_names or package.startswith("ratecard")
    if taken or find_spec(package) is not None:
        raise SlugError(f"{slug} cannot be a model: Python already has something called {package}")


def name_of(target: str | None, brought: Brought) -> str:
    """Return what the answer is called: after the target, or after the event's label where that says something."""
    source = target
    if brought.classes and not brought.classes[1].isdigit() and brought.classes[1] not in ("True", "False"):
        source = brought.classes[1]
    name = re.sub(r"[^a-z0-9]+", "_", (source or "").lower()).strip("_")[:40].strip("_")
    if not name or not name[0].isalpha() or keyword.iskeyword(name) or name in ("prediction", "reasons", "advice"):
        return "event" if brought.classes else "value"
    return name
