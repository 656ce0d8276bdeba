"""What every recipe does beside learning: find its model's folder, take options, report, write.

A recipe is `functions/models/<model>/training/recipe.py`. It begins with `FOLDER = open_folder(__file__)`, which puts
the model's package and the recipe's folder on the path, and ends with `main = recipe_command(FOLDER, run)`.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from ratecard.contract import ModelContract
from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import RatecardError
from ratecard_workbench.training.artifact import Provenance, Release, write_json
from ratecard_workbench.training.card import format_interval
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.layout import CardText, render_card
from ratecard_workbench.training.learner import Model
from ratecard_workbench.training.measured import describe
from ratecard_workbench.training.platt import Platt
from ratecard_workbench.training.sentences import name_figure
from ratecard_workbench.training.study import Study, compute_measured
from ratecard_workbench.training.table import Table


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where a model lies.

    Attributes
    ----------
    model : Path
        Its folder, for example functions/models/credit_rating.
    repository : Path
        The project.
    """

    model: Path
    repository: Path

    @property
    def training(self) -> Path:
        """The recipe's folder."""
        return self.model / "training"

    @property
    def recipe(self) -> Path:
        """The recipe's file."""
        return self.training / "recipe.py"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a recipe.

    Attributes
    ----------
    folder : ModelFolder
        Where the recipe lies.
    target : Path
        Folder to write to, laid out as the model's own.
    rows : int or None
        Most rows to use: for trying the recipe itself.
    artifact_only : bool
        Whether measurements and card are left out.
    show : bool
        Whether to draw progress bars on stderr.
    """

    folder: ModelFolder
    target: Path
    rows: int | None
    artifact_only: bool
    show: bool

    def limit(self, table: Table) -> Table:
        """Return the table's first rows, as many as the run uses."""
        return {name: values[: self.rows] for name, values in table.items()}

    def release(
        self,
        contract: ModelContract,
        *,
        calibration: Platt,
        metrics: Mapping[str, object],
        data_sha256: str,
        checked_on: NDArray[np.float64],
    ) -> Release:
        """Return what an export needs beside the model; fields as in `Release`."""
        return Release(
            contract=contract,
            folder=self.target / "src" / self.folder.model.name / "artifact",
            calibration=calibration,
            metrics=metrics,
            provenance=Provenance(self.folder.recipe, self.folder.repository, data_sha256),
            checked_on=checked_on,
        )

    def store_report(self, study: Study[Model], contract: ModelContract, text: CardText, *, draws: int = 200) -> None:
        """Measure, write `training/measured.json` and `MODEL_CARD.md`, and say the headline figures.

        Parameters
        ----------
        study, contract, text
            What was found, and what the card says of it.
        draws : int
            Samples of each bootstrap; fewer where rows are many.

        Raises
        ------
        ReportError
            If the measurements contradict what the contract promises, or the card lacks a section.
        """
        measured = compute_measured(study, draws=draws, show=self.show)
        card = render_card(study, measured, contract, text)
        self.store(card, describe(study, measured, contract))
        auc = measured.cross_validated_auc or measured.pooled_auc
        click.echo(f"AUC by the protocol ({study.protocol.about}): {format_interval(auc, 4)}")
        place = "holdout" if measured.holdout else "out of fold"
        for name, value in measured.unseen.items():
            click.echo(f"{place} {name_figure(name)} {format_interval(value, 4)}")

    def store(self, card: str, measured: Mapping[str, object]) -> None:
        """Write the card and what was measured."""
        (self.target / "training").mkdir(parents=True, exist_ok=True)
        (self.target / "training" / "measured.json").write_bytes(write_json(measured))
        (self.target / "MODEL_CARD.md").write_text(card, encoding="utf-8")


def open_folder(recipe: str) -> ModelFolder:
    """Find the model that a recipe belongs to and make its package and the recipe's modules importable.

    Neither the model nor its recipe is installed: the one is deployed from its folder, the other is only ever run.

    Parameters
    ----------
    recipe : str
        The recipe's `__file__`, functions/models/<model>/training/recipe.py.
    """
    training = Path(recipe).resolve().parent
    sys.path[:0] = [str(training.parent / "src"), str(training)]
    return ModelFolder(training.parent, training.parents[3])


def digest_files(data_set: DataSet, *names: str) -> str:
    """Return one digest of the files that a model was trained on.

    That of the file itself if there is one; else of the lines "digest, two spaces, name" in the order given.
    """
    used = names or tuple(data_set.files)
    if len(used) == 1:
        return data_set.files[used[0]]
    return sha256_hex("".join(f"{data_set.files[name]}  {name}\n" for name in used).encode())


def recipe_command(folder: ModelFolder, run: Callable[[Run], None]) -> click.Command:
    """Return the command line of a recipe, with `run` as its work.

    Parameters
    ----------
    folder : ModelFolder
        From `open_folder`.
    run : callable
        The recipe; its docstring is the command's help.
    """

    def call(target: Path, rows: int | None, artifact_only: bool, quiet: bool) -> None:
        try:
            run(Run(folder, target, rows, artifact_only, not quiet))
        except RatecardError as error:
            raise click.ClickException(error.detail) from error

    path = click.Path(path_type=Path)
    return click.Command(
        folder.model.name,
        callback=call,
        help=run.__doc__,
        params=[
            click.Option(
                ["--artifact-only"], is_flag=True, help="Write the artifact, not the measurements and the card."
            ),
            click.Option(
                ["--rows"], type=click.IntRange(min=500), help="Use only so many rows: for trying the recipe."
            ),
            click.Option(["--target"], type=path, default=folder.model, help="Folder to write to, as the model's own."),
            click.Option(["--quiet"], is_flag=True, help="No progress bars."),
        ],
    )
