"""Running anysvc: one command, one document."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from .errors import S6CommandError, S6Error, S6TimeoutError

# Variables that anysvc, or what loads it, reads itself: these are not for handing values through.
_OWN = re.compile(r"PATH|HOME|LANG|TERM|TZ|NO_COLOR|(ANYSVC|XDG|LD|LC|RUST|GLIBC|MALLOC|GCONV|LOCPATH).*")
# anysvc ends by itself; this is for when it does not.
_GRACE = 30.0
_TIMED_OUT = 10


@dataclass(frozen=True)
class Answer:
    """How a command ended, and its document."""

    code: int
    document: dict[str, Any]
    stderr: str

    def services(self) -> list[dict[str, Any]]:
        return list(self.document.get("services", []))

    def error(self) -> dict[str, Any]:
        """What failed: the command, or the first of its services. Empty where nothing did."""
        errors = [self.document.get("error")] + [service.get("error") for service in self.services()]
        return next((error for error in errors if error), {})

    def kind(self) -> str | None:
        """The word for what failed."""
        return self.error().get("kind")

    def complaint(self) -> str:
        """All that is known of why it failed."""
        error = self.error()
        parts = [error.get("message"), error.get("stderr"), error.get("hint")]
        return "\n".join(part.strip() for part in parts if part) or self.stderr


@dataclass(frozen=True)
class Anysvc:
    """The program, and how long a command of it may take."""

    program: str = "anysvc"
    timeout: float = 60.0

    def run(self, action: str, *args: str, service: str = "", env: dict[str, str] | None = None) -> Answer:
        """Runs a command to its end. Values in `env` do not show on its command line.

        Raises S6TimeoutError when it took too long, S6Error where there is no anysvc, S6CommandError where
        it does not answer as it should.
        """
        handed = {name: value for name, value in (env or {}).items() if not _OWN.fullmatch(name)}
        plain = [f"{name}={value}" for name, value in (env or {}).items() if name not in handed]
        variables = [word for name in [*handed, *plain] for word in ("--env", name)]
        command = [self.program, "--json", "--timeout", f"{round(self.timeout * 1000)}ms", action, *args, *variables]
        try:
            ended = subprocess.run(
                command,
                env={**os.environ, **handed},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.timeout + _GRACE,
            )
        except subprocess.TimeoutExpired as error:
            said = f"`{self.program}` did not end within {error.timeout:g} s"
            raise S6TimeoutError(service=service, action=action, returncode=_TIMED_OUT, stderr=said) from error
        except OSError as error:
            raise S6Error(f"{self.program} cannot be run: {error}", service=service or None) from error
        try:
            document = json.loads(ended.stdout)
        except ValueError as error:
            stderr = ended.stderr or f"`{self.program}` printed no JSON document"
            raise S6CommandError(
                service=service, action=action, returncode=ended.returncode, stderr=stderr
            ) from error
        return Answer(ended.returncode, document if isinstance(document, dict) else {}, ended.stderr)
