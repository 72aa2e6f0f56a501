"""The page behind Jupyter: jupyter-server-proxy finds `server` by an entry point of this package.

The launcher of Jupyter opens it, with a token that nobody types. It shows runs and changes nothing: who wants
`--jobs` names a server of his own in jupyter_server_config.py (slurm/README.md shows it).
"""

import secrets
from typing import Any

from nanompi.mpi.children import python


def server() -> dict[str, Any]:
    """How Jupyter starts the page, on a Unix socket, and by which link its launcher opens it."""
    token = secrets.token_urlsafe(24)
    return {
        "command": python("-m", "nanompi", "serve", ".", "--socket", "{unix_socket}"),
        "environment": {"NANOMPI_SERVE_TOKEN": token},
        "unix_socket": True,
        "absolute_url": False,
        "timeout": 30,
        "launcher_entry": {"title": "nanompi runs", "path_info": f"nanompi/#token={token}"},
    }
