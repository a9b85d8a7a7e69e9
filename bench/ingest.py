"""Posts batches of NDJSON to /ingest of a running server, and says how many entries a second are accepted and judged.

    python3 bench/ingest.py http://127.0.0.1:8000/requests/ingest --seconds 20 --clients 4 --entries 1000

The bodies are made before the load begins, and their times go on from batch to batch. The last line says how long the rest of the
backlog took.
"""

import argparse
import http.client
import json
import multiprocessing
import time
import urllib.parse
import urllib.request

BODIES = 16
PATHS = ["/api/users/profile", "/api/orders", "/api/items", "/api/search"]
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101"


def entry(client, number):
    """One request of about 305 bytes."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_770_000_000 + number // 50))
    return json.dumps({
        "request_id": f"c{client}-{number:09}",
        "ip_address": f"10.{client}.{number // 250 % 40}.{number % 250 + 1}",
        "endpoint": f"{PATHS[number % 4]}?page={number % 9}",
        "http_method": "GET",
        "headers": {"User-Agent": AGENT, "Accept": "application/json", "Host": "shop.example"},
        "payload": None,
        "timestamp": at,
    })


def client(number, url, seconds, entries, results):
    """Posts until the time is over."""
    parts = urllib.parse.urlsplit(url)
    lines = lambda body: "".join(entry(number, body * entries + i) + "\n" for i in range(entries))
    bodies = [lines(body).encode() for body in range(BODIES)]
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    accepted, refused, slowest, at = 0, 0, 0.0, 0
    results.put(("size", len(bodies[0]) / entries))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        connection.request("POST", parts.path, bodies[at % BODIES], {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status == 202:
            accepted += said["accepted"]
            slowest = max(slowest, time.monotonic() - begun)
            at += 1
        elif answer.status == 429:
            refused += 1
            time.sleep(float(answer.headers["Retry-After"]))
        else:
            raise SystemExit(f"{answer.status}: {said}")
    results.put(("done", accepted, refused, slowest))


def waiting(url):
    with urllib.request.urlopen(url.rsplit("/", 1)[0] + "/status") as answer:
        return json.load(answer)["waiting"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--entries", type=int, default=1000)
    options = parser.parse_args()
    results = multiprocessing.Queue()
    arguments = lambda number: (number, options.url, options.seconds, options.entries, results)
    clients = [multiprocessing.Process(target=client, args=arguments(number)) for number in range(options.clients)]
    for process in clients:
        process.start()
    sizes = [results.get()[1] for _ in clients]
    begun = time.monotonic()
    done = [results.get() for _ in clients]
    took = time.monotonic() - begun
    accepted, refused, slowest = sum(r[1] for r in done), sum(r[2] for r in done), max(r[3] for r in done)
    left = waiting(options.url)
    print(f"{sum(sizes) / len(sizes):.0f} bytes an entry, {took:.1f} s: {accepted} accepted, {accepted / took:.0f} a second; "
          f"{refused} batches refused with 429; slowest answer {slowest * 1000:.0f} ms")
    print(f"judged meanwhile: {accepted - left}, {(accepted - left) / took:.0f} a second; {left} wait")
    begun = time.monotonic()
    while waiting(options.url) > 0:
        time.sleep(0.05)
    took = time.monotonic() - begun
    print(f"the rest in {took:.1f} s" + (f", {left / took:.0f} a second" if left else ""))
    for process in clients:
        process.join()


if __name__ == "__main__":
    main()
