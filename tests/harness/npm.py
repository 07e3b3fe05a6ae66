"""The client packages from npm, installed once into the user's cache."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path


def _run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def installed(package):
    """The folder whose node_modules hold what `package` (a folder with package-lock.json) names.

    The folder's name has the hash of the lock file and of Node's version in it, so a change of either
    installs anew. No package's own installation script is run.
    """
    for program in ("node", "npm"):
        assert shutil.which(program), f"{program} is missing; scripts/setup.sh test installs it"
    lock = (package / "package-lock.json").read_bytes()
    key = hashlib.sha256(_run("node", "--version").encode() + lock).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloister"
    folder = cache / f"npm-{key}"
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(package / name, folder)
        _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
        (folder / ".complete").touch()
    return folder
