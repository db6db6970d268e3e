"""Both generations of Devin's API, for tests of what they have in common."""

import pytest

from tests.support.raw_http import V1, V3, Wire


@pytest.fixture(params=[V1, V3], ids=["v1", "v3"])
def wire(request: pytest.FixtureRequest) -> Wire:
    """Each generation in turn."""
    found: Wire = request.param
    return found
