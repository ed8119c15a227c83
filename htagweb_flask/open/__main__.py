"""The command: ``python -m htagweb_flask.open URL --pin PIN``"""

from __future__ import annotations

import sys
import webbrowser
from urllib.parse import urlsplit

import click

from ..errors import ConfigError, PoolError
from ..keyfile import bytes_of, stretched
from .relay import Relay
from .target import target_of

__all__ = ["main"]


@click.command()
@click.argument("url")
@click.option("--pin", required=True, help="Key of the server, as flask htag parano-key shows it there.")
@click.option("--secret", is_flag=True, help="Ask for the secret that the server demands.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port on this machine.  [default: a free one]")
@click.option("--browser/--no-browser", default=True, help="Open the browser.")
def main(url: str, pin: str, secret: bool, port: int | None, browser: bool) -> None:
    """Open the app with parano at URL, by a page that does not come from its server.

    Keep it running while the app is in use.
    """
    try:
        key = bytes_of(pin)
        relay = Relay(target_of(url, key, stretched(_asked()) if secret else None), port or 0)
    except (ConfigError, PoolError) as error:
        raise click.ClickException(str(error)) from None
    parts = urlsplit(url)
    address = relay.address(parts.query, parts.fragment)
    click.echo(f"\n  {address}\n\n  For this machine alone. Ctrl-C ends it.\n")
    if browser:
        webbrowser.open(address)
    try:
        relay.serve_forever()
    except KeyboardInterrupt:
        click.echo("Ended.")
    finally:
        relay.server_close()


def _asked() -> str:
    """The secret: typed, or a line of what is piped in. It is not to be seen in the list of processes."""
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True))
    return sys.stdin.readline()


if __name__ == "__main__":
    main()
