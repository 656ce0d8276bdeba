"""Stores of both kinds, for the function of batches."""

import contextlib

import pytest
from moto import mock_aws
from support.batch_stores import in_aws, in_folder


@pytest.fixture(params=["folder", "aws"], scope="module")
def where(request, tmp_path_factory, repository):
    """Both kinds of stores."""
    book = str(repository / "infra/ratecard.toml")
    with contextlib.ExitStack() as stack:
        if request.param == "aws":
            stack.enter_context(mock_aws())
            yield in_aws(stack.enter_context(pytest.MonkeyPatch.context()), book)
        else:
            yield in_folder(tmp_path_factory.mktemp("home"), book)
