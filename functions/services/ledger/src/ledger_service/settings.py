"""What the functions are told: a stage, and where things are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratecard.kernel.errors import ErrorKind, RatecardError


class InvalidSettingsError(RatecardError):
    """The function's environment lacks something; the template gives it."""

    code = "invalid_settings"
    kind = ErrorKind.INTERNAL


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a stage keeps what.

    Attributes
    ----------
    stage : str
        Name of the installation.
    accounts : str
        DynamoDB table of customers and keys.
    lake, ledger, shelf : str
        Buckets: usage and access lines; what is written once; what can be made again.
    price_book : Path
        Plans and prices, as they were packed with the function.
    issues : bool
        Whether due invoices are issued, and not only drafted.
    """

    stage: str
    accounts: str
    lake: str
    ledger: str
    shelf: str
    price_book: Path
    issues: bool = False


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """Read the environment.

    Raises
    ------
    InvalidSettingsError
        If something is missing.
    """
    missing = [name for name in _NAMES if not environment.get(name)]
    if missing:
        raise InvalidSettingsError(f"the environment lacks {', '.join(missing)}")
    stage, accounts, lake, ledger, shelf = (environment[name] for name in _NAMES)
    book = environment.get("RATECARD_PRICE_BOOK") or f"{environment.get('LAMBDA_TASK_ROOT', '.')}/ratecard.toml"
    issues = environment.get("RATECARD_ISSUE", "no") == "yes"
    return Settings(stage, accounts, lake, ledger, shelf, Path(book), issues)


_NAMES = ("RATECARD_STAGE", "RATECARD_ACCOUNTS", "RATECARD_LAKE", "RATECARD_LEDGER", "RATECARD_SHELF")
