"""Which artifacts a library may load."""

from __future__ import annotations

from ratecard.kernel.errors import ArtifactError, EngineError


def check_version(engine: str, made_with: str, library: str) -> None:
    """Refuse an artifact that the loaded library may misread.

    The rule: same major version, and a minor version not above the library's. A library reads what its own major line
    wrote before, not what comes after; patch releases do not change the format. An artifact of an older major version
    is exported again and its metrics are looked at, instead of being trusted to mean the same.

    Parameters
    ----------
    engine : str
        Name of the engine, for the message.
    made_with, library : str
        Versions as "major.minor.patch".

    Raises
    ------
    ArtifactError
        If the rule does not hold, or `made_with` is no version.
    EngineError
        If `library` is no version.
    """
    made, own = _find_release(made_with), _find_release(library)
    if own is None:
        raise EngineError(f"the {engine} library does not tell its version as major.minor.patch")
    if made is None:
        raise ArtifactError("the artifact's engine_version is not of the form major.minor.patch")
    if made[0] != own[0] or made[1] > own[1]:
        raise ArtifactError(
            f"the artifact was made with {engine} {made[0]}.{made[1]}; the loaded library is {library}, which supports "
            f"{own[0]}.0 to {own[0]}.{own[1]}"
        )


def _find_release(version: str) -> tuple[int, int] | None:
    parts = version.split(".")
    if len(parts) < 3 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1])
