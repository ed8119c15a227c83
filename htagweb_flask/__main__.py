"""``python -m htagweb_flask``: apps in the browser, and the commands of ``flask htag``."""

import os
import sys


def main() -> None:
    """Runs the command. It comes with the current folder first among those of modules, and there a file may
    have the name of any library: what is needed is imported from elsewhere."""
    here, home = os.getcwd(), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path and sys.path[0] in ("", here) and here != home:
        del sys.path[0]
    from .dev.command import main

    main(sys.argv[1:])


if __name__ == "__main__":
    main()
