"""Whether a W&B run can be online, decided before W&B is even imported: it would ask for a key, or wait for a network.

Reads what the `wandb` command writes (netrc, its settings files) and its environment variables; never shows a key.
"""

import configparser
import netrc
import os
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sweeplab.errors import ConfigFault

MODES = ("auto", "online", "offline", "disabled")

# W&B's own names for modes, in WANDB_MODE and in its settings files.
_WANDB_MODES = {"online": "online", "shared": "online", "run": "online", "offline": "offline", "dryrun": "offline"}
_WANDB_MODES["disabled"] = "disabled"
_PUBLIC_SERVERS = ("https://api.wandb.ai", "https://api.forge.coreweave.com")  # one service; wandb moved between them


@dataclass(frozen=True)
class Decision:
    """The mode of every run of a sweep, and why."""

    mode: str  # online | offline | disabled
    reason: str


def decide(mode: str, *, connect_timeout_s: float) -> Decision:
    """The mode that a configured mode comes to, on this machine and now.

    Raises:
        ConfigFault: no such mode, in the configuration or in WANDB_MODE.
    """
    wanted, reason = _wanted(mode)
    if wanted != "online":
        return Decision(wanted, reason)
    key = find_key()
    if key is None:
        return Decision("offline", "no key found; `wandb login` stores one")
    if not any(_answers(server, connect_timeout_s) for server in _servers()):
        return Decision("offline", f"key in {key}, but no connection to {_hosts()} within {connect_timeout_s:g} s")
    return Decision("online", f"key in {key}")


def wanted_mode(mode: str) -> str:
    """What a configured mode asks for, whether or not there is a key and a server: online | offline | disabled.

    Raises:
        ConfigFault: no such mode, in the configuration or in WANDB_MODE.
    """
    return _wanted(mode)[0]


def login_state() -> str:
    """One line: whether there is a key for W&B and where it was found, not what it is."""
    if key := find_key():
        return f"W&B: key found in {key} for {_hosts()}"
    return "W&B: no key, so runs are kept offline (`wandb login` stores one)"


def find_key() -> str | None:
    """Where W&B would find its key: the name of a variable or a file; None if nowhere."""
    for variable in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE"):
        if os.environ.get(variable):
            return variable
    if _netrc_has_key():
        return str(_netrc_path())
    return "the settings of wandb" if _settings().get("api_key") else None


def _wanted(mode: str) -> tuple[str, str]:
    """A mode that is no `auto`: then it is what W&B itself was told, or online; and who said so."""
    if mode not in MODES:
        raise ConfigFault(f"tracker.mode is {mode!r}: allowed are {', '.join(MODES)} (conf/tracker/wandb.yaml)")
    if mode != "auto":
        return mode, f"tracker.mode={mode}"
    if value := os.environ.get("WANDB_MODE"):
        return _wandb_mode(value, "WANDB_MODE"), f"WANDB_MODE={value}"
    if value := _settings().get("mode"):
        return _wandb_mode(value, "the settings of wandb: mode"), f"the settings of wandb say {value}"
    return "online", ""


def _wandb_mode(value: str, source: str) -> str:
    if value not in _WANDB_MODES:
        raise ConfigFault(f"{source} is {value!r}: allowed are {', '.join(_WANDB_MODES)}")
    return _WANDB_MODES[value]


def _servers() -> tuple[str, ...]:
    url = os.environ.get("WANDB_BASE_URL") or _settings().get("base_url")
    return (url,) if url else _PUBLIC_SERVERS


def _hosts() -> str:
    return " or ".join(urlsplit(server).netloc.rpartition("@")[2] for server in _servers())


def _netrc_path() -> Path:
    return Path(os.environ.get("NETRC") or "~/.netrc").expanduser()


def _netrc_has_key() -> bool:
    try:
        logins = netrc.netrc(_netrc_path())
    except (OSError, netrc.NetrcParseError):
        return False
    found = [logins.authenticators(urlsplit(server).netloc) for server in _servers()]
    return any(login is not None and login[2] for login in found)


def _settings() -> dict[str, str]:
    """What the `wandb` command stored for this user, overlaid by what it stored for this directory."""
    home = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([home / "settings", Path(os.environ.get("WANDB_DIR") or ".") / "wandb" / "settings"])
    except configparser.Error:
        return {}
    return dict(parser["default"]) if parser.has_section("default") else {}


def _answers(server: str, timeout_s: float) -> bool:
    """Whether a server takes a connection; taken for granted behind a proxy, which alone knows."""
    parts = urlsplit(server)
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.netloc):
        return True
    try:
        socket.create_connection((parts.hostname or "", parts.port or _port(parts.scheme)), timeout_s).close()
    except (OSError, ValueError):
        return False
    return True


def _port(scheme: str) -> int:
    return 80 if scheme == "http" else 443
