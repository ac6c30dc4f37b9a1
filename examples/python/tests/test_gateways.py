"""The protocol, with a real application on a real service manager."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import Place, anysvc

from anysvc_gateways import (
    GatewayAlreadyRegisteredError,
    GatewayNotRegisteredError,
    S6CommandError,
    S6Error,
    ServiceManager,
    detect_service_manager,
    validate_profile_name,
)


def test_the_manager_is_the_one_that_runs_here(manager: ServiceManager) -> None:
    assert detect_service_manager() == manager.kind == os.environ["SERVICE_MANAGER"]
    assert isinstance(manager, ServiceManager)
    assert manager.supports_runtime_registration()


@pytest.mark.parametrize("name", ["coder", "0", "a-b_c", "x" * 232])
def test_names_that_a_profile_can_have(name: str) -> None:
    validate_profile_name(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "Coder", "a b", "../x", "a/b", "a\n", "ä", "x" * 233])
def test_names_that_no_profile_can_have(manager: ServiceManager, name: str) -> None:
    with pytest.raises(ValueError, match="name of a profile"):
        validate_profile_name(name)
    with pytest.raises(ValueError, match="name of a profile"):
        manager.register_profile_gateway(name)


def test_a_gateway_is_registered_and_runs_with_what_is_added(manager: ServiceManager, place: Place) -> None:
    place.profile("coder")
    assert manager.list_profile_gateways() == []
    extra = {"COLOUR": "light 'blue'\n$HOME", "PATH": "/usr/bin:/bin:/extra", "EMPTY": ""}
    manager.register_profile_gateway("coder", extra_env=extra)
    assert manager.is_running("gateway-coder")
    assert manager.list_profile_gateways() == ["coder"]
    environment = Path(f"/proc/{place.pid('gateway-coder')}/environ").read_text().split("\0")
    for name, value in extra.items():
        assert f"{name}={value}" in environment
    asked = subprocess.run(
        [f"{os.environ['GATEWAY_APP']}/gateway", "ask", "coder"],
        env={**os.environ, "GATEWAY_HOME": os.fspath(place.data)},
        capture_output=True,
        text=True,
    )
    assert '"greeting": "hello"' in asked.stdout, asked.stderr


def test_a_gateway_can_wait_to_be_started(manager: ServiceManager, place: Place) -> None:
    place.profile("coder")
    manager.register_profile_gateway("coder", start_now=False)
    assert not manager.is_running("gateway-coder")
    assert manager.list_profile_gateways() == ["coder"]
    manager.start("gateway-coder")
    first = place.pid("gateway-coder")
    manager.start("gateway-coder")
    assert place.pid("gateway-coder") == first
    manager.restart("gateway-coder")
    assert place.pid("gateway-coder") != first
    manager.stop("gateway-coder")
    manager.stop("gateway-coder")
    assert not manager.is_running("gateway-coder")
    manager.restart("gateway-coder")
    assert manager.is_running("gateway-coder")


def test_registering_twice_leaves_the_first_untouched(manager: ServiceManager, place: Place) -> None:
    place.profile("coder")
    manager.register_profile_gateway("coder")
    first = place.pid("gateway-coder")
    with pytest.raises(GatewayAlreadyRegisteredError) as raised:
        manager.register_profile_gateway("coder", extra_env={"COLOUR": "red"})
    assert isinstance(raised.value, (S6Error, ValueError)) and raised.value.profile == "coder"
    assert place.pid("gateway-coder") == first


def test_what_is_unregistered_is_gone_and_absent_is_fine(manager: ServiceManager, place: Place) -> None:
    for name in ("coder", "writer"):
        place.profile(name)
        manager.register_profile_gateway(name)
    pid = place.pid("gateway-coder")
    manager.unregister_profile_gateway("coder")
    manager.unregister_profile_gateway("coder")
    assert not Path(f"/proc/{pid}").exists()
    assert manager.list_profile_gateways() == ["writer"]
    assert manager.is_running("gateway-writer")
    manager.register_profile_gateway("coder")
    assert manager.is_running("gateway-coder")


def test_default_has_a_command_of_its_own(manager: ServiceManager, place: Place) -> None:
    place.profile("default")
    manager.register_profile_gateway("default")
    words = Path(f"/proc/{place.pid('gateway-default')}/cmdline").read_text().split("\0")
    assert words[2:] == ["serve", ""]


def test_a_profile_on_disk_need_not_be_registered(manager: ServiceManager, place: Place) -> None:
    place.profile("writer")
    manager.start("gateway-writer")
    assert manager.is_running("gateway-writer")
    assert manager.list_profile_gateways() == ["writer"]


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_acting_on_what_does_not_exist_is_its_own_error(manager: ServiceManager, verb: str) -> None:
    with pytest.raises(GatewayNotRegisteredError) as raised:
        getattr(manager, verb)("gateway-typo")
    assert (raised.value.profile, raised.value.service) == ("typo", "gateway-typo")
    assert "'typo'" in str(raised.value)
    assert not manager.is_running("gateway-typo")


def test_a_gateway_that_cannot_work_says_why(manager: ServiceManager, place: Place) -> None:
    place.profile("broken", config="no json")
    with pytest.raises(S6CommandError) as raised:
        manager.register_profile_gateway("broken")
    error = raised.value
    assert (error.service, error.profile) == ("gateway-broken", "broken")
    assert (error.action, error.returncode) == ("register", 11)
    assert "config.json: JSONDecodeError" in error.stderr
    assert "exit code 78" in str(error)
    # It is registered all the same, and not tried again.
    assert manager.list_profile_gateways() == ["broken"]
    place.until("it has failed for good", lambda: place.status("gateway-broken")["state"] == "failed")


def test_a_gateway_that_crashes_comes_back_and_one_that_was_stopped_does_not(
    manager: ServiceManager, place: Place
) -> None:
    for name in ("coder", "writer"):
        place.profile(name)
        manager.register_profile_gateway(name)
    manager.stop("gateway-writer")
    first = place.pid("gateway-coder")
    os.kill(first, signal.SIGKILL)
    place.until("it is back", lambda: place.status("gateway-coder")["pid"] not in (first, None))
    assert manager.is_running("gateway-coder")
    assert anysvc("reconcile").returncode == 0
    assert not manager.is_running("gateway-writer")
