"""Paths with parameters: found after all constant ones, one step each, and told to the function as API Gateway does."""

import pytest

from ratecard_workbench.local.application import Stage
from ratecard_workbench.local.openapi import LambdaIntegration, Route
from ratecard_workbench.local.router import Router

STAGE = Stage("dev", None, (), None)


def route(resource, method="GET"):
    return Route(method, resource, "abc123", needs_key=True, integration=LambdaIntegration("Account", 9.0))


@pytest.fixture
def router():
    """A list, a constant below it and a parameter beside that."""
    return Router([route("/v1/invoices"), route("/v1/invoices/latest"), route("/v1/invoices/{number}")], STAGE)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/v1/invoices", "/v1/invoices"),
        ("/v1/invoices/latest", "/v1/invoices/latest"),
        ("/v1/invoices/17", "/v1/invoices/{number}"),
        ("/v1/invoices/{number}", "/v1/invoices/{number}"),
        ("/v1/invoices/..", "/v1/invoices/{number}"),
    ],
)
def test_a_constant_path_wins_over_a_parameter(router, path, resource):
    """The parameter takes one step, whatever it holds."""
    assert router.find("GET", path).route.resource == resource


@pytest.mark.parametrize("path", ["/v1/invoices/", "/v1/invoices/1/2", "/v1/invoice/1", "/v1/invoicesX1", "/"])
def test_a_parameter_is_exactly_one_step(router, path):
    """No more and no less; and only by the route's own method."""
    assert router.find("GET", path) is None
    assert router.find("POST", "/v1/invoices/17") is None
