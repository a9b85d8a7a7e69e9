//! Extractor of a checked JSON body.

use crate::{
    http::{
        body::{self, Limits, Room},
        refusal::Refusal,
    },
    input::{fault::Fault, fields::Fields},
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{
    Json,
    extract::{FromRef, FromRequest, Request},
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde_json::{Map, Value, error::Category, value::RawValue};
use std::collections::HashMap;

/// What a route reads from its body.
pub(crate) trait FromBody: Sized {
    /// A field that is kept as it came, for the route to read by itself: it may be as large as a body may be.
    const RECORDS: Option<&'static str> = None;

    /// Reads it; `None` only with faults.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The body of a request, read and without faults.
pub(crate) struct Content<T> {
    pub(crate) read: T,
    /// The field [`FromBody::RECORDS`], JSON, if it is there and not null.
    pub(crate) records: Option<Bytes>,
    /// Kept until the work on it is done.
    pub(crate) room: Room,
}

impl<S: Sync, T: FromBody + Send + 'static> FromRequest<S> for Content<T>
where
    Limits: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = body::receive(request, &Limits::from_ref(state)).await?;
        let (content, room) = body.parse(parse).await;
        Ok(Self { room, ..content? })
    }
}

fn parse<T: FromBody>(bytes: &Bytes) -> Result<Content<T>, Refusal> {
    let missing = || Fault::missing(vec!["body".into()], Value::Null);
    if bytes.trim_ascii().is_empty() {
        return Err(Refusal::Invalid(vec![missing()]));
    }
    let raw: HashMap<String, &RawValue> = match serde_json::from_slice(bytes) {
        Ok(raw) => raw,
        Err(error) => {
            return Err(Refusal::Invalid(vec![match serde_json::from_slice::<Value>(bytes) {
                Ok(Value::Null) => missing(),
                Ok(other) => not_an_object(other),
                Err(_) => json_invalid(bytes, &error),
            }]));
        }
    };
    let (map, records) = split::<T>(bytes, raw)?;
    let mut faults = Vec::new();
    match T::from_fields(&mut Fields::of_body(&map, &mut faults)) {
        Some(read) if faults.is_empty() => Ok(Content { read, records, room: Room::default() }),
        _ => Err(Refusal::Invalid(faults)),
    }
}

fn split<T: FromBody>(bytes: &Bytes, raw: HashMap<String, &RawValue>) -> Result<(Map<String, Value>, Option<Bytes>), Refusal> {
    let (mut map, mut records) = (Map::new(), None);
    for (name, value) in raw {
        let text = value.get();
        if T::RECORDS == Some(name.as_str()) {
            records = (text != "null").then(|| bytes.slice_ref(text.as_bytes()));
            continue;
        }
        let read = serde_json::from_str(text).map_err(|error| {
            let before = text.as_ptr().addr() - bytes.as_ptr().addr();
            Refusal::Invalid(vec![json_invalid_from(before, text.as_bytes(), &error)])
        })?;
        map.insert(name, read);
    }
    Ok((map, records))
}

fn not_an_object(input: Value) -> Fault {
    let text = "Input should be a valid dictionary or object to extract fields from";
    Fault::new("model_attributes_type", vec!["body".into()], text, input)
}

fn json_invalid(bytes: &[u8], error: &serde_json::Error) -> Fault {
    json_invalid_from(0, bytes, error)
}

/// The fault of bytes that are no JSON and begin at `start` of the body.
pub(crate) fn json_invalid_from(start: usize, bytes: &[u8], error: &serde_json::Error) -> Fault {
    let before: usize = bytes.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let offset = (before + error.column().saturating_sub(1)).min(bytes.len());
    let text = match error.classify() {
        Category::Eof => "Unexpected end of the body".to_owned(),
        _ => error.to_string(),
    };
    Fault::json_invalid(start + offset, &text)
}

impl<T: JsonSchema> OperationInput for Content<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Json::<T>::operation_input(ctx, operation);
    }
}

#[cfg(test)]
mod tests {
    use super::{FromBody, parse};
    use crate::{http::refusal::Refusal, input::fields::Fields};
    use bytes::Bytes;
    use serde_json::{Value, json};

    struct Named;

    impl FromBody for Named {
        fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
            let (name, _) = (fields.string("name"), fields.boolean("flag"));
            name.map(|_| Self)
        }
    }

    fn faults(bytes: &[u8]) -> Vec<(String, Value)> {
        match parse::<Named>(&Bytes::copy_from_slice(bytes)) {
            Err(Refusal::Invalid(faults)) => faults.into_iter().map(|f| (f.kind.into_owned(), Value::Array(f.loc))).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn bodies_that_are_no_object_say_so() {
        let deep = "[".repeat(10_000);
        for (bytes, kind, loc) in [
            (&b""[..], "missing", json!(["body"])),
            (b" \n", "missing", json!(["body"])),
            (b"null", "missing", json!(["body"])),
            (b"[1]", "model_attributes_type", json!(["body"])),
            (b"{\"name\":", "json_invalid", json!(["body", 7])),
            (b"{\n \"name\": nope}", "json_invalid", json!(["body", 12])),
            (b"\xff\xfe", "json_invalid", json!(["body", 0])),
            (deep.as_bytes(), "json_invalid", json!(["body", 0])),
        ] {
            assert_eq!(faults(bytes), [(kind.to_owned(), loc)], "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn all_faults_are_listed() {
        let expected = [("string_type".to_owned(), json!(["body", "name"])), ("bool_parsing".to_owned(), json!(["body", "flag"]))];
        assert_eq!(faults(br#"{"name": 1, "flag": "maybe"}"#), expected);
        assert!(faults(br#"{"name": "x", "flag": "no", "more": []}"#).is_empty());
    }
}
