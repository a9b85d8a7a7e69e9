"""The service a user would otherwise write: FastAPI, an isolation forest of scikit-learn, SQLite; commits, then answers.

Environment: PEER_FOLDER (what train.py wrote), PEER_DATABASE (a file), PEER_BACKEND (sklearn or onnx).
Run: uvicorn server:app --workers 2 --port PORT --no-access-log
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

import features

FOLDER = Path(os.environ["PEER_FOLDER"])
SCALE = json.loads((FOLDER / "scale.json").read_text(encoding="utf-8"))
SCHEMA = """CREATE TABLE IF NOT EXISTS verdict (id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, address TEXT NOT NULL,
    endpoint TEXT NOT NULL, method TEXT NOT NULL, anomalous INTEGER NOT NULL, score REAL NOT NULL, model TEXT NOT NULL)"""
INSERT = "INSERT INTO verdict (request_id, address, endpoint, method, anomalous, score, model) VALUES (?, ?, ?, ?, ?, ?, ?)"
MODEL = "v1.0"


class Request(BaseModel):
    request_id: str
    ip_address: str
    endpoint: str
    http_method: str
    headers: dict[str, str]
    payload: Any = None
    timestamp: str | None = None


class Answer(BaseModel):
    request_id: str
    isAnomaly: bool
    confidence: float
    model_version: str
    analyzed_at: str


def sklearn_scorer():
    import joblib

    forest = joblib.load(FOLDER / "forest.joblib")
    return lambda rows: -forest.score_samples(rows)[0]


def onnx_scorer():
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(FOLDER / "forest.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda rows: 2 ** (-float(session.run(None, {"rows": rows})[0][0, 0]) / SCALE["average_path"])


def open_database():
    database = sqlite3.connect(os.environ["PEER_DATABASE"], timeout=30, isolation_level=None)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", SCHEMA):
        database.execute(statement)
    return database


score = {"sklearn": sklearn_scorer, "onnx": onnx_scorer}[os.environ.get("PEER_BACKEND", "sklearn")]()
database = open_database()
app = FastAPI()


@app.get("/health")
async def health():
    return {"status": "healthy"}


# Everything here is quick and holds the interpreter's lock: a pool of threads would only add switches between them.
@app.post("/analyze")
async def analyze(request: Request) -> Answer:
    now = datetime.now(timezone.utc).isoformat()
    row = features.row(request.endpoint, request.http_method, request.headers, request.payload, request.timestamp or now)
    worst = score(np.array([row], dtype=np.float32))
    anomalous = bool(worst > SCALE["threshold"])
    record = (request.request_id, request.ip_address, request.endpoint, request.http_method, anomalous, float(worst), MODEL)
    database.execute(INSERT, record)
    margin = min(abs(worst - SCALE["threshold"]) * 5, 0.5)
    return Answer(request_id=request.request_id, isAnomaly=anomalous, confidence=0.5 + margin, model_version=MODEL, analyzed_at=now)
