"""From contributions to reasons, advice and an account that adds up to the score."""

from __future__ import annotations

from math import fsum, isnan, sqrt  # fsum: sum() adds in another way from Python 3.12 on, and would differ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratecard.contract import ModelContract, Reason

MAX_REASONS = 4
"""Regulation B's commentary finds more than four reasons unlikely to help (12 CFR 1002.9, comment 9(b)(2)-1)."""

SMALLEST_POINTS = 0.5
"""A reason that moves the score by less than half a point is not a principal one."""

SMALLEST_LOG_ODDS = 0.01
"""The same for models without a score scale."""

SMALLEST_SHARE = 0.01
"""The same for models of a value, of all that moved the value up or down: its unit can be of any size."""


CERTAIN_ERRORS = 2.0
"""A sampled effect within two standard errors of nothing is not named as a reason."""

SMALLEST = {"points": SMALLEST_POINTS, "log_odds": SMALLEST_LOG_ODDS}

FLOAT_SMALLEST = 5e-324
"""Where nothing moved the value, nothing is a reason."""


class Explainer:
    """Writes the reasons of one model's rows.

    Parameters
    ----------
    contract : ModelContract
        Gives the reasons and the score scale.
    slope, intercept : float
        Of the Platt calibration: calibrated log-odds = slope * margin + intercept.
    """

    def __init__(self, contract: ModelContract, slope: float, intercept: float) -> None:
        places = {name: place for place, name in enumerate(contract.columns)}
        self._reasons: list[tuple[Reason, tuple[int, ...]]] = [
            (reason, tuple(places[name] for name in reason.columns)) for reason in contract.reasons
        ]
        self._columns = contract.columns
        self._scale = contract.scale
        # Higher margin = more likely bad, unless the contract says otherwise; on a score scale that is fewer points,
        # without one more log-odds.
        self._unit = contract.effect_unit
        self._per_margin = -slope * contract.scale.factor if contract.scale else slope
        self._intercept = intercept
        self._slope = slope
        self._against = -1.0 if (self._per_margin < 0) != contract.higher_is_better else 1.0
        self._smallest = SMALLEST.get(self._unit)

    def explain(
        self,
        columns: Sequence[float | str],
        contributions: Sequence[float],
        errors: Sequence[float],
        *,
        adverse: bool,
        full: bool,
    ) -> dict[str, object]:
        """Explain one row.

        Parameters
        ----------
        columns : sequence
            The row as the engine's columns, in their order.
        contributions : sequence of float
            Contributions to the engine's margin, one for each column, then the base value.
        errors : sequence of float
            Standard error of each column's contribution; empty where they are exact.
        adverse : bool
            The decision was adverse: at least one reason is owed, however small.
        full : bool
            Also give the contribution of every column and the base, which add up to the unrounded score.

        Returns
        -------
        dict
            Members reasons, advice and, where asked, explanation.
        """
        ranked = self._ranked(contributions, errors, adverse=adverse)
        explained: dict[str, object] = {
            "reasons": [self._item(effect, reason, columns) for effect, reason in ranked],
            "advice": [reason.advice for _, reason in ranked if reason.advice],
        }
        if full:
            explained["explanation"] = self._account(contributions, errors)
        return explained

    def _item(self, effect: float, reason: Reason, columns: Sequence[float | str]) -> dict[str, object]:
        item: dict[str, object] = {
            "code": reason.code,
            "text": reason.text,
            "columns": list(reason.columns),
            self._unit: effect if self._smallest is None else round(effect, 2),
        }
        if reason.typical:
            values = [columns[self._columns.index(name)] for name in reason.columns]
            item["values"] = [None if isinstance(value, float) and isnan(value) else value for value in values]
            item["typical"] = list(reason.typical)
        return item

    def _ranked(
        self, contributions: Sequence[float], errors: Sequence[float], *, adverse: bool
    ) -> list[tuple[float, Reason]]:
        against = self._against
        effects = [
            (self._per_margin * fsum(contributions[place] for place in places), reason, places)
            for reason, places in self._reasons
        ]
        effects.sort(key=lambda triple: (-against * triple[0], triple[1].code))
        least = self._smallest
        if least is None:
            least = SMALLEST_SHARE * fsum(abs(value) for value in contributions[:-1]) or FLOAT_SMALLEST
        counted = [
            (effect, reason)
            for effect, reason, places in effects
            if effect * against >= least and (not errors or self._is_certain(effect, places, errors))
        ]
        if not counted and effects and adverse:
            return [effects[0][:2]]
        return counted[:MAX_REASONS]

    def _is_certain(self, effect: float, places: tuple[int, ...], errors: Sequence[float]) -> bool:
        """Say whether a sampled effect is more than what other samples would have made of nothing."""
        error = sqrt(fsum(errors[place] ** 2 for place in places))
        return abs(effect) > CERTAIN_ERRORS * abs(self._per_margin) * error

    def _account(self, contributions: Sequence[float], errors: Sequence[float]) -> dict[str, object]:
        base_log_odds = self._slope * contributions[-1] + self._intercept
        base = self._scale.score(base_log_odds) if self._scale else base_log_odds
        # Added to 0.0, so that nothing is not written as -0.0.
        parts = {
            name: 0.0 + self._per_margin * value for name, value in zip(self._columns, contributions[:-1], strict=True)
        }
        account: dict[str, object] = {"unit": self._unit, "base": base, "contributions": parts}
        account["total"] = fsum((base, *parts.values()))
        if errors:
            scale = abs(self._per_margin)
            account["standard_error"] = {name: scale * error for name, error in zip(self._columns, errors, strict=True)}
        return account
