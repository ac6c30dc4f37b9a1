"""What is made of an anysvc that does not answer as it should. No service manager is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anysvc_gateways import AnysvcManager, S6CommandError, S6Error, S6TimeoutError, detect_service_manager
from anysvc_gateways.command import Anysvc


def fake(folder: Path, script: str, timeout: float = 5.0) -> Anysvc:
    """A program in place of anysvc."""
    program = folder / "anysvc"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Anysvc(str(program), timeout)


def test_no_anysvc_is_said(tmp_path: Path) -> None:
    with pytest.raises(S6Error, match="cannot be run"):
        detect_service_manager(Anysvc(str(tmp_path / "nothing")))


def test_no_service_manager_is_said(tmp_path: Path) -> None:
    document = {"error": {"kind": "no-backend", "message": "none fits", "hint": "install one"}}
    anysvc = fake(tmp_path, f"echo '{json.dumps(document)}'; exit 8")
    with pytest.raises(S6Error, match="none fits\ninstall one"):
        detect_service_manager(anysvc)


@pytest.mark.parametrize("output", ["", "no json", "{"])
def test_an_answer_that_is_no_document_carries_what_was_said(tmp_path: Path, output: str) -> None:
    manager = AnysvcManager("s6", fake(tmp_path, f"echo '{output}'; echo 'it broke' >&2; exit 101"))
    with pytest.raises(S6CommandError) as raised:
        manager.start("gateway-coder")
    error = raised.value
    assert (error.service, error.profile, error.action) == ("gateway-coder", "coder", "start")
    assert (error.returncode, error.stderr) == (101, "it broke\n")


def test_a_refusal_carries_its_code_and_its_reason(tmp_path: Path) -> None:
    error = {"kind": "permission-denied", "message": "not yours", "stderr": "s6-svc: EACCES"}
    document = {"services": [{"name": "gateway-coder", "state": None, "error": error}]}
    manager = AnysvcManager("s6", fake(tmp_path, f"echo '{json.dumps(document)}'; exit 7"))
    for act in (manager.start, manager.is_running, manager.unregister_profile_gateway):
        with pytest.raises(S6CommandError) as raised:
            act("coder")
        assert (raised.value.returncode, raised.value.stderr) == (7, "not yours\ns6-svc: EACCES")


def test_a_timeout_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"services": [{"name": "x", "error": {"kind": "timed-out", "message": "still stopping"}}]}
    manager = AnysvcManager("s6", fake(tmp_path, f"echo '{json.dumps(document)}'; exit 10"))
    with pytest.raises(S6TimeoutError, match="still stopping"):
        manager.stop("gateway-coder")
    monkeypatch.setattr("anysvc_gateways.command._GRACE", 0.1)
    manager = AnysvcManager("s6", fake(tmp_path, "exec sleep 1000", timeout=0.1))
    with pytest.raises(S6TimeoutError, match="did not end within"):
        manager.stop("gateway-coder")


def test_values_are_not_on_the_command_line(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = f"""echo "$@" >{seen}; echo "$API_KEY" >>{seen}; echo '{{"services": []}}'"""
    manager = AnysvcManager("s6", fake(tmp_path, script))
    extra = {"API_KEY": "s3cret", "PATH": "/for/the/gateway", "LD_PRELOAD": "x.so"}
    manager.register_profile_gateway("coder", extra_env=extra)
    command, value = seen.read_text().splitlines()
    assert "s3cret" not in command and value == "s3cret"
    # What anysvc would read itself is not handed through its environment.
    assert command.endswith("--env API_KEY --env PATH=/for/the/gateway --env LD_PRELOAD=x.so")


def test_without_a_template_nothing_is_registered(tmp_path: Path) -> None:
    document = {"error": {"kind": "not-registered", "message": "there is no template `gateway`"}}
    manager = AnysvcManager("s6", fake(tmp_path, f"echo '{json.dumps(document)}'; exit 4"))
    assert manager.list_profile_gateways() == []
    assert not manager.supports_runtime_registration()
    with pytest.raises(S6CommandError, match="there is no template"):
        manager.register_profile_gateway("coder")
