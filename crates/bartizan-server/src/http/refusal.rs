//! Error responses, in the formats of the contract.

use crate::http::coding;
use aide::{OperationOutput, generate::GenContext, openapi::Operation};
use axum::response::{IntoResponse, Response};
use bartizan_domains::faults::{Fault, Loc, MAX_FAULTS, shown_text};
use bartizan_pipeline::{
    AcceptError, ActivateError, ExcludeError, ExclusionFault, JudgeError, LoadError, ReloadError, RequestError, Stopped, TrainError,
    VersionError,
};
use bartizan_storage::StoreError;
use bytes::Bytes;
use hyper::{
    StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 401, no token.
    NotAuthenticated,
    /// 401, a wrong token.
    WrongCredentials,
    /// 403, a token without the right.
    Forbidden,
    /// 413.
    TooLarge { limit: usize },
    /// 415, with the coding that is not understood.
    UnknownCoding(String),
    /// 422 with all faults.
    Invalid(Vec<Fault>),
    /// 503 with `Retry-After`.
    TryAgain(Cow<'static, str>),
    /// 429 with `Retry-After`.
    TooMany(Cow<'static, str>),
    /// The given status with a sentence.
    Text(StatusCode, Cow<'static, str>),
    /// 500; the cause is for the log only.
    Internal(String),
}

/// The cause of a 500, carried to the one place that logs it.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) String);

#[derive(Serialize)]
struct Detail<T> {
    detail: T,
}

pub(crate) const NO_MODEL: &str = "No active model found. Train a model first.";
const TOO_SLOW: &str = "This takes too long over all that is stored. Narrow the filter by ip_address, date_from or date_to, or ask again: what was \
    read is remembered.";
const STORE_UNAVAILABLE: &str = "The database is unavailable. Try again later.";

impl Refusal {
    pub(crate) fn text(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(status, text.into())
    }

    pub(crate) fn no_model() -> Self {
        Self::text(StatusCode::SERVICE_UNAVAILABLE, NO_MODEL)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NotAuthenticated | Self::WrongCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownCoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TryAgain(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Text(status, _) => *status,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&mut self) -> Bytes {
        let text: Cow<'_, str> = match self {
            Self::NotAuthenticated => "Not authenticated".into(),
            Self::WrongCredentials => "Invalid authentication credentials".into(),
            Self::Forbidden => "Not enough permissions".into(),
            Self::TooLarge { limit } => format!("Request body too large: limit {limit} bytes").into(),
            Self::UnknownCoding(name) => format!("Content-Encoding {name:?} is not understood: send gzip, zstd or identity").into(),
            Self::Invalid(faults) => {
                faults.truncate(MAX_FAULTS);
                return json(&Detail { detail: faults });
            }
            Self::TryAgain(text) | Self::TooMany(text) | Self::Text(_, text) => (**text).into(),
            Self::Internal(_) => "Internal Server Error".into(),
        };
        json(&Detail { detail: text })
    }

    /// Returns the response, generic in its body.
    pub(crate) fn answer<B: From<Bytes>>(mut self) -> hyper::Response<B> {
        let mut response = hyper::Response::new(B::from(self.body()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::NotAuthenticated | Self::WrongCredentials => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::UnknownCoding(_) => {
                headers.insert(ACCEPT_ENCODING, coding::SUPPORTED);
            }
            Self::TryAgain(_) | Self::TooMany(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Internal(cause) => {
                response.extensions_mut().insert(Cause(cause));
            }
            _ => {}
        }
        response
    }
}

/// Serialises a value that always serialises to JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).map(Bytes::from).unwrap_or_else(|_| Bytes::from_static(b"{\"detail\":\"Internal Server Error\"}"))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer()
    }
}

impl OperationOutput for Refusal {
    type Inner = Self;

    /// Refusals are documented once, for all operations.
    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, aide::openapi::Response)> {
        Vec::new()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::TimedOut { .. }) {
            return Self::text(StatusCode::SERVICE_UNAVAILABLE, TOO_SLOW);
        }
        if error.is_transient() { Self::TryAgain(STORE_UNAVAILABLE.into()) } else { Self::Internal(error.to_string()) }
    }
}

impl From<JudgeError> for Refusal {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::NoModel => Self::no_model(),
            JudgeError::Store(error) => error.into(),
            JudgeError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<AcceptError> for Refusal {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Full { .. } => {
                let text =
                    format!("Too much waits to be judged: {error} (ingest.max_waiting_events, ingest.max_waiting_bytes). Try again later.");
                Self::TooMany(text.into())
            }
            AcceptError::Store(error) => error.into(),
            AcceptError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<Stopped> for Refusal {
    fn from(_: Stopped) -> Self {
        Self::TryAgain("The service is stopping. Try again later.".into())
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let text = error.to_string();
        match error {
            RequestError::Contamination(_) => Self::text(StatusCode::BAD_REQUEST, text),
            RequestError::Param(error) => Self::Invalid(vec![wrong_value(&["body", "training_params", error.parameter()], &text)]),
            RequestError::Budget(_) => Self::Invalid(vec![wrong_value(&["body", "training_params", "one_false_alarm_in"], &text)]),
            RequestError::AlarmsPerDay | RequestError::TwoBudgets => {
                Self::Invalid(vec![wrong_value(&["body", "training_params", "alarms_per_day"], &text)])
            }
            RequestError::Version(error) => error.into(),
        }
    }
}

impl From<VersionError> for Refusal {
    fn from(VersionError { got }: VersionError) -> Self {
        let text = format!("model_version must be 1 to 64 printable characters, and neither none nor learning, got {got:?}");
        Self::Invalid(vec![Fault { input: shown_text(&got), ..wrong_value(&["body", "model_version"], &text) }])
    }
}

impl From<TrainError> for Refusal {
    fn from(error: TrainError) -> Self {
        use TrainError as E;
        let bad = |text| Self::text(StatusCode::BAD_REQUEST, text);
        match error {
            E::Request(error) => error.into(),
            E::TooFewEvents { needed, got, excluded } => {
                let besides = if excluded > 0 { format!(" besides {excluded} that are excluded: see /exclusions") } else { String::new() };
                bad(format!("Insufficient training data. Need at least {needed} samples, got {got}{besides}"))
            }
            E::TooFewNormal { needed, got, of } => {
                let what = "samples that are neither labelled anomalous nor flagged and not cleared";
                bad(format!("Insufficient training data. Need at least {needed} {what}, got {got} among {of}"))
            }
            E::TooFewLabels { needed, got } => bad(format!("Insufficient corrected labels. Need at least {needed}, got {got}")),
            E::NoDay { .. } | E::MostOfADay { .. } | E::NoClasses { .. } | E::TooLarge { .. } | E::ModelTooLarge(_) | E::Fit(_) => {
                bad(error.to_string())
            }
            E::Busy { .. } => Self::text(StatusCode::CONFLICT, error.to_string()),
            E::Cancelled => Self::text(StatusCode::CONFLICT, "Training was cancelled"),
            E::TooLong { .. } => Self::text(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            E::Unusable(error) => error.into(),
            E::Store(error) => error.into(),
            E::Stopped(_) => Self::TryAgain("Training was interrupted. Try again later.".into()),
        }
    }
}

impl From<ExcludeError> for Refusal {
    fn from(error: ExcludeError) -> Self {
        match error {
            ExcludeError::Fault(fault) => Self::Invalid(vec![exclusion_fault(&fault)]),
            ExcludeError::TooMany { .. } => Self::text(StatusCode::CONFLICT, error.to_string()),
            ExcludeError::Store(error) => error.into(),
        }
    }
}

/// What is wrong with an exclusion, at its place in the body.
pub(crate) fn exclusion_fault(fault: &ExclusionFault) -> Fault {
    let (loc, input) = match fault {
        ExclusionFault::NamesNothing => (&["body"][..], Value::Null),
        ExclusionFault::NoEntity { entity } => (&["body", "entity"][..], shown_text(entity)),
        ExclusionFault::Order { to, .. } => (&["body", "to"][..], to.to_string().into()),
        ExclusionFault::LongNote { .. } => (&["body", "note"][..], Value::Null),
    };
    Fault { input, ..wrong_value(loc, &fault.to_string()) }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Damaged { .. } => Self::text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            LoadError::Mismatch { .. } => Self::text(StatusCode::CONFLICT, error.to_string()),
            LoadError::Store(error) => error.into(),
            LoadError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<ActivateError> for Refusal {
    fn from(error: ActivateError) -> Self {
        match error {
            ActivateError::NoSuchModel => Self::text(StatusCode::NOT_FOUND, "Model version not found"),
            ActivateError::Load(error) => error.into(),
        }
    }
}

impl From<ReloadError> for Refusal {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::NothingStored => Self::text(StatusCode::NOT_FOUND, "No trained model found on disk"),
            ReloadError::Load(error) => error.into(),
        }
    }
}

pub(crate) fn wrong_value(loc: &[&str], text: &str) -> Fault {
    Fault::value_error(loc.iter().map(|step| Loc::Key((*step).to_owned())).collect(), text)
}

#[cfg(test)]
mod tests {
    use super::Refusal;
    use bartizan_storage::StoreError;
    use http_body_util::{BodyExt, Full};
    use hyper::{body::Bytes, header::RETRY_AFTER};

    #[tokio::test]
    async fn errors_of_the_store_are_reported_without_their_cause() {
        let secret = || "/var/lib/secret.db is locked".to_owned();
        for (error, status, retry) in [
            (StoreError::Unavailable(secret()), 503, Some("1")),
            (StoreError::Full(secret()), 503, Some("1")),
            (StoreError::TimedOut { secs: 5 }, 503, None),
            (StoreError::Corrupt(secret()), 500, None),
            (StoreError::Other(secret()), 500, None),
        ] {
            let answer = Refusal::from(error).answer::<Full<Bytes>>();
            assert_eq!((answer.status().as_u16(), answer.headers().get(RETRY_AFTER).map(|v| v.to_str().unwrap())), (status, retry));
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(body.starts_with(b"{\"detail\":\"") && !String::from_utf8_lossy(&body).contains("secret"), "{body:?}");
        }
    }
}
