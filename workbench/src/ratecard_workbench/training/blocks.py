"""What a model card says of figures, section by section; an empty text where nothing was measured."""

from collections.abc import Sequence

from ratecard_workbench.training.card import (
    format_budgets,
    format_comparison,
    format_decisions,
    format_fairness,
    format_grades,
    format_interval,
    format_published,
    format_segments,
    format_table,
)
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.measured import compute_holdout_shift
from ratecard_workbench.training.sentences import (
    describe_budget,
    describe_comparison,
    describe_decisions,
    describe_fairness,
    describe_grades,
    name_figure,
)
from ratecard_workbench.training.study import Measured, Study


def write_data(data_sets: Sequence[tuple[DataSet, tuple[str, ...]]]) -> str:
    """Name each data set with its licence and the digests of the files used."""
    return "\n\n".join(
        f"{data_set.title}, {data_set.publisher} ({data_set.address}), {data_set.licence}. {data_set.citation}\n"
        "The files are taken as the catalogue `ratecard_workbench/training/catalogue.toml` names them: "
        + "; ".join(f"`{name}`, SHA-256 `{data_set.files[name]}`" for name in used)
        + "."
        for data_set, used in data_sets
    )


def write_budgets(study: Study[Model]) -> str:
    """Say what each tree budget gives."""
    trees = study.facts.get("trees")
    if not study.budgets or not isinstance(trees, int):
        return ""
    return (
        "Every tree costs time at each cold start and in each explanation. Means over the folds of the first "
        "repeat:\n\n"
        f"{format_budgets(study.budgets)}\n\n{describe_budget(study.budgets, trees)}"
    )


def write_discrimination(study: Study[Model], measured: Measured) -> str:
    """Say how the procedure did by its protocol, and the shipped model on rows it had not seen."""
    return f"{_describe_protocol(study, measured)}\n\n{_describe_figures(measured)}"


def _describe_protocol(study: Study[Model], measured: Measured) -> str:
    cross, tested = measured.cross_validated_auc, study.found.tested.size
    if cross is None:
        return (
            f"**AUC {format_interval(measured.pooled_auc, 4)}** by the protocol: {study.protocol.about}; {tested:,} "
            "rows tested, "
            "DeLong interval."
        )
    return (
        f"**Cross-validated AUC {format_interval(cross, 4)}** ({study.protocol.about}, {tested:,} rows, every choice "
        "made from "
        "data inside each fold; interval of the corrected resampled t-test, Nadeau & Bengio 2003, which knows that "
        "folds share "
        f"rows). The AUC of the averaged out-of-fold margins is {format_interval(measured.pooled_auc, 4)} (DeLong)."
    )


def _describe_figures(measured: Measured) -> str:
    columns = [measured.all_rows] if measured.holdout is None else [measured.holdout, measured.all_rows]
    headings = ("all rows [95 %]",) if measured.holdout is None else ("holdout [95 %]", "all rows [95 %]")
    about = (
        "The procedure with its calibration on out-of-fold margins of all rows: the rows are too few to set some aside."
        if measured.holdout is None
        else "The shipped model and its calibration, on rows they have not seen: the holdout, and all rows "
        "(out-of-fold margins "
        "for development rows, the shipped model's for the holdout)."
    )
    rows = [(name_figure(name), *(format_interval(column[name]) for column in columns)) for name in measured.all_rows]
    return (
        f"{about} Bootstrap intervals, drawn within the outcomes; KS and the calibration error are larger in "
        "resamples by their "
        f"nature, so their intervals lie high.\n\n{format_table(('figure', *headings), rows)}"
    )


def write_published(study: Study[Model], measured: Measured) -> str:
    """Set published figures beside the model's own."""
    if not study.published:
        return ""
    auc = measured.cross_validated_auc or measured.pooled_auc
    ours = {**measured.unseen, "auc": auc}
    return format_published(study.published, ours)


def write_alternatives(study: Study[Model]) -> str:
    """Write the table of alternatives."""
    return (
        f"{format_comparison(study.comparison)}\n\n"
        'First repeat of the protocol, out of sample. "Less the model" is the difference in AUC on the same rows '
        "(DeLong). Brier "
        f"after a Platt line of its own for each. {describe_comparison(study.comparison)}"
    )


def write_decisions(study: Study[Model], measured: Measured) -> str:
    """Write grades and decisions."""
    parts = []
    if measured.grades:
        parts += ["Grades, all rows, each scored by a model that had not seen it:", format_grades(measured.grades)]
        if measured.grades_holdout:
            parts += ["On the holdout alone:", format_grades(measured.grades_holdout)]
        parts.append(
            f"{describe_grades(measured)} Jeffreys p is the chance that the true rate is at most the predicted one; "
            "below 0.05 "
            "the grade's prediction would be called too low."
        )
    parts += [format_decisions(measured.decisions), describe_decisions(measured.decisions)]
    return "\n\n".join(parts)


def write_costs(study: Study[Model], measured: Measured) -> str:
    """Say what errors cost with and without the model."""
    costs, row = study.rules.costs, measured.costs
    if costs is None or row is None:
        return ""
    return (
        f"A missed event costs {costs.missed_event:g}, a false alarm {costs.false_alarm:g} ({costs.source}): acting "
        "is cheaper "
        f"above a probability of {row.threshold:.3f}. Mean cost of a row, out of sample: {row.at_threshold:.3f} "
        "acting above it, "
        f"{row.by_decisions:.3f} by the model's decisions, {row.without_model:.3f} without a model."
    )


def write_segments(measured: Measured) -> str:
    """Write the table of segments."""
    if not measured.segments:
        return ""
    about = "Out of sample, all rows. No AUC where a segment has too few rows of either outcome."
    return f"{about}\n\n{format_segments(measured.segments)}"


def write_fairness(study: Study[Model], measured: Measured) -> str:
    """Compare groups; empty where the data has no protected attributes, and then the model's own text says so."""
    if not measured.fairness:
        return ""
    favourable = " or ".join(study.rules.favourable)
    return (
        f"Out of sample, all rows. Reference: the group with the largest share of `{favourable}` among those with at "
        "least 5 % of "
        "the rows. Impact ratio: that share over the reference's; below 0.80 is the four-fifths screen (29 CFR "
        "1607.4(D)), a "
        "place to look and not a safe harbour. Gap: the share among those without the event, less the reference's, in "
        "percentage "
        f"points.\n\n{format_fairness(measured.fairness, favourable)}\n\n{describe_fairness(measured.fairness)}"
    )


def write_stability(study: Study[Model]) -> str:
    """Say what drift is measured against, and when to act."""
    shift = compute_holdout_shift(study)
    found = (
        ""
        if shift is None
        else f" Development against holdout: population stability index of the score {shift.index:.4f} (p = "
        f"{shift.p_value:.2f})."
    )
    return (
        f"Baseline bins of the score and of every column are in `training/measured.json`.{found} Watch score and "
        "columns monthly, "
        "before outcomes are known: below 0.10 stable, 0.10 to 0.25 investigate, from 0.25 act, with the p-value "
        "beside it. When "
        "outcomes mature: AUC and event rate per grade or decision, against the intervals above."
    )
