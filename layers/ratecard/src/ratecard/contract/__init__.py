"""A model's contract: what it takes, what it gives, and in which words; everything else is derived from it."""

from ratecard.contract.decisions import Decision, Scored
from ratecard.contract.features import Boolean, Category, Feature, Integer, Number, Text
from ratecard.contract.model import ModelContract
from ratecard.contract.outputs import Amount, Choice, Output, Points, Probability, Quantity
from ratecard.contract.points import PointsDecision
from ratecard.contract.ratio import Ratio
from ratecard.contract.reasons import Reason
from ratecard.contract.rows import Row
from ratecard.contract.scale import ScoreScale
from ratecard.contract.steps import SteppedDecision, Steps

__all__ = [
    "Amount",
    "Boolean",
    "Category",
    "Choice",
    "Decision",
    "Feature",
    "Integer",
    "ModelContract",
    "Number",
    "Output",
    "Points",
    "PointsDecision",
    "Probability",
    "Quantity",
    "Ratio",
    "Reason",
    "Row",
    "ScoreScale",
    "Scored",
    "SteppedDecision",
    "Steps",
    "Text",
]
