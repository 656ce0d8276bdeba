"""The Python files of a brought model: contract, decision, handler. Written to be read, and to be edited."""

from __future__ import annotations

import re

from ratecard.engines.manifest import BY_CLASS, VALUE
from ratecard_workbench.bring.brought import Brought, BroughtField
from ratecard_workbench.publish.entry import package_of

MARK = "# inferred"
"""Stands at every line that was read off the sample; who has looked at the line takes it away."""

WIDEST = 118
LONGEST = 120
"""Characters of a line that fits, and of one that the linter takes; text of the sample may be longer."""

EXCUSE = "  # noqa: E501"


def literal(value: object) -> str:
    """Write a value as Python; texts in double quotes, unless single ones save a backslash, and rare signs escaped."""
    if not isinstance(value, str):
        return repr(value)
    body = "".join(one if one in "'\"" else (repr if one.isalnum() else ascii)(one)[1:-1] for one in value)
    quote = "'" if body.count('"') > body.count("'") else '"'
    return quote + body.replace(quote, f"\\{quote}") + quote


def word_list(name: str, words: tuple[str, ...], indent: str, mark: str = "") -> list[str]:
    """Write `name=(...)` on one line if it fits, else one word a line."""
    inside = ", ".join(literal(word) for word in words)
    line = f"{indent}{name}({inside}{',' if len(words) == 1 else ''})"
    if len(line) + len(mark) + 3 <= WIDEST:
        return [f"{line},{mark}"]
    return [f"{indent}{name}({mark}", *(f"{indent}    {literal(word)}," for word in words), f"{indent}),"]


def contract_text(brought: Brought, slug: str, title: str, outputs: list[str]) -> str:
    """Return contract.py."""
    fields = [line for field in brought.fields for line in field_lines(field)]
    reasons = reason_lines(brought)
    kinds = {line.strip().split("(")[0] for line in [*fields, *outputs, *reasons] if line.startswith("        ")}
    names = sorted(kind for kind in {*kinds, "ModelContract"} if kind[:1].isupper() and kind.isalpha())
    lines = [
        f'"""What the {slug} model takes and gives. Written by `ratecard new`; it is yours to edit.',
        "",
        f"A line marked `{MARK[2:]}` was read off a sample of rows. Look at it, correct it, and take the mark away:",
        f"`ratecard check {slug}` lists the marks that are left.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        f"from ratecard.contract import {', '.join(names)}",
        "",
    ]
    if brought.classes:
        lines += [*_classes_lines(brought.classes), ""]
    lines += [
        "CONTRACT = ModelContract(",
        f"    slug={literal(slug)},",
        '    version="1.0.0",',
        f"    title={literal(title)},  {MARK}",
        f"    about={literal(f'{title}: {kind_of_answer(brought)}.')},  {MARK}",
        *("    features=(", *fields, "    ),", "    outputs=(", *outputs, "    ),"),
        *(["    reasons=(", *reasons, "    ),"] if reasons else []),
        *(["    predicts_value=True,"] if brought.output == VALUE else []),
        *(["    sampled_reasons=True,"] if reasons and brought.engine == "onnx" else []),
        ")",
    ]
    return "\n".join(map(_excused, lines)) + "\n"


def _excused(line: str) -> str:
    """Return a line; one that is too long because of a text in it, with a word to the linter."""
    if len(line) <= LONGEST:
        return line
    code, mark, why = line.partition(f"  {MARK}")
    return f"{code}{EXCUSE}{mark}{why}" if len(code) > LONGEST else f"{line}{EXCUSE}"


def _classes_lines(classes: tuple[str, ...]) -> list[str]:
    lines = word_list("CLASSES = ", classes, "")
    lines[-1] = lines[-1].rstrip(",")
    return [*lines, '"""Labels of the training data, in the order of the model\'s scores."""']


def kind_of_answer(brought: Brought) -> str:
    """Say in words what the model answers."""
    if brought.output == VALUE:
        return "one number"
    return "one of its classes, with the chance of each" if brought.output in BY_CLASS else "the chance of an event"


def field_lines(field: BroughtField) -> list[str]:
    """Return one feature."""
    kind = {"number": "Number", "integer": "Integer", "category": "Category", "boolean": "Boolean"}[field.kind]
    lines = [f"        {kind}(", f"            {literal(field.name)},"]
    if field.kind in ("number", "integer"):
        lines += [
            f'            unit="units",  {MARK}: nothing says what one of it is',
            f"            minimum={literal(field.minimum)},  {MARK}: the sample's smallest is {short(field.smallest)}",
            f"            maximum={literal(field.maximum)},  {MARK}: the sample's largest is {short(field.largest)}",
        ]
    if field.kind == "category":
        lines += word_list("values=", field.values, "            ", f"  {MARK}")
    lines += [
        f"            about={literal(f'The value of {printable(field.column)}.')},  {MARK}",
        f"            sample={literal(field.sample)},",
    ]
    if field.missing:
        lines.append(f"            missing=True,  {MARK}: some rows of the sample lack it")
    return [*lines, "        ),"]


