"""How the fenced process says no: a sentence with what to do, which becomes the command's error."""

from __future__ import annotations

OWN_STEP = (
    "Replace it with a step of scikit-learn that has a converter (for numbers PowerTransformer or "
    "KBinsDiscretizer, for words an encoder), do its work before the model and give it the result, or export the model "
    "as ONNX yourself"
)


class Refused(Exception):  # noqa: N818 - it says what the process does, and never leaves it but as JSON
    """The model or the sample cannot be brought as it is.

    Parameters
    ----------
    detail : str
        What is wrong and what to do.
    problems : sequence of (place, detail)
        Single places, for example columns.
    """

    def __init__(self, detail: str, problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = problems


def first_line(error: BaseException) -> str:
    """Return the beginning of a library's message, on one line."""
    return " ".join((str(error).strip().splitlines() or [type(error).__name__])[0].split())[:200]


NEWER = "{name} {theirs} wrote the model, and this installation has {ours}: {what}"


def refuse_newer(name: str, theirs: str, ours: str) -> None:
    """Refuse a model that a later release line of its library wrote.

    Raises
    ------
    Refused
        If `theirs` has a higher major or minor version.
    """
    written, own = release_of(theirs), release_of(ours)
    if written is not None and own is not None and written > own:
        what = f"train it with {name} {own[0]}.{own[1]} or earlier, or raise the platform's {name} first"
        raise Refused(NEWER.format(name=name, theirs=theirs, ours=ours, what=what))


def release_of(version: str) -> tuple[int, int] | None:
    """Return major and minor version, or None if the text is no version."""
    parts = version.split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    return int(parts[0]), int(parts[1])
