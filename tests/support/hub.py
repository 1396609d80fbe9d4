"""JupyterHub for a class, set up by what the page `nbs/hub.md` shows."""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from subprocess import run

import pytest
import requests
from building import BIN, PROJECT
from slurm import free_port, wait_for

PAGE = (PROJECT / "nbs" / "hub.md").read_text(encoding="utf-8")
STUDENTS, TEACHER = ("anna", "ben"), "teacher"
PROXY = "configurable-http-proxy"


def blocks(section, language):
    """List the code that a section of the page shows."""
    (_, text) = PAGE.split(f"\n## {section}\n")
    return re.findall(rf"```{language}\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)


def readable_python():
    """Find a Python that every account of the machine may run."""
    for python in (Path(sys.base_prefix, "bin", "python3"), Path("/usr/bin/python3")):
        command = ["runuser", "-u", "nobody", "--", python, "-c", "import ssl"]
        if run(command, capture_output=True, cwd="/").returncode == 0:
            return python
    return pytest.skip("no Python that other accounts may run: apt install python3")


def require_hub():
    """Skip where a hub with accounts of its own can't be tried, and say why."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make accounts: sudo make test-engines")
    missing = [name for name in ("node", "npm", "runuser", "useradd") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt install nodejs npm passwd util-linux")
    if taken := {*STUDENTS, TEACHER} & {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip(f"this machine has accounts of these names already: {', '.join(taken)}")


def installed():
    """Install what the page says, but for the course itself, where everybody can read it; once."""
    folder = Path(tempfile.gettempdir(), "nnlab-engines")
    setup = blocks("Set up the machine", "bash")[0]
    (packages,) = re.findall(r"pip install (jupyterhub .*)", setup)
    python = folder / "nnlab" / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        run([BIN / "uv", "venv", "--quiet", "--python", readable_python(), python.parents[1]])
        command = [
            BIN / "uv",
            "pip",
            "install",
            "--quiet",
            "--link-mode",
            "copy",
            "--compile-bytecode",
        ]
        done = [run([*command, "--python", python, *packages.split()])]
        assert f"npm install --global {PROXY}" in setup
        done += [run(["npm", "install", "--silent", "--prefix", folder / "proxy", PROXY])]
        if any(step.returncode for step in done):
            pytest.skip("JupyterHub or its proxy could not be installed: is there a network?")
        (folder / "ready").touch()
    return folder


class Hub:
    """A running hub, its accounts, and sessions in their browsers."""

    def __init__(self, folder):
        software = installed()
        self.folder, self.prefix = folder, software / "nnlab"
        proxy = software / "proxy" / "node_modules" / ".bin"
        path = [str(self.prefix / "bin"), str(proxy), os.environ["PATH"]]
        self.environment = os.environ | {"PATH": os.pathsep.join(path)}
        self.environment.pop("PYTHONPATH", None)
        self.password, self.port = secrets.token_hex(8), free_port()
        self.address, self.process = f"http://127.0.0.1:{self.port}", None

    def here(self, text):
        """Put this test's folders in the place of those that the page names."""
        return text.replace("/opt/nnlab", str(self.prefix)).replace("/srv/nnlab", str(self.folder))

    def shell(self, commands, user, check=True):
        """Run commands of the page in a login shell of an account."""
        home = pwd.getpwnam(user).pw_dir
        kept = f"PATH={self.environment['PATH']}"
        command = ["runuser", "-u", user, "--", "env", "-i", kept, f"HOME={home}", f"USER={user}"]
        command += ["bash", "-e", "-c", self.here(commands)]
        done = run(command, cwd=home, capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self):
        """Set the machine up as the page says, and start the hub."""
        names = "\n".join([*STUDENTS, TEACHER, ""])
        (self.folder / "class.txt").write_text(names)
        hub, nbgrader = blocks("Set up the machine", "python")
        _, accounts, start = blocks("Set up the machine", "bash")
        (self.prefix / "etc" / "jupyter").mkdir(parents=True, exist_ok=True)
        (self.prefix / "etc" / "jupyterhub_config.py").write_text(self.here(hub))
        (self.prefix / "etc" / "jupyter" / "nbgrader_config.py").write_text(self.here(nbgrader))
        lines = [line for line in accounts.splitlines() if "/etc/profile.d" not in line]
        self.shell("\n".join(lines), "root")
        pairs = "".join(f"{name}:{self.password}\n" for name in (*STUDENTS, TEACHER))
        run(["chpasswd"], input=pairs, text=True, check=True)
        ports = {"JupyterHub.hub_port": free_port(), "JupyterHub.bind_url": self.address}
        ports |= {"ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}"}
        options = " ".join(f"--{name}={value}" for name, value in ports.items())
        command = (
            self.here(start).rstrip().replace(f"{self.prefix}/bin/jupyterhub", "exec jupyterhub")
        )
        self.log = self.folder / "hub.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["bash", "-e", "-c", f"{command} {options}"],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.answers, f"the hub answers; {self.log}")

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.address}/hub/api", timeout=5).ok
        except requests.ConnectionError:
            return False

    def log_in(self, user, password=None):
        """Log in by name and password, wait for the server, and return a session of a browser."""
        session = requests.Session()
        session.get(f"{self.address}/hub/login").raise_for_status()
        facts = {"username": user, "password": password or self.password}
        facts["_xsrf"] = session.cookies.get("_xsrf", path="/hub/")
        answer = session.post(f"{self.address}/hub/login", data=facts)
        if answer.status_code == 403:
            return None
        answer.raise_for_status()
        session.get(f"{self.address}/hub/spawn/{user}").raise_for_status()
        home = f"{self.address}/user/{user}"
        wait_for(lambda: session.get(f"{home}/lab").url == f"{home}/lab", f"{user}'s JupyterLab")
        session.headers["X-XSRFToken"] = session.cookies.get("_xsrf", path=f"/user/{user}/")
        return session

    def stop(self):
        """End the hub, its servers and the accounts."""
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        for user in (*STUDENTS, TEACHER):
            run(["userdel", "--remove", "--force", user], capture_output=True)


@contextmanager
def running_hub():
    """Run a hub as long as it is needed."""
    require_hub()
    folder = Path(tempfile.mkdtemp(prefix="nnlab-hub-"))
    folder.chmod(0o755)
    hub = Hub(folder)
    try:
        hub.start()
        yield hub
    finally:
        hub.stop()
        shutil.rmtree(folder)
