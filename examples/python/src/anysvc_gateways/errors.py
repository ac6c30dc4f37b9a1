"""What can go wrong. The names are those that callers know from the days when s6 was the only manager."""

from __future__ import annotations

PREFIX = "gateway-"


def profile_of(service: str) -> str:
    """The profile as its user calls it."""
    return service.removeprefix(PREFIX)


class S6Error(RuntimeError):
    """Something about a service went wrong."""

    def __init__(self, message: str, *, service: str | None = None) -> None:
        super().__init__(message)
        self.service = service
        self.profile = None if service is None else profile_of(service)


class GatewayNotRegisteredError(S6Error):
    """There is no such gateway. Nothing was done."""

    def __init__(self, profile: str, hint: str | None = None) -> None:
        way = f": {hint}" if hint else ""
        super().__init__(f"there is no gateway {profile!r}{way}", service=f"{PREFIX}{profile}")


class GatewayAlreadyRegisteredError(S6Error, ValueError):
    """It is there already, and was left as it is."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"the gateway {profile!r} is already registered", service=f"{PREFIX}{profile}")


class S6CommandError(S6Error):
    """anysvc, or the service manager under it, failed."""

    def __init__(self, *, service: str, action: str, returncode: int, stderr: str) -> None:
        said = f": {stderr.strip()}" if stderr.strip() else ""
        super().__init__(f"{action} of {service!r} failed (exit code {returncode}){said}", service=service)
        self.action = action
        self.returncode = returncode
        self.stderr = stderr


class S6TimeoutError(S6CommandError):
    """It was not done in time. What was begun may go on."""
