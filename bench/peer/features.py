"""Twelve features of one API request: what a first version of such a service would look at."""
import json
import math
from collections import Counter
from datetime import datetime

NAMES = (
    "path_length", "path_depth", "query_length", "parameter_count", "payload_length", "payload_entropy",
    "special_characters", "digit_share", "header_count", "agent_length", "method", "hour",
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
SPECIAL = frozenset("'\"<>;(){}[]|&$`\\%#=*")


def entropy(text):
    """Bits a character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def hour_of(timestamp):
    when = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return when.hour + when.minute / 60


def row(endpoint, method, headers, payload, timestamp):
    """The features as a list of floats, in the order of NAMES."""
    path, _, query = endpoint.partition("?")
    if payload is None:
        body = ""
    else:
        body = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
    text = endpoint + body
    agent = next((value for name, value in headers.items() if name.lower() == "user-agent"), "")
    return [
        float(len(path)),
        float(path.count("/")),
        float(len(query)),
        float(query.count("&") + 1 if query else 0),
        float(len(body)),
        entropy(body),
        float(sum(c in SPECIAL for c in text)),
        sum(map(str.isdigit, text)) / max(len(text), 1),
        float(len(headers)),
        float(len(agent)),
        float(METHODS.index(method) if method in METHODS else len(METHODS)),
        hour_of(timestamp),
    ]
