"""The models of a project: which function answers for which slug."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ratecard.kernel.errors import NotFoundError
from ratecard_workbench.local.application import FunctionSpec
from ratecard_workbench.local.openapi import LambdaIntegration, MockIntegration
from ratecard_workbench.local.platform import Project

_MODEL_ROUTE = re.compile(r"/v\d+/models/([a-z0-9-]+)(?:/.*)?")
LISTING = "/v1/models"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model as the project publishes it.

    Attributes
    ----------
    slug, version, title : str
        As in its contract; version and title are empty where the API does not describe them.
    function : FunctionSpec
        Answers calls.
    batch : FunctionSpec or None
        Scores files.
    routes : tuple of str
        Method and path of each route.
    """

    slug: str
    version: str
    title: str
    function: FunctionSpec
    batch: FunctionSpec | None
    routes: tuple[str, ...]


def list_models(project: Project) -> tuple[PublishedModel, ...]:
    """Return the models that have a route which a function answers, in the order of the API."""
    described = _described(project)
    routes: dict[str, list[str]] = {}
    functions: dict[str, str] = {}
    for route in project.definition.routes:
        match = _MODEL_ROUTE.fullmatch(route.resource)
        if match is None:
            continue
        if isinstance(route.integration, LambdaIntegration):
            functions.setdefault(match.group(1), route.integration.function)
        routes.setdefault(match.group(1), []).append(f"{route.method} {route.resource}")
    return tuple(
        PublishedModel(
            slug=slug,
            version=described.get(slug, {}).get("version", ""),
            title=described.get(slug, {}).get("title", ""),
            function=project.application.functions[name],
            batch=_find_batch(project, slug),
            routes=tuple(routes[slug]),
        )
        for slug, name in functions.items()
    )


def get_model(project: Project, slug: str) -> PublishedModel:
    """Return one model.

    Raises
    ------
    NotFoundError
        If the project publishes no such model.
    """
    models = {model.slug: model for model in list_models(project)}
    if slug not in models:
        raise NotFoundError(f"there is no model {slug}; the models are: {', '.join(models) or 'none'}")
    return models[slug]


def _find_batch(project: Project, slug: str) -> FunctionSpec | None:
    for function in project.application.functions.values():
        if function.arrivals is not None and function.arrivals.take(f"inbox/customer/{slug}/file.csv"):
            return function
    return None


def _described(project: Project) -> dict[str, dict[str, str]]:
    """Read the API's own listing of models, which it answers without a function."""
    for route in project.definition.routes:
        if route.resource == LISTING and isinstance(route.integration, MockIntegration):
            listing = json.loads(route.integration.body.render({}))
            models = listing.get("models", [])
            return {entry["model"]: entry for entry in models if isinstance(entry, dict)}
    return {}
