"""What the comparison's model takes and gives: 24 numbers in, one probability out."""

from __future__ import annotations

from ratecard.contract import ModelContract, Number, Probability

CONTRACT = ModelContract(
    slug="bench-rows",
    version="1.0.0",
    title="Benchmark rows",
    about="A model on generated rows, for comparing servers.",
    features=tuple(
        Number(
            f"feature_{place:02d}",
            unit="standard deviations",
            minimum=-10,
            maximum=10,
            about=f"Generated number {place} of 24.",
            sample=round(place / 12 - 1, 4),
        )
        for place in range(1, 25)
    ),
    outputs=(Probability("probability_of_default", about="Chance of the generated event."),),
)
