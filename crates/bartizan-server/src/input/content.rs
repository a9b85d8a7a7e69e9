//! Extractor of a checked JSON body.

use crate::{
    http::{
        body::{self, Limits, Reservation},
        refusal::Refusal,
    },
    input::{fault::in_body, fields::Fields},
};
use aide::{OperationInput, generate::GenContext, openapi::Operation};
use axum::{
    Json,
    extract::{FromRef, FromRequest, Request},
};
use bartizan_domains::{faults::object_of, raw::RawObject};
use schemars::JsonSchema;

/// What a route reads from its body.
pub(crate) trait FromBody: Sized {
    /// The fields that it reads.
    const NAMES: &'static [&'static str];

    /// Reads it; `None` only with faults.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The body of a request, read and without faults.
pub(crate) struct Content<T> {
    pub(crate) read: T,
    /// Kept until the work on it is done.
    pub(crate) reservation: Reservation,
}

impl<S: Sync, T: FromBody + Send + 'static> FromRequest<S> for Content<T>
where
    Limits: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = body::receive(request, &Limits::from_ref(state)).await?;
        let (read, reservation) = body.parse(|bytes| parse(bytes)).await;
        Ok(Self { read: read?, reservation })
    }
}

fn parse<T: FromBody>(bytes: &[u8]) -> Result<T, Refusal> {
    let object = object(bytes, T::NAMES)?;
    let mut faults = Vec::new();
    match T::from_fields(&mut Fields::of_body(object, &mut faults)) {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(Refusal::Invalid(faults)),
    }
}

/// Finds the fields called `names` of a body that must be an object.
pub(crate) fn object<'a>(bytes: &'a [u8], names: &[&'static str]) -> Result<RawObject<'a>, Refusal> {
    object_of(bytes, names).map_err(|faults| Refusal::Invalid(in_body(faults)))
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
    use bartizan_domains::faults::MAX_FAULTS;
    use serde_json::{Value, json};

    struct Named;

    impl FromBody for Named {
        const NAMES: &'static [&'static str] = &["name", "flag", "inner"];

        fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
            let (name, _) = (fields.string("name"), fields.boolean("flag"));
            fields.object_if_any("inner", &["count"], |inner| inner.count_if_any("count", 1..=9));
            name.map(|_| Self)
        }
    }

    fn faults(bytes: &[u8]) -> Vec<(String, Value)> {
        listed(bytes).into_iter().map(|(kind, loc, _)| (kind, loc)).collect()
    }

    fn listed(bytes: &[u8]) -> Vec<(String, Value, Value)> {
        match parse::<Named>(bytes) {
            Err(Refusal::Invalid(faults)) => faults.into_iter().map(|f| (f.kind.to_owned(), json!(f.loc), f.input)).collect(),
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
            (deep.as_bytes(), "json_invalid", json!(["body", 9999])),
        ] {
            assert_eq!(faults(bytes), [(kind.to_owned(), loc)], "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn all_faults_are_listed() {
        let expected = [
            ("string_type".to_owned(), json!(["body", "name"])),
            ("bool_parsing".to_owned(), json!(["body", "flag"])),
            ("greater_than_equal".to_owned(), json!(["body", "inner", "count"])),
        ];
        assert_eq!(faults(br#"{"name": 1, "flag": "maybe", "inner": {"count": 0, "more": []}}"#), expected);
        assert!(faults(br#"{"name": "x", "flag": "no", "more": [], "inner": null}"#).is_empty());
        let kind = |bytes| faults(bytes)[0].0.clone();
        assert_eq!(kind(br#"{"name": "x", "flag": "no", "inner": []}"#), "dict_type");
        assert_eq!(kind(br#"{"name": "x", "flag": [true]}"#), "bool_type");
        assert_eq!(kind(br#"{"name": "\ud800", "flag": true}"#), "string_type");
    }

    #[test]
    fn inputs_are_shown_short_and_faults_are_few() {
        let zeros = format!("[{}0]", "0,".repeat(2 << 20));
        let shown = |body: String| listed(body.as_bytes()).into_iter().map(|(.., input)| input).collect::<Vec<_>>();
        assert_eq!(shown(format!("{{\"x\":{zeros}}}")), [Value::Null, Value::Null]);
        assert_eq!(shown(format!("{{\"name\":{zeros},\"flag\":true}}")), [Value::Null]);
        assert_eq!(shown(format!("{{\"name\":\"x\",\"flag\":\"{}\"}}", "y".repeat(1 << 20))), [Value::from("y".repeat(1024))]);
        assert_eq!(shown("{\"flag\": true}".to_owned()), [json!({"flag": true})]);
        let mut faults = Vec::new();
        for _ in 0..1_000 {
            let object = super::object(b"{}", &[]).unwrap();
            Fields::of_body(object, &mut faults).string("name");
        }
        assert_eq!(faults.len(), MAX_FAULTS);
    }
}