def short(value: float | int | None) -> str:
    """Write a number of the sample with four digits: enough to judge a bound, and nobody's exact figure."""
    return f"{value:.4g}"


def printable(text: str) -> str:
    """Return a heading for people, on one line, at most sixty characters of it."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())[:60]


def reason_lines(brought: Brought) -> list[str]:
    """Return one reason for each field; what none of them can change is nobody's reason."""
    if len(brought.fields) == 1:
        return []
    return [
        line
        for place, field in enumerate(brought.fields, 1)
        for line in (
            "        Reason(",
            f'            "R{place:02d}",',
            f"            ({literal(field.name)},),",
            f"            {literal(f'The value of {printable(field.column)}.')},  {MARK}",
            "        ),",
        )
    ]


def output_lines(brought: Brought, outcome: str, span: tuple[float, float]) -> list[str]:
    """Return the outputs.

    Parameters
    ----------
    outcome : str
        Name of what is predicted, snake_case.
    span : tuple of float
        Ends of a value's published range.
    """
    if brought.output == VALUE:
        return [
            "        Quantity(",
            f"            {literal(outcome)},",
            f'            unit="units",  {MARK}',
            f"            minimum={literal(span[0])},  {MARK}: answers beyond are clamped",
            f"            maximum={literal(span[1])},  {MARK}",
            f"            about={literal(f'The predicted value of {outcome}.')},  {MARK}",
            "        ),",
        ]
    choice = "the likeliest class" if brought.output in BY_CLASS else "what its chance and the threshold say"
    named = [*zip(class_fields(brought.classes), brought.classes, strict=True)] if brought.output in BY_CLASS else []
    single = [(f"probability_of_{outcome}", brought.classes[1])] if not named else []
    return [
        "        Choice(",
        '            "prediction",',
        "            values=CLASSES,",
        f"            about={literal(f'The prediction: {choice}.')},",
        "        ),",
        *(
            line
            for name, label in [*named, *single]
            for line in (
                "        Probability(",
                f"            {literal(name)},",
                f"            about={literal(f'Chance of {printable(label)}.')},  {MARK}",
                "        ),",
            )
        ),
    ]


def class_fields(classes: tuple[str, ...]) -> list[str]:
    """Return a field name for the chance of each class; by place where two labels would be called alike."""
    words = [re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:40].strip("_") for label in classes]
    if "" in words or len(set(words)) < len(words):
        words = [f"class_{place}" for place in range(len(classes))]
    return [f"probability_of_{word}" for word in words]


def decision_text(brought: Brought, slug: str) -> str:
    """Return decision.py."""
    wanted = "CONTRACT" if brought.output == VALUE else "CLASSES"
    own = f"from {package_of(slug)}.contract import {wanted}"
    imports = sorted([own, "from ratecard.contract import Decision, Scored"], key=lambda line: line.split()[1].lower())
    head = [
        f'"""From the score of {slug} to a decision. Written by `ratecard new`; it is yours to edit."""',
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
    ]
    if brought.output == VALUE:
        body = VALUE_DECISION
    else:
        body = CLASS_DECISION if brought.output in BY_CLASS else EVENT_DECISION
    return "\n".join(head) + body


EVENT_DECISION = f'''
THRESHOLD = 0.5  {MARK}
"""A chance above it is called the event."""


def decide(scored: Scored) -> Decision:
    """Call the event where its chance is above the threshold; no decision is adverse until somebody says which is."""
    return Decision((CLASSES[scored.probability > THRESHOLD], scored.probability))
'''

CLASS_DECISION = '''

def decide(scored: Scored) -> Decision:
    """Name the likeliest class, the first of equals, and give the chance of each."""
    likeliest = scored.classes.index(max(scored.classes))
    return Decision((CLASSES[likeliest], *scored.classes), explained=likeliest)
'''

VALUE_DECISION = '''
QUANTITY = CONTRACT.outputs[0]


def decide(scored: Scored) -> Decision:
    """Give the value, within the range that the contract publishes."""
    return Decision((min(max(scored.margin, QUANTITY.minimum), QUANTITY.maximum),))  # type: ignore[union-attr]
'''


def handler_text(slug: str) -> str:
    """Return handler.py."""
    package = package_of(slug)
    own = [f"from {package}.contract import CONTRACT", f"from {package}.decision import decide"]
    imports = sorted([*own, "from ratecard.serving import serve"], key=lambda line: line.split()[1].lower())
    return "\n".join(
        [
            f'"""Lambda entry points of the {slug} model."""',
            "",
            *imports,
            "",
            "lambda_handler, batch_handler = serve(CONTRACT, decide=decide, artifact=__file__)",
            "",
        ]
    )
