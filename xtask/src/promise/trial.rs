//! A detector at work in the running program, with the traffic that is sent to it.

use super::report::Row;
use super::streams::{Flow, Request};
use crate::serve::{Connection, Folder, Server};
use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Flows in one request.
const BATCH: usize = 1_000;
/// The server does nothing when it has used no processor for so long.
const IDLE: Duration = Duration::from_millis(120);
/// How long it is waited for that.
const SETTLING: Duration = Duration::from_secs(180);
/// What `/analyze` calls the model while there is none.
const LEARNING: &str = "learning";

/// A server with one detector, on data of its own. The server ends and the data are removed with this value.
pub(super) struct Trial {
    binary: PathBuf,
    kind: &'static str,
    // In this order: the server ends before its folder is removed.
    connection: Option<Connection>,
    server: Option<Server>,
    folder: Folder,
    sent: u64,
}

/// What is answered about one event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    /// Whether there was a verdict: of a model, or a flag all the same.
    pub(super) judged: bool,
    /// Whether there was a model.
    pub(super) model: bool,
    pub(super) flagged: bool,
    /// The probability that the verdict is right.
    pub(super) confidence: f64,
    /// Of a flow: how far inside of what is normal it lies, negative outside.
    pub(super) margin: f64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "isAnomaly")]
    is_anomaly: bool,
    confidence: f64,
    certainty: Option<f64>,
    model_version: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    predictions: Vec<Answer>,
}

/// What a training answered.
#[derive(Clone, Debug)]
pub(super) struct Training {
    /// Whether the new model is the active one.
    pub(super) activated: bool,
    pub(super) message: String,
}

impl Training {
    /// The line of a model that was not taken, if it was not.
    pub(super) fn missed(&self, promise: &'static str, stream: &str) -> Option<Row> {
        let phase = format!("not activated: {}", self.message);
        (!self.activated).then(|| Row::new(promise, stream, phase).met("activated", false))
    }
}

impl Trial {
    /// Starts a server with these lines of configuration for its detector.
    pub(super) fn start(binary: &Path, kind: &'static str, settings: &str) -> anyhow::Result<Self> {
        let folder = Folder::new("promise")?;
        // The events are years old: retention by age would remove them.
        let configuration = format!("[detectors.{kind}]\nretention_days = 36500\n{settings}\n");
        std::fs::write(folder.path().join("bartizan.toml"), configuration)?;
        let mut trial = Self { binary: binary.to_owned(), kind, connection: None, server: None, folder, sent: 0 };
        trial.begin()?;
        Ok(trial)
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let server = Server::start_with(&self.binary, self.folder.path(), &["--only", self.kind])?;
        self.connection = Some(Connection::open(server.port())?);
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server in order and starts it again.
    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.connection = None;
        self.server.take().map_or(Ok(()), Server::stop)?;
        self.begin()
    }

