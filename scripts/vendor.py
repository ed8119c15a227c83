"""Copies the JavaScript libraries that pages need into the package: vendor.py [--check]

What is copied is what npm has published: scripts/vendor/package.json names the versions, its lock file the
hashes, which npm verifies. To update one, change its version there, run `npm install --package-lock-only`
there, and then this. Where pages need parts of some libraries, esbuild makes one file of them: the same
version of it makes the same bytes everywhere. With --check nothing is written, and what differs is told.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "vendor"
TARGET = SOURCE.parent.parent / "htagweb_flask" / "static" / "vendor"

#: library: {the name of a file in the package of npm: its name here}
FILES = {
    "idiomorph": {"dist/idiomorph.min.js": "idiomorph.min.js", "LICENSE": "idiomorph.LICENSE"},
    "@noble/ciphers": {"LICENSE": "noble-ciphers.LICENSE"},
    "@noble/curves": {"LICENSE": "noble-curves.LICENSE"},
    "@noble/hashes": {"LICENSE": "noble-hashes.LICENSE"},
}

#: what is made of them: {a file of scripts/vendor: the constant that it becomes, and its libraries}
BUNDLES = {"noble.js": ("noble", ("@noble/ciphers", "@noble/curves", "@noble/hashes"))}


def wanted() -> dict[str, bytes]:
    """The files of the folder, by name, among them versions.json: what is there, and its hashes."""
    files, versions = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json", ".npmrc", *BUNDLES):
            shutil.copy(SOURCE / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
        for library, names in FILES.items():
            package = Path(folder, "node_modules", library)
            found = {name: Path(package, inside).read_bytes() for inside, name in names.items()}
            about = json.loads(Path(package, "package.json").read_text())
            versions[library] = {
                "version": about["version"],
                "license": about["license"],
                "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in found.items()},
            }
            files.update(found)
        for source, (name, libraries) in BUNDLES.items():
            data = files[f"{name}.min.js"] = bundle(folder, source, name)
            for library in libraries:
                versions[library]["sha256"][f"{name}.min.js"] = hashlib.sha256(data).hexdigest()
    return {**files, "versions.json": (json.dumps(versions, indent=2) + "\n").encode()}


def bundle(folder: str, source: str, name: str) -> bytes:
    """*source* and what it imports in one script, which leaves a constant of that name."""
    command = ["npx", "--no-install", "esbuild", source, "--bundle", "--minify", "--format=iife"]
    options = [f"--global-name={name}", "--target=es2020", "--legal-comments=inline", "--log-level=warning"]
    return subprocess.run([*command, *options], cwd=folder, check=True, capture_output=True).stdout


def main() -> int:
    check, files = "--check" in sys.argv[1:], wanted()
    there = {file.name: file.read_bytes() for file in TARGET.iterdir()} if TARGET.exists() else {}
    differing = sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))
    print("differs:" if check else "writes:", ", ".join(differing) or "nothing")
    if check:
        return 1 if differing else 0
    TARGET.mkdir(exist_ok=True)
    for name, data in files.items():
        Path(TARGET, name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
