"""One service for all tests of the golden baseline, as it takes a second to start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.project import golden_data, golden_documents
from tests.support.logs import restored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.project.golden_service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve a copy of the newest recorded data folder."""
    copy = tmp_path_factory.mktemp("golden") / "data"
    with golden_data.opened(golden_data.folders()[-1], copy) as live:
        yield live


@pytest.fixture(scope="session")
def shows(service: Service) -> Any:
    """Return what that folder shows before anything else is done with it."""
    return golden_data.shown(service)


@pytest.fixture(scope="session")
def documents(
    service: Service, shows: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return what the scripted session brought, which changes what the folder shows."""
    place = tmp_path_factory.mktemp("documents")
    return golden_documents.documents(service, golden_data.folders()[-1], place)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """Undo what a command does to the logs of this process."""
    with restored():
        yield
