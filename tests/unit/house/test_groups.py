"""Tests of one group share a worker: their platform is started once, and they see each other's work."""

import pytest


@pytest.mark.xdist_group("house-groups")
def test_a_group_keeps_its_tests_together(request):
    """pytest-xdist marks the test's name with its group; where it does not, groups are torn apart silently."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("there are no workers to share")

    assert request.node.nodeid.endswith("@house-groups")
