"""The small template language of API Gateway's own answers: `$context.…` variables in text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ratecard_workbench.local.cloudformation import Node
from ratecard_workbench.local.errors import ConfigurationError

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)|\$\{context\.([A-Za-z0-9_.]+)\}")
# These are JSON strings already, with their quotes.
QUOTED_VARIABLES = ("error.messageString",)

Context = Mapping[str, str]


class ContextTemplate:
    """A text with `$context` variables.

    Parameters
    ----------
    text : str
        The template, for example ``{"call_id":"$context.extendedRequestId"}``.
    """

    __slots__ = ("names", "parts")

    def __init__(self, text: str) -> None:
        self.parts: list[str] = []
        self.names: list[str] = []
        position = 0
        for match in _VARIABLE.finditer(text):
            self.parts.append(text[position : match.start()])
            self.names.append(match.group(1) or match.group(2))
            position = match.end()
        self.parts.append(text[position:])

    def render(self, context: Context, *, absent: str = "") -> str:
        """Fill in the variables, escaped for a place inside a JSON string.

        Parameters
        ----------
        context : Mapping of str to str
            Values by name, such as `error.responseType`.
        absent : str
            What stands for a variable without a value.
        """
        rendered = [self.parts[0]]
        for name, part in zip(self.names, self.parts[1:], strict=True):
            value = context.get(name, absent)
            rendered += [value if name in QUOTED_VARIABLES else json.dumps(value)[1:-1], part]
        return "".join(rendered)


def parse_parameters(parameters: Mapping[str, Node], prefix: str) -> tuple[tuple[str, ContextTemplate], ...]:
    """Read the headers of an answer: quoted constants or `context.…` references.

    Parameters
    ----------
    parameters : Mapping
        API Gateway's `responseParameters`.
    prefix : str
        What the names of headers begin with, such as ``gatewayresponse.header.``.

    Raises
    ------
    ConfigurationError
        If a value is neither.
    """
    headers = []
    for name, raw in parameters.items():
        if not name.startswith(prefix):
            continue
        value = str(raw)
        if len(value) >= 2 and value[0] == value[-1] == "'":
            template = ContextTemplate(value[1:-1])
        elif value.startswith("context."):
            template = ContextTemplate("$" + value)
        else:
            raise ConfigurationError(f"{name}: {value} is neither a quoted constant nor a context variable")
        headers.append((name.removeprefix(prefix), template))
    return tuple(headers)
