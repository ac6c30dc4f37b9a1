"""A place where `anysvc` runs, with the application of examples/profile-gateway in GATEWAY_APP.

    GATEWAY_APP=/opt/profile-gateway SERVICE_MANAGER=s6 pytest
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anysvc_gateways import ServiceManager, get_service_manager


def anysvc(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["anysvc", *args], capture_output=True, text=True)


class Place:
    """The application's data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def profile(self, name: str, config: str = '{"greeting": "hello"}') -> None:
        folder = self.data / "profiles" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(config)

    def status(self, name: str) -> dict[str, object]:
        services = json.loads(anysvc("status", name, "--json").stdout)["services"]
        return dict(services[0])

    def pid(self, name: str) -> int:
        pid = self.status(name)["pid"]
        assert isinstance(pid, int), f"{name} does not run"
        return pid

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, f"waited in vain until {what}"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The template is stored, and nothing is registered."""
    app = Path(os.environ["GATEWAY_APP"])
    (tmp_path / "profiles").mkdir()
    text = (app / "gateway.toml").read_text().replace('"/data', f'"{tmp_path}')
    spec = tmp_path / "gateway.toml"
    # Its dashboard is another story.
    spec.write_text(text.replace("/opt/profile-gateway", os.fspath(app)).split("# Opt-in")[0])
    stored = anysvc("register", "--file", os.fspath(spec))
    assert stored.returncode == 0, stored.stderr
    yield Place(tmp_path)
    assert anysvc("unregister", "--all").returncode == 0
    assert anysvc("template", "remove", "gateway").returncode == 0


@pytest.fixture
def manager(place: Place) -> ServiceManager:
    return get_service_manager()
