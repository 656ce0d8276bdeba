"""Card and `measured.json` of a model that chooses a class of a text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ratecard.contract import ModelContract
from ratecard_workbench.training.blocks import write_data
from ratecard_workbench.training.card import format_interval, format_published, format_rate, format_table
from ratecard_workbench.training.classes import (
    CLASS_FIGURES,
    ClassRow,
    compute_class_bootstrap,
    compute_class_table,
    compute_confusion,
)
from ratecard_workbench.training.intervals import Interval
from ratecard_workbench.training.layout import CardText, compose_card
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.measured import round_floats
from ratecard_workbench.training.published import Published
from ratecard_workbench.training.text_classifiers import TextComparisonRow
from ratecard_workbench.training.texts import Texts, TrainedText
from ratecard_workbench.training.trained import count_rows

BOOTSTRAP_SEED = 351


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStudy:
    """What was measured of a model of texts.

    Attributes
    ----------
    protocol : str
        On which texts, in words.
    counts : mapping of str to int
        Development and holdout texts.
    figures : mapping of str to mapping of str to Interval
        `classes.CLASS_FIGURES` by the texts they are of: "holdout" where there is one, and "out_of_fold".
    classes : sequence of ClassRow
        On the holdout, or out of fold without one.
    confusion : sequence of sequence of int
        True class by likeliest class, on the same texts.
    comparison : sequence of TextComparisonRow
        The model and its alternatives.
    published : sequence of Published
        What others published.
    facts : mapping of str to JSON value
        What else `measured.json` states.
    """

    protocol: str
    counts: Mapping[str, int]
    figures: Mapping[str, Mapping[str, Interval]]
    classes: Sequence[ClassRow]
    confusion: Sequence[Sequence[int]]
    comparison: Sequence[TextComparisonRow]
    published: Sequence[Published] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def unseen(self) -> Mapping[str, Interval]:
        """Figures on the holdout, or out of fold without one."""
        return self.figures.get("holdout", self.figures["out_of_fold"])


def compute_text_study(
    trained: TrainedText[Model],
    texts: Texts,
    protocol: str,
    comparison: Sequence[TextComparisonRow],
    *,
    published: Sequence[Published] = (),
    facts: Mapping[str, object] | None = None,
    show: bool = False,
) -> TextStudy:
    """Compute every table of the report from the scores that `train_texts` kept."""
    parts = {"holdout": trained.split.test, "out_of_fold": trained.split.train}
    probabilities = trained.probabilities
    rows = trained.split.test if trained.split.test.size else trained.split.train
    return TextStudy(
        protocol=protocol,
        counts=count_rows(trained.split),
        figures={
            name: compute_class_bootstrap(probabilities[part], texts.classes[part], seed=BOOTSTRAP_SEED, show=show)
            for name, part in parts.items()
            if part.size
        },
        classes=compute_class_table(texts.names, probabilities[rows], texts.classes[rows]),
        confusion=compute_confusion(probabilities[rows], texts.classes[rows]).tolist(),
        comparison=comparison,
        published=published,
        facts=facts or {},
    )


def compute_text_headline(trained: TrainedText[Model], texts: Texts) -> dict[str, object]:
    """Return the manifest's figures: of the shipped model on the holdout, or of the procedure out of fold."""
    rows = trained.split.test if trained.split.test.size else trained.split.train
    probabilities, classes = trained.probabilities[rows], texts.classes[rows]
    name = "holdout" if trained.split.test.size else "out_of_fold"
    figures = {figure: round(compute(probabilities, classes), 6) for figure, compute in CLASS_FIGURES.items()}
    return {"rows": count_rows(trained.split), name: figures}


def describe_text_study(study: TextStudy) -> dict[str, object]:
    """Return everything as JSON values, floats rounded to six decimals."""
    described: dict[str, object] = {
        **study.facts,
        "rows": dict(study.counts),
        "protocol": study.protocol,
        "measured": {name: {key: asdict(value) for key, value in part.items()} for name, part in study.figures.items()},
        "classes": [asdict(row) for row in study.classes],
        "confusion": [list(row) for row in study.confusion],
        "comparison": [asdict(row) for row in study.comparison],
        "published": [asdict(row) for row in study.published],
    }
    return {name: round_floats(value) for name, value in described.items()}


def render_text_card(study: TextStudy, contract: ModelContract, text: CardText) -> str:
    """Return the whole card; see `layout` for the model's own text."""
    tables = {
        "Data": write_data(text.data_sets),
        "Discrimination and calibration": _write_figures(study),
        "Published scores": format_published(study.published, study.unseen) if study.published else "",
        "Alternatives, on the same folds": _write_comparison(study),
    }
    values = {
        "development": f"{study.counts['development']:,}",
        "holdout": f"{study.counts['holdout']:,}",
        "protocol": study.protocol,
        "accuracy": format_interval(study.unseen["accuracy"]),
        "macro_recall": format_interval(study.unseen["macro_recall"]),
    }
    return compose_card(contract, text.path, tables, {**values, **text.values})


def _write_figures(study: TextStudy) -> str:
    headings = [name.replace("_", " ") for name in study.figures]
    names = list(study.unseen)
    figures = format_table(
        ("figure", *(f"{heading} [95 %]" for heading in headings)),
        [(name.replace("_", " "), *(format_interval(part[name]) for part in study.figures.values())) for name in names],
    )
    classes = format_table(
        ("class", "texts", "recall [95 %]", "precision [95 %]"),
        [(row.name, f"{row.rows:,}", format_rate(row.recall), format_rate(row.precision)) for row in study.classes],
    )
    confusion = format_table(
        ("true class, called", *(row.name for row in study.classes)),
        [
            (row.name, *(f"{count:,}" for count in counts))
            for row, counts in zip(study.classes, study.confusion, strict=True)
        ],
    )
    about = (
        f"Protocol: {study.protocol}. Bootstrap intervals, drawn within the classes. Macro recall is the accuracy on "
        "texts with as many of each class."
    )
    return "\n\n".join((about, figures, classes, confusion))


def _write_comparison(study: TextStudy) -> str:
    rows = [
        (
            row.name,
            format_interval(row.accuracy),
            "" if row.difference is None else format_interval(row.difference),
            format_interval(row.macro_recall),
            format_interval(row.macro_f1),
        )
        for row in study.comparison
    ]
    table = format_table(("procedure", "accuracy [95 %]", "less the model", "macro recall", "macro F1"), rows)
    better = [row.name for row in study.comparison if row.difference and row.difference.lower > 0]
    said = f"Better beyond the interval: {', '.join(better)}." if better else "None is better beyond its interval."
    about = "All on the same words, folds and weights, untuned; the difference is of paired proportions."
    return f"{table}\n\n{about} {said}"
