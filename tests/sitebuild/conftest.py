"""What tests of pages share."""

import pytest

from visits import Visit


@pytest.fixture
def visit(chromium, served):
    visits = []

    def start(**options) -> Visit:
        visits.append(Visit(chromium, served, **options))
        return visits[-1]

    yield start
    for one in visits:
        one.context.close()
