"""A cluster of one node: Slurm's own daemons, with keys, logs and state in a folder."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
PACKAGES = "apt install slurmctld slurmd slurm-client munge"
# Without control groups and accounting, so that it runs in a container, and as any user.
# A requeued job waits until the credentials of its first run have expired.
SETTINGS = """\
ClusterName=class
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=3 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def require_slurm():
    """Skip a test where a program is missing, and say which."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    missing = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: {PACKAGES}")


def free_port():
    """Find a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition, what, seconds=120):
    """Wait until a condition holds, and return what it gives."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > until:
            pytest.fail(f"waited {seconds} s in vain until {what}")
        time.sleep(0.2)
    return found


class Cluster:
    """Runs Slurm's commands on a cluster of this machine."""

    def __init__(self, folder):
        self.folder, self.daemons = Path(folder), []
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        self.environment = os.environ | {"PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}

    def run(self, *command, **environment):
        """Run a command that has to succeed, and return what it prints."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def begin(self, *command):
        """Start a daemon in the foreground; its log lies in the folder."""
        with (self.folder / f"{command[0]}.log").open("w") as log:
            self.daemons.append(
                subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def state_of(self, job):
        """Tell the state of each task of an array job that Slurm still knows."""
        lines = self.run("squeue", "-h", "-a", "-r", "-t", "all", "-j", job, "-o", "%K %T")
        return dict(line.split() for line in lines.splitlines())

    def start(self):
        """Write the settings, start the daemons, and wait until the node is ready."""
        host = socket.gethostname().partition(".")[0]
        facts = {"host": host, "user": getpass.getuser(), "folder": self.folder}
        text = SETTINGS.format(**facts, controller=free_port(), node=free_port())
        (self.folder / "slurm.conf").write_text(text)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        places = {"key-file": "key", "socket": "socket", "pid-file": "pid", "seed-file": "seed"}
        places = [f"--{option}={self.folder}/munge.{end}" for option, end in places.items()]
        self.begin("munged", "--foreground", "--force", *places)
        wait_for((self.folder / "munge.socket").exists, "munged listens")
        self.begin("slurmctld", "-D", "-c")
        self.begin("slurmd", "-D", "-c", "-N", host)
        wait_for(lambda: "idle" in self.run("sinfo", "-h", "-o", "%t"), "the node is idle")

    def stop(self):
        """End the daemons, and whatever they have started."""
        for daemon in reversed(self.daemons):
            for process in [*psutil.Process(daemon.pid).children(recursive=True), daemon]:
                process.terminate()
            daemon.wait(30)


@contextmanager
def cluster(folder):
    """Run a cluster as long as it is needed."""
    own = Cluster(folder)
    try:
        own.start()
        yield own
    finally:
        own.stop()
