"""Makes a virtual environment and installs into it: venv.py FOLDER --stamp NAME PIP-ARGUMENTS...

The stamp is an empty file in the folder that tells make that all is installed; other stamps of the folder
are removed first, as what they stand for is there no more. The syntax is kept plain, so that an old Python
gets as far as the message that it is too old.
"""

import glob
import os
import subprocess
import sys

LOWEST = (3, 10)


def fail(text):
    sys.stderr.write(f"\n{text}\n\n")
    raise SystemExit(1)


def works(python):
    """Whether there is an interpreter with pip; a folder that was moved or half made has none."""
    return os.path.exists(python) and not subprocess.call(
        [python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def create(folder):
    """The interpreter of the environment. Debian packs venv apart from Python: the message says so."""
    python = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    if not works(python) and subprocess.call([sys.executable, "-m", "venv", "--clear", folder]):
        fail("No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv")
    return python


def main():
    if sys.version_info < LOWEST:
        fail(
            f"Python {LOWEST[0]}.{LOWEST[1]} or newer is needed, and {sys.executable} is "
            f"{sys.version.split()[0]}. Name another one: make PYTHON=python3.12 ..."
        )
    folder, _, stamp = sys.argv[1:4]
    packages = sys.argv[4:]
    for old in glob.glob(os.path.join(folder, ".htag*")) + glob.glob(os.path.join(folder, ".ready")):
        os.remove(old)
    print(f"Installing {' '.join(packages)} into {folder}", flush=True)
    python = create(folder)
    if subprocess.call(
        [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-U", *packages]
    ):
        fail(f"The installation into {folder} failed, see above.")
    with open(os.path.join(folder, stamp), "w"):
        pass


if __name__ == "__main__":
    main()
