"""One gateway a profile, on whatever service manager runs, by `anysvc --json`.

    from anysvc_gateways import get_service_manager

    manager = get_service_manager()
    manager.register_profile_gateway("coder", extra_env={"COLOUR": "blue"})
    manager.is_running("gateway-coder")
    manager.list_profile_gateways()
"""

from .errors import (
    GatewayAlreadyRegisteredError,
    GatewayNotRegisteredError,
    S6CommandError,
    S6Error,
    S6TimeoutError,
)
from .manager import (
    AnysvcManager,
    ServiceManager,
    ServiceManagerKind,
    detect_service_manager,
    get_service_manager,
    validate_profile_name,
)

__all__ = [
    "AnysvcManager",
    "GatewayAlreadyRegisteredError",
    "GatewayNotRegisteredError",
    "S6CommandError",
    "S6Error",
    "S6TimeoutError",
    "ServiceManager",
    "ServiceManagerKind",
    "detect_service_manager",
    "get_service_manager",
    "validate_profile_name",
]
