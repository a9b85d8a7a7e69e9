//! One API request as the wire has it, and whether it is an attack.

use anyhow::Context;
use bartizan_core::Timestamp;
use serde_json::{Map, Value, json};

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// When it came, in milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) client: String,
    pub(crate) method: String,
    /// With the query, where there is one.
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Value,
    pub(crate) attack: bool,
}

impl Request {
    /// One without headers and payload.
    pub(crate) fn new(at: i64, client: impl Into<String>, method: &str, endpoint: impl Into<String>) -> Self {
        let (client, endpoint) = (client.into(), endpoint.into());
        Self { at, client, method: method.to_owned(), endpoint, headers: Vec::new(), payload: Value::Null, attack: false }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }

    /// The body of `POST /analyze`.
    pub(crate) fn body(&self, id: &str) -> Vec<u8> {
        let headers: Map<String, Value> = self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let body = json!({
            "request_id": id, "ip_address": self.client, "endpoint": self.endpoint, "http_method": self.method, "headers": headers,
            "payload": self.payload, "timestamp": Timestamp::from_micros(self.at * 1_000).to_string(),
        });
        body.to_string().into_bytes()
    }

    /// Reads such a body, of a benign request.
    pub(crate) fn read(line: &str) -> anyhow::Result<Self> {
        let mut body: Value = serde_json::from_str(line)?;
        let text = |name: &str| body[name].as_str().with_context(|| format!("no {name} in {line}"));
        let at = Timestamp::parse(text("timestamp")?)?.micros() / 1_000;
        let request = Self::new(at, text("ip_address")?, text("http_method")?, text("endpoint")?);
        let named = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let headers = body["headers"].as_object().into_iter().flatten().filter_map(named).collect();
        Ok(Self { headers, ..request.payload(body["payload"].take()) })
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use serde_json::json;

    #[test]
    fn a_body_is_read_as_it_was_written() {
        let request = Request::new(1_709_510_400_123, "10.0.0.1", "POST", "/a?b=c").header("user-agent", "x/1").payload(json!({"n": 1}));
        let body = String::from_utf8(request.body("r-1")).unwrap();
        assert!(body.contains("2024-03-04T00:00:00.123"), "{body}");
        assert_eq!(Request::read(&body).unwrap(), request);
    }
}
