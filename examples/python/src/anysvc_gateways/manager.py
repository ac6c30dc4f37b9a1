"""The service manager as an application sees it: services by name, gateways by profile."""

from __future__ import annotations

import re
from typing import Literal, Protocol, cast, runtime_checkable

from .command import Answer, Anysvc
from .errors import (
    PREFIX,
    GatewayAlreadyRegisteredError,
    GatewayNotRegisteredError,
    S6CommandError,
    S6Error,
    S6TimeoutError,
    profile_of,
)

ServiceManagerKind = Literal["s6", "systemd", "launchd", "windows", "local"]

_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]*")
# A service's name has at most 240 bytes.
_LONGEST = 240 - len(PREFIX)


def validate_profile_name(name: str) -> None:
    """Raises ValueError for what can't be the name of a profile."""
    if not name:
        raise ValueError("the name of a profile must not be empty")
    if len(name) > _LONGEST:
        raise ValueError(f"the name of a profile has at most {_LONGEST} characters, and this one {len(name)}")
    if not _PROFILE.fullmatch(name):
        raise ValueError(f"the name of a profile is like [a-z0-9][a-z0-9_-]*, and not {name!r}")


@runtime_checkable
class ServiceManager(Protocol):
    """What an application needs of a service manager."""

    kind: ServiceManagerKind

    def start(self, name: str) -> None: ...
    def stop(self, name: str) -> None: ...
    def restart(self, name: str) -> None: ...
    def is_running(self, name: str) -> bool: ...
    def supports_runtime_registration(self) -> bool: ...
    def register_profile_gateway(
        self, profile: str, *, extra_env: dict[str, str] | None = None, start_now: bool = True
    ) -> None: ...
    def unregister_profile_gateway(self, profile: str) -> None: ...
    def list_profile_gateways(self) -> list[str]: ...


def detect_service_manager(anysvc: Anysvc = Anysvc()) -> ServiceManagerKind:
    """The service manager that is used here; `local` is anysvc's own, where there is no other."""
    answer = anysvc.run("detect")
    kind = answer.document.get("backend")
    if answer.code != 0 or not isinstance(kind, str):
        raise S6Error(f"no service manager can be used: {answer.complaint()}")
    return cast(ServiceManagerKind, kind)


def get_service_manager(anysvc: Anysvc = Anysvc()) -> ServiceManager:
    """The service manager that is used here."""
    return AnysvcManager(detect_service_manager(anysvc), anysvc)


class AnysvcManager:
    """Any service manager, by anysvc. Gateways are the instances of its template `gateway`."""

    template = "gateway"

    def __init__(self, kind: ServiceManagerKind, anysvc: Anysvc = Anysvc()) -> None:
        self.kind: ServiceManagerKind = kind
        self._anysvc = anysvc

    def start(self, name: str) -> None:
        """Returns when it runs, and is ready. A profile that is on disk need not be registered."""
        self._act("start", name)

    def stop(self, name: str) -> None:
        """Returns when it is down. It stays so, over a restart of the container too."""
        self._act("stop", name)

    def restart(self, name: str) -> None:
        """Ends with it running, also if it did not before."""
        self._act("restart", name)

    def is_running(self, name: str) -> bool:
        """Whether it runs. What is not registered does not."""
        answer = self._anysvc.run("status", name, service=name)
        if answer.kind() not in (None, "not-registered"):
            raise _failure("status", name, answer)
        return any(service.get("state") == "running" for service in answer.services())

    def supports_runtime_registration(self) -> bool:
        """Whether gateways can be registered now: anysvc can on every service manager, from a template."""
        templates = self._anysvc.run("template", "list").document.get("templates", [])
        return any(template.get("name") == self.template for template in templates)

    def register_profile_gateway(
        self, profile: str, *, extra_env: dict[str, str] | None = None, start_now: bool = True
    ) -> None:
        """Creates a gateway, and starts it unless told otherwise. One that dies at once is an S6CommandError
        with the exit code 11, and is registered all the same.
        """
        validate_profile_name(profile)
        down = [] if start_now else ["--down"]
        args = ["--template", self.template, "--instance", profile, *down]
        name = f"{PREFIX}{profile}"
        answer = self._anysvc.run("register", *args, service=name, env=extra_env)
        if answer.kind() == "already-registered":
            raise GatewayAlreadyRegisteredError(profile)
        if answer.code != 0:
            raise _failure("register", name, answer)

    def unregister_profile_gateway(self, profile: str) -> None:
        """Stops and removes a gateway. One that is absent is fine."""
        validate_profile_name(profile)
        name = f"{PREFIX}{profile}"
        answer = self._anysvc.run("unregister", name, service=name)
        if answer.code != 0:
            raise _failure("unregister", name, answer)

    def list_profile_gateways(self) -> list[str]:
        """The profiles whose gateways are registered."""
        answer = self._anysvc.run("list", "--template", self.template)
        if answer.kind() == "not-registered":
            return []
        if answer.code != 0:
            raise _failure("list", f"{PREFIX}*", answer)
        return [str(service["instance"]) for service in answer.services() if service.get("instance")]

    def _act(self, action: str, name: str) -> None:
        answer = self._anysvc.run(action, name, service=name)
        if answer.kind() == "not-registered":
            raise GatewayNotRegisteredError(profile_of(name), answer.error().get("hint"))
        if answer.code != 0:
            raise _failure(action, name, answer)


def _failure(action: str, service: str, answer: Answer) -> S6CommandError:
    kind = S6TimeoutError if answer.kind() == "timed-out" else S6CommandError
    return kind(service=service, action=action, returncode=answer.code, stderr=answer.complaint())