    /// Kills the server and starts it again.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.connection = None;
        drop(self.server.take());
        self.begin()
    }

    /// Sends a request below the detector's path, and returns the status and the answer.
    fn send(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        let connection = self.connection.as_mut().context("the server has ended")?;
        let path = format!("/{}{path}", self.kind);
        connection.send(method, &path, body).with_context(|| format!("{method} {path}"))
    }

    /// The same for what is expected to succeed; returns the JSON.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.send(method, path, text.as_bytes())?;
        ensure!(status == 200, "{method} {path}: {status} {}", String::from_utf8_lossy(answer));
        Ok(serde_json::from_slice(answer)?)
    }

    /// The name of the next event.
    fn name(&mut self) -> String {
        self.sent += 1;
        format!("event-{}", self.sent)
    }

    /// Has a request judged; without a model it is recorded alone.
    pub(super) fn judge(&mut self, request: &Request) -> anyhow::Result<Verdict> {
        let body = request.body(&self.name());
        let (status, answer) = self.send("POST", "/analyze", &body)?;
        match status {
            200 => Ok(serde_json::from_slice::<Answer>(answer)?.verdict()),
            503 => Ok(Verdict::default()),
            _ => anyhow::bail!("/analyze: {status} {}", String::from_utf8_lossy(answer)),
        }
    }

    /// Has flows judged; without a model they are recorded alone.
    pub(super) fn judge_flows<'a>(&mut self, flows: impl IntoIterator<Item = &'a Flow>) -> anyhow::Result<Vec<Verdict>> {
        let all: Vec<&Flow> = flows.into_iter().collect();
        let mut verdicts = Vec::with_capacity(all.len());
        for part in all.chunks(BATCH) {
            let named: Vec<Value> = part.iter().map(|flow| self.named(flow)).collect();
            let body = json!({ "flows": named }).to_string();
            let (status, answer) = self.send("POST", "/predict/batch", body.as_bytes())?;
            match status {
                200 => verdicts.extend(serde_json::from_slice::<Batch>(answer)?.predictions.into_iter().map(Answer::verdict)),
                503 => verdicts.extend(part.iter().map(|_| Verdict::default())),
                _ => anyhow::bail!("/predict/batch: {status} {}", String::from_utf8_lossy(answer)),
            }
        }
        Ok(verdicts)
    }

    fn named(&mut self, flow: &Flow) -> Value {
        let mut fields = flow.fields.clone();
        fields.insert("Flow ID".to_owned(), self.name().into());
        if !flow.at.is_empty() {
            fields.insert("Timestamp".to_owned(), flow.at.as_str().into());
        }
        fields.into()
    }

    /// Says of the event of this number, counted from 1 in the order of sending, whether it is an attack.
    pub(super) fn label(&mut self, event: u64, attack: bool) -> anyhow::Result<()> {
        let body = json!({"user_label": attack, "changed_by": "promise"});
        self.ask("PUT", &format!("/label/event-{event}"), &body).map(drop)
    }

    /// How many events were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Trains on the stored history, labels included.
    pub(super) fn train(&mut self, params: &Value) -> anyhow::Result<Training> {
        self.learn(json!({ "training_params": params }))
    }

    /// Trains on these flows.
    pub(super) fn train_on(&mut self, flows: &[Flow], params: &Value) -> anyhow::Result<Training> {
        let named: Vec<Value> = flows.iter().map(|flow| self.named(flow)).collect();
        self.learn(json!({ "training_params": params, "flows": named }))
    }

    /// Every training has the same version, as one deployed client sends it: it replaces the last one.
    fn learn(&mut self, mut body: Value) -> anyhow::Result<Training> {
        body["model_version"] = "v1.0".into();
        body["use_corrected_labels"] = true.into();
        let answer = self.ask("POST", "/train", &body)?;
        let activated = answer["activated"].as_bool().unwrap_or(true);
        Ok(Training { activated, message: answer["message"].as_str().unwrap_or_default().to_owned() })
    }

    /// Waits until the server does nothing. In life there are seconds between two events; a training in the background that takes one second
    /// must not last for hours of events that are sent as fast as they are answered.
    pub(super) fn settle(&self) {
        let Some(server) = &self.server else { return };
        let began = Instant::now();
        let mut before = server.processor_ticks();
        while began.elapsed() < SETTLING {
            std::thread::sleep(IDLE);
            let now = server.processor_ticks();
            if now.is_none() || now == before {
                return;
            }
            before = now;
        }
    }
}

impl Answer {
    fn verdict(self) -> Verdict {
        let learning = self.model_version.as_deref() == Some(LEARNING);
        Verdict {
            // While it learns, what it flags all the same is a verdict.
            judged: !learning || self.is_anomaly,
            model: !learning,
            flagged: self.is_anomaly,
            confidence: self.certainty.unwrap_or(self.confidence),
            margin: self.confidence,
        }
    }
}
