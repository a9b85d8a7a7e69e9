"""The servers that `load` can put under load: how each is prepared, started, asked and stopped."""
import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("BENCH_VENV") or Path.home() / ".cache" / "bartizan-bench")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(command, **options):
    """Runs a preparing command; its output is shown only when it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


class Server:
    """A server on a free port, with its files in a folder of its own."""

    path = "/analyze"
    work_folder = None

    def __init__(self, label, extra, folder):
        self.label, self.folder = label, folder
        words = shlex.split(extra)
        self.settings = dict(word.split("=", 1) for word in words if re.match(r"[A-Z][A-Z0-9_]*=", word))
        self.extra = [word for word in words if word.partition("=")[0] not in self.settings]
        self.database = folder / "verdicts.db"
        self.port = free_port()
        self.process = None
        self.answered = 0

    def prepare(self):
        """What has to be done once before the first start."""

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def health(self):
        return "/health"

    def start(self):
        self.prepare()
        log = open(self.folder / "server.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(c) for c in self.command()], cwd=self.work_folder, env=os.environ | self.environment() | self.settings, stdout=log, stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "server.log").read_text(encoding="utf-8")
                sys.exit(f"{self.label} did not come up:\n{text[-4000:]}")
            time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read()

    def answers(self):
        try:
            return bool(self.get(self.health()))
        except (urllib.error.URLError, OSError):
            return False

    def processes(self):
        """The server and all that it started."""
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, task.read_text().split())
        return found

    def resident_mb(self):
        """Memory in use; pages that processes share are counted once."""
        total = 0
        for pid in self.processes():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue  # It ended meanwhile.
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def recorded(self):
        """How many verdicts are on disk; None where none should be."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM verdict").fetchone()[0]

    def stop(self):
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            pass


class Peer(Server):
    """FastAPI + scikit-learn + SQLite, two workers."""

    backend = "sklearn"
    work_folder = HERE / "peer"

    def prepare(self):
        if not (VENV / "bin" / "uvicorn").exists():
            sys.exit(f"no Python environment in {VENV}; see bench/README.md, or set BENCH_VENV")
        run([VENV / "bin" / "python", "train.py", self.folder], cwd=HERE / "peer", env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})

    def command(self):
        options = ["--workers", "2", "--port", self.port, "--no-access-log", "--log-level", "warning"]
        return [VENV / "bin" / "uvicorn", "server:app", *options, *self.extra]

    def environment(self):
        return {
            "PEER_FOLDER": str(self.folder), "PEER_DATABASE": str(self.database), "PEER_BACKEND": self.backend,
            "PYTHONDONTWRITEBYTECODE": "1",
        }


class OnnxPeer(Peer):
    """The same with the forest in ONNX Runtime."""

    backend = "onnx"


class Bare(Server):
    """The ceiling: parse, commit, answer."""

    target = Path(os.environ.get("BENCH_TARGET") or Path.home() / ".cache" / "bartizan-bench-target")

    def prepare(self):
        command = ["cargo", "build", "--release", "--manifest-path", HERE / "bare" / "Cargo.toml", "--target-dir", self.target]
        run(command)

    def command(self):
        return [self.target / "release" / "bare", self.port, self.database, *self.extra]


class BareUnrecorded(Bare):
    """Parse and answer only."""

    def command(self):
        return [self.target / "release" / "bare", self.port]

    def recorded(self):
        return None


class Bartizan(Server):
    """The service itself, trained on generated requests."""

    path = "/requests/analyze"
    binary = os.environ.get("BENCH_BARTIZAN") or "bartizan"

    def health(self):
        return "/requests/health"

    def prepare(self):
        data, events = self.folder / "data", self.folder / "events.ndjson"
        run([self.binary, "generate", "requests", "--rows", "20000", "--seed", "1", "--out", events])
        run([self.binary, "train", "requests", events, "--data-dir", data])

    def command(self):
        listen = f"127.0.0.1:{self.port}"
        return [self.binary, "serve", "--listen", listen, "--data-dir", self.folder / "data", *self.extra]

    def recorded(self):
        return json.loads(self.get("/requests/statistics"))["total_requests_analyzed"]


KINDS = {"bartizan": Bartizan, "peer": Peer, "onnx": OnnxPeer, "bare": Bare, "bare-unrecorded": BareUnrecorded}


def from_text(text, folder):
    """`NAME` or `NAME=WORDS`: one of KINDS; words like `NAME=VALUE` go to its environment, others to its command line."""
    name, _, extra = text.partition("=")
    if name not in KINDS:
        sys.exit(f"no server is called {name}; there are {', '.join(KINDS)}")
    folder.mkdir(parents=True)
    return KINDS[name](text, extra, folder)
