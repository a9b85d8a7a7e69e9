#!/usr/bin/env python3
"""How soon Bartizan answers again after it was killed under load.

Usage: python3 bench/restart.py [--events 1000,100000] [--rounds 5] [--clients 16] [--binary target/release/bartizan]

A data folder is filled with so many recorded events. In each round the server is started, put under load by clients that post to
/requests/analyze, killed with SIGKILL in the middle of it, and started again; measured is the time from that start until GET /health
answers 200. The events of the load stay, so that there are a few more in each round. Standard library only.
"""
import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Longest wait for a start, in seconds.
PATIENCE = 120


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", default="1000,100000", help="recorded events, a list (default 1000,100000)")
    parser.add_argument("--rounds", type=int, default=5, help="kills for each number of events (default 5)")
    parser.add_argument("--clients", type=int, default=16, help="connections that post while it is killed (default 16)")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of load before the kill (default 1)")
    parser.add_argument("--binary", type=Path, default=Path(os.environ.get("BENCH_BARTIZAN", HERE.parent / "target/release/bartizan")))
    return parser.parse_args()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """The server on one data folder."""

    def __init__(self, binary, folder):
        self.binary, self.folder, self.port = binary, folder, free_port()
        # No settings of whoever runs this.
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("BARTIZAN_") and name != "AUTH_TOKEN"}

    def run(self, *words):
        subprocess.run([self.binary, *words], cwd=self.folder, env=self.environment, check=True, capture_output=True)

    def start(self):
        """Starts it and returns the milliseconds until it answers."""
        began = time.perf_counter()
        command = [self.binary, "serve", "--only", "requests", "--listen", f"127.0.0.1:{self.port}", "--log-level", "error"]
        self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment)
        while time.perf_counter() - began < PATIENCE:
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}")
            if self.healthy():
                return (time.perf_counter() - began) * 1e3
            time.sleep(0.002)
        self.kill()
        sys.exit(f"no answer within {PATIENCE} s")

    def healthy(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def post(port, client, answered):
    """Posts until the server is gone; counts the answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"}
    number = 0
    try:
        while True:
            number += 1
            body = {"request_id": f"{client}-{number}", "ip_address": f"10.0.0.{client % 250 + 1}", "endpoint": f"/items/{number % 50}"}
            body |= {"http_method": "GET", "headers": {"User-Agent": "Mozilla/5.0"}}
            connection.request("POST", "/requests/analyze", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            answered[client] += answer.status == 200
    except (OSError, http.client.HTTPException):
        connection.close()


def kill_under_load(server, options):
    """Returns how many requests were answered before the kill."""
    answered = [0] * options.clients
    clients = [threading.Thread(target=post, args=(server.port, client, answered)) for client in range(options.clients)]
    for client in clients:
        client.start()
    time.sleep(options.seconds)
    server.kill()
    for client in clients:
        client.join()
    return sum(answered)


def measure(events, options, folder):
    server = Server(options.binary.resolve(), folder)
    server.run("generate", "requests", "--rows", str(events), "--seed", "1", "--labels", "--out", "events.ndjson")
    # What is trained on becomes history, up to the rows that are learned from; what is imported, all of it.
    server.run("import", "requests", "events.ndjson")
    server.run("train", "requests")
    times, answers = [], []
    server.start()
    for number in range(1, options.rounds + 1):
        print(f"  {events} events, round {number} of {options.rounds}", file=sys.stderr, flush=True)
        answers.append(kill_under_load(server, options))
        times.append(server.start())
    server.kill()
    return times, answers


def main():
    options = arguments()
    print("| recorded events | rounds | answered before the kill | ms until /health answers, median | lowest | highest |")
    print("|--:|--:|--:|--:|--:|--:|")
    for events in (int(count) for count in options.events.split(",")):
        with tempfile.TemporaryDirectory(prefix="bartizan-restart-") as folder:
            times, answers = measure(events, options, Path(folder))
        cells = [events, options.rounds, f"{statistics.median(answers):.0f}", f"{statistics.median(times):.0f}", f"{min(times):.0f}", f"{max(times):.0f}"]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
