#!/usr/bin/env python3
"""Batches of log entries: calls a second of POST /logs/detect, 1,000 entries each, with four clients; and how long POST /logs/train takes.

Two servers of one build, one that records every verdict and one that records anomalies alone, and a peer if one is given, in turns
(A B C A B C ...). All get the same body. Both servers of Bartizan learn from the same 10,000 entries first, over HTTP, which is timed.

    bench/logs.py BINARY [--rounds 5] [--seconds 4] [--body FILE]
    bench/logs.py BINARY --peer 'uvicorn server:app --workers 2 --port {port} --log-level warning --no-access-log' --peer-folder DIR
    bench/logs.py BINARY --peer http://127.0.0.1:8100/detect

`{port}` in the peer's command is a free port; it answers GET /health, and POST /detect with a model of its own. Prints medians of the rounds
(lowest–highest), ratios taken within each round, and how many entries of the body are anomalous. wrk is needed. Standard library only.
"""
import argparse
import json
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

sys.dont_write_bytecode = True
import servers
from versions import BATCH, result

ENTRIES, LEARNED, CLIENTS = 1000, 10_000, 4
METHODS = ["GET", "GET", "GET", "POST", "PUT", "DELETE"]
ENDPOINTS = [f"/api/{version}/{name}" for version in ("v1", "v2") for name in ("users", "orders", "items", "search", "reports", "login", "cart")]
AGENTS = [f"Mozilla/5.0 ({system}) Gecko/20100101 Firefox/{major}.0"
          for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7") for major in (138, 141, 143)]


def entry(draw, at):
    """One of about 305 bytes; one in twenty fails slowly."""
    user, fails = draw.randint(0, 299), draw.random() < 0.05
    return {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "user_id": f"user_{user}", "endpoint": draw.choice(ENDPOINTS), "method": draw.choice(METHODS),
        "status_code": draw.choice((401, 403, 404, 500)) if fails else 200, "response_time": round(draw.expovariate(0.2 if fails else 6), 4),
        "ip_address": f"10.0.{user % 10}.{user // 2 + 1}", "user_agent": AGENTS[user % len(AGENTS)],
        "request_size": draw.randint(100, 4000), "response_size": draw.randint(200, 20000),
    }


def entries(count, seed, begin):
    """Entries of three seconds in the mean."""
    draw, at, made = random.Random(seed), begin, []
    for _ in range(count):
        at += timedelta(seconds=draw.expovariate(1 / 3))
        made.append(entry(draw, at))
    return made


def post(url, body):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


class Ours(servers.Bartizan):
    """The service, which learns over HTTP."""

    path = "/logs/detect"

    def __init__(self, label, binary, record, folder):
        super().__init__(label, f"BARTIZAN_DETECTORS_LOGS_RECORD={record}", folder)
        self.binary = binary

    def health(self):
        return "/logs/health"

    def prepare(self):
        """Nothing is learned before the start."""

    def url(self):
        return f"http://127.0.0.1:{self.port}{self.path}"

    def train(self, body):
        began = time.perf_counter()
        post(f"http://127.0.0.1:{self.port}/logs/train", body)
        return time.perf_counter() - began


class Command(servers.Server):
    """A peer that is started by a command."""

    path = "/detect"

    def __init__(self, label, command, work_folder, folder):
        super().__init__(label, "", folder)
        self.words, self.work_folder = shlex.split(command), work_folder

    def command(self):
        return [word.replace("{port}", str(self.port)) for word in self.words]

    def url(self):
        return f"http://127.0.0.1:{self.port}{self.path}"


class Running:
    """A peer that runs already."""

    def __init__(self, label, url):
        self.label, self.address = label, url

    def start(self):
        """It runs."""

    def stop(self):
        """It is somebody else's."""

    def url(self):
        return self.address


def calls(server, script, body, seconds):
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), server.url()]
    got = result(subprocess.run(command, env=os.environ | {"BENCH_BODY": str(body)}, capture_output=True, text=True))
    if got["broken"]:
        sys.exit(f"{server.label}: {got['broken']} answers were not 200")
    return got["per_second"]


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def measure(all_servers, script, body, options):
    for server in all_servers:
        calls(server, script, body, 1)
    runs = {server.label: [] for server in all_servers}
    for number in range(options.rounds):
        for server in all_servers if number % 2 == 0 else all_servers[::-1]:
            runs[server.label].append(calls(server, script, body, options.seconds))
    base = runs[all_servers[-1].label]
    print(f"| server | calls/s | entries/s | ratio to {all_servers[-1].label} |\n|---|--:|--:|--:|")
    for label, values in runs.items():
        ratios = [value / of for value, of in zip(values, base)]
        print(f"| {label} | {spread(values, 1)} | {statistics.median(values) * ENTRIES:,.0f} | {spread(ratios, 2)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--peer", help="a command with {port} in it, or a URL that takes bodies")
    parser.add_argument("--peer-folder", type=Path, help="where the peer's command runs")
    parser.add_argument("--body", type=Path, help="a body to send instead of the one that is made; entries like those that are learned from")
    parser.add_argument("--train-body", type=Path, help="a body to learn from instead of the one that is made")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    options = parser.parse_args()
    begin = datetime(2026, 1, 5)
    with tempfile.TemporaryDirectory(prefix="bartizan-logs-") as folder:
        folder = Path(folder)
        all_entries = entries(LEARNED + ENTRIES, 1, begin)
        body, learned = folder / "detect.json", folder / "train.json"
        body.write_bytes(options.body.read_bytes() if options.body else json.dumps({"logs": all_entries[LEARNED:]}).encode())
        learned.write_bytes(options.train_body.read_bytes() if options.train_body else json.dumps({"logs": all_entries[:LEARNED]}).encode())
        script = folder / "batch.lua"
        script.write_text(BATCH)
        all_servers = []
        for name, record in (("records all", "all"), ("records anomalies", "anomalies")):
            place = folder / record
            place.mkdir()
            all_servers.append(Ours(name, options.binary.resolve(), record, place))
        ours = list(all_servers)
        if options.peer and options.peer.startswith("http"):
            all_servers.append(Running("peer", options.peer))
        elif options.peer:
            (folder / "peer").mkdir()
            all_servers.append(Command("peer", options.peer, options.peer_folder, folder / "peer"))
        try:
            for server in all_servers:
                server.start()
            took = [server.train(learned.read_bytes()) for _ in range(options.rounds) for server in ours]
            print(f"POST /logs/train, {LEARNED:,} entries: {spread(took, 2)} s")
            found = post(ours[0].url(), body.read_bytes())
            print(f"body of {body.stat().st_size:,} bytes, {found['total_logs']} entries, {found['anomaly_count']} anomalous\n")
            measure(all_servers, script, body, options)
        finally:
            for server in all_servers:
                server.stop()


if __name__ == "__main__":
    main()
