"""A server extension of JupyterLab: what a student reads in the terminal, and no log beside it"""

# A plain module, edited here.
# The settings in `cli/jupyter` switch it on.

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: "ServerApp") -> None:
    """Say where the lessons are once the server listens, in place of its own message."""
    server.identity_provider.token_generated = False  # or it would tell of a file to open
    server.io_loop.add_callback(lambda: click.echo(_welcome(server)))


def _welcome(server: "ServerApp") -> str:
    token = server.identity_provider.token
    address = f"{server.connection_url.rstrip('/')}{server.default_url}"
    return (
        f"The lessons are at {address}{f'?token={token}' if token else ''}\n"
        "To stop, save and press Ctrl-C here, twice; to come back, give the same command again."
    )
