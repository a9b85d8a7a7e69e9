//! The OpenAPI document, built from the router.

use crate::{
    config::Scope,
    http::refusal::json,
    input::fault::{InvalidAnswer, RefusedAnswer},
};
use aide::{
    openapi::{
        HeaderStyle, Info, MediaType, OpenApi, Operation, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr, RequestBody,
        Response, SchemaObject, SecurityScheme, StatusCode, Tag,
    },
    transform::{TransformOpenApi, TransformOperation},
};
use axum::Json;
use bytes::Bytes;
use schemars::json_schema;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Name of the one security scheme.
const TOKEN: &str = "token";

const DESCRIPTION: &str = "Anomaly detection for security telemetry. A refusal is `{\"detail\": \"<text>\"}`; input that does not validate is 422 \
    and lists every fault. Every answer carries `x-request-id`. A path with and without a trailing slash answers alike. The token is asked for \
    only where one is configured.";

/// Returns an empty document, to be filled by the routers.
pub(crate) fn begin(version: &str) -> OpenApi {
    OpenApi {
        info: Info {
            title: "Bartizan".to_owned(),
            version: version.to_owned(),
            description: Some(DESCRIPTION.to_owned()),
            ..Info::default()
        },
        ..OpenApi::default()
    }
}

/// Adds what concerns the document as a whole.
pub(crate) fn finish<'t>(api: TransformOpenApi<'t>, tags: &[(String, String)]) -> TransformOpenApi<'t> {
    let scheme = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: None,
        description: Some("Authorization: Bearer TOKEN".to_owned()),
        extensions: Default::default(),
    };
    let mut api = tags.iter().fold(api, |api, (name, description)| {
        api.tag(Tag { name: name.clone(), description: Some(description.clone()), ..Tag::default() })
    });
    for (path, item) in api.inner_mut().paths.iter_mut().flat_map(|paths| &mut paths.paths) {
        let ReferenceOr::Item(item) = item else { continue };
        let first = path.split('/').nth(1).unwrap_or("");
        let tag = tags.iter().map(|(name, _)| name).find(|name| *name == first).map_or(SERVER_TAG, String::as_str);
        let each = [("get", &mut item.get), ("put", &mut item.put), ("post", &mut item.post), ("delete", &mut item.delete)];
        for (method, operation) in each.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?))) {
            operation.tags = vec![tag.to_owned()];
            operation.operation_id = Some(operation_id(method, path));
            describe_success(operation);
            may_refuse(operation);
        }
    }
    let components = api.inner_mut().components.get_or_insert_default();
    for (_, name, description) in REFUSALS.iter().chain(REFUSED_BODIES) {
        components.responses.insert((*name).to_owned(), ReferenceOr::Item(refusal(description)));
    }
    api.security_scheme(TOKEN, scheme)
}

/// Refusals of any operation: status, name, and when.
const REFUSALS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The request names no host, or more than one, or its body could not be read"),
    (421, "Misdirected", "The host that the request names is not answered to"),
    (500, "Failed", "Something went wrong; the log says what, under the `x-request-id` of the answer"),
    (503, "Busy", "The request took too long, or the service is busy: see Retry-After"),
];

/// Further refusals of operations with a body.
const REFUSED_BODIES: &[(u16, &str, &str)] = &[
    (408, "Late", "The body did not arrive in time"),
    (413, "TooLarge", "The body is too large"),
    (415, "UnknownCoding", "The Content-Encoding is none of gzip and zstd"),
];

fn refusal(description: &str) -> Response {
    let mut refusal = Response { description: description.to_owned(), ..Response::default() };
    let schema =
        SchemaObject { json_schema: json_schema!({ "$ref": "#/components/schemas/RefusedAnswer" }), external_docs: None, example: None };
    refusal.content.insert("application/json".to_owned(), MediaType { schema: Some(schema), ..MediaType::default() });
    refusal
}

/// Adds the common refusals, where the operation does not document its own.
fn may_refuse(operation: &mut Operation) {
    let with_body = if operation.request_body.is_some() { REFUSED_BODIES } else { &[] };
    let responses = &mut operation.responses.get_or_insert_default().responses;
    for (status, name, _) in REFUSALS.iter().chain(with_body) {
        let reference = ReferenceOr::Reference { reference: format!("#/components/responses/{name}"), summary: None, description: None };
        responses.entry(StatusCode::Code(*status)).or_insert(reference);
    }
    responses.sort_unstable_keys();
}

/// Returns the document of a server without a token: no authentication, and only web pages are refused.
pub(crate) fn without_token(mut api: OpenApi) -> OpenApi {
    if let Some(components) = &mut api.components {
        components.security_schemes.clear();
    }
    for (_, item) in api.paths.iter_mut().flat_map(|paths| &mut paths.paths) {
        let ReferenceOr::Item(item) = item else { continue };
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            operation.security.clear();
            let Some(responses) = &mut operation.responses else { continue };
            responses.responses.retain(|status, _| *status != StatusCode::Code(401));
            if let Some(ReferenceOr::Item(forbidden)) = responses.responses.get_mut(&StatusCode::Code(403)) {
                "A web page that may not do this asked for it".clone_into(&mut forbidden.description);
            }
        }
        if let Some(responses) = item.get.as_mut().and_then(|get| get.responses.as_mut()) {
            responses.responses.retain(|status, _| *status != StatusCode::Code(403));
        }
    }
    api
}

fn describe_success(operation: &mut Operation) {
    for (_, response) in operation.responses.iter_mut().flat_map(|responses| &mut responses.responses) {
        if let ReferenceOr::Item(response) = response
            && response.description.is_empty()
        {
            "Success".clone_into(&mut response.description);
        }
    }
}

/// Tag of what belongs to no detector.
pub(crate) const SERVER_TAG: &str = "server";

/// `get` and `/requests/models` make `get_requests_models`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// Documents the right that an operation needs and how it refuses.
pub(crate) fn needs(op: TransformOperation<'_>, scope: Scope) -> TransformOperation<'_> {
    op.security_requirement_scopes(TOKEN, [name_of(scope)])
        .response_with::<401, Json<RefusedAnswer>, _>(|res| res.description("No token, or a wrong one"))
        .response_with::<403, Json<RefusedAnswer>, _>(|res| res.description("The token lacks the right"))
        .response_with::<503, Json<RefusedAnswer>, _>(|res| res.description("No model, or the service is busy: see Retry-After"))
}

/// Documents that input is checked.
pub(crate) fn checks_input(op: TransformOperation<'_>) -> TransformOperation<'_> {
    op.response_with::<422, Json<InvalidAnswer>, _>(|res| res.description("The input does not validate"))
}

/// Documents an answer that is text of another type than JSON.
pub(crate) fn answers_text<'t>(mut op: TransformOperation<'t>, media_type: &str, description: &str) -> TransformOperation<'t> {
    answers(&mut op, media_type, description, json_schema!({ "type": "string" }));
    op
}

/// Documents an answer that is a JSON object of a form described elsewhere.
pub(crate) fn answers_object<'t>(mut op: TransformOperation<'t>, description: &str) -> TransformOperation<'t> {
    answers(&mut op, "application/json", description, json_schema!({ "type": "object" }));
    op
}

fn answers(op: &mut TransformOperation<'_>, media_type: &str, description: &str, schema: schemars::Schema) {
    let schema = Some(SchemaObject { json_schema: schema, external_docs: None, example: None });
    let mut answer = Response { description: description.to_owned(), ..Response::default() };
    answer.content.insert(media_type.to_owned(), MediaType { schema, ..MediaType::default() });
    let responses = op.inner_mut().responses.get_or_insert_default();
    responses.responses.insert(StatusCode::Code(200), ReferenceOr::Item(answer));
}

/// Documents that a body is read.
pub(crate) fn reads_body(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = refuses::<400>(op, "The body is not what its Content-Encoding says");
    let op = refuses::<408>(op, "The body did not arrive in time");
    let op = refuses::<413>(op, "The body is too large, as sent or decoded");
    refuses::<415>(op, "The Content-Encoding is neither gzip nor zstd: see Accept-Encoding")
}

/// Documents a body that is text, of one of these media types.
pub(crate) fn takes_text<'t>(mut op: TransformOperation<'t>, media_types: &[&str], description: &str) -> TransformOperation<'t> {
    let schema = || SchemaObject { json_schema: json_schema!({ "type": "string" }), external_docs: None, example: None };
    let mut body = RequestBody { description: Some(description.to_owned()), ..RequestBody::default() };
    for media_type in media_types {
        body.content.insert((*media_type).to_owned(), MediaType { schema: Some(schema()), ..MediaType::default() });
    }
    op.inner_mut().request_body = Some(ReferenceOr::Item(body));
    op
}

/// Documents a header that a request may have, of 1 to `most` characters.
pub(crate) fn takes_header<'t>(mut op: TransformOperation<'t>, name: &str, most: usize, description: &str) -> TransformOperation<'t> {
    let schema = json_schema!({ "type": "string", "minLength": 1, "maxLength": most, "pattern": "^[!-~]+$" });
    let schema = SchemaObject { json_schema: schema, external_docs: None, example: None };
    let parameter_data = ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(schema),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    };
    op.inner_mut().parameters.push(ReferenceOr::Item(Parameter::Header { parameter_data, style: HeaderStyle::Simple }));
    op
}

/// Documents that a body may be left out.
pub(crate) fn body_is_optional(mut op: TransformOperation<'_>) -> TransformOperation<'_> {
    if let Some(ReferenceOr::Item(body)) = &mut op.inner_mut().request_body {
        body.required = false;
    }
    op
}

/// Documents one more refusal.
pub(crate) fn refuses<'t, const STATUS: u16>(op: TransformOperation<'t>, when: &str) -> TransformOperation<'t> {
    op.response_with::<STATUS, Json<RefusedAnswer>, _>(|res| res.description(when))
}

/// Documents that a path is an older name of another one.
pub(crate) fn alias<'t>(op: TransformOperation<'t>, of: &str) -> TransformOperation<'t> {
    let description = format!("Another name of `{of}`, for clients that know it by this one.");
    let mut op = op.description(&description);
    op.inner_mut().deprecated = true;
    op
}

/// Returns the right that an operation needs; `None` when it is open.
pub(crate) fn scope_of(operation: &Operation) -> Option<Scope> {
    let name = operation.security.iter().find_map(|requirement| requirement.get(TOKEN))?.first()?;
    [Scope::Judge, Scope::Read, Scope::Manage].into_iter().find(|scope| name_of(*scope) == name)
}

fn name_of(scope: Scope) -> &'static str {
    match scope {
        Scope::Judge => "judge",
        Scope::Read => "read",
        Scope::Manage => "manage",
    }
}

/// The OpenAPI document of the whole server and of each mount. A part is made when it is first asked for: each is nearly as large as the
/// whole, and most are never read.
pub(crate) struct Documents {
    api: OpenApi,
    made: Mutex<HashMap<String, Bytes>>,
}

impl Documents {
    pub(crate) fn new(api: OpenApi) -> Self {
        Self { api, made: Mutex::default() }
    }

    /// Returns the paths of the whole server.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &String> {
        self.api.paths.iter().flat_map(|paths| paths.paths.keys())
    }

    /// Returns the document of a mount prefix; `""` is the whole server's.
    pub(crate) fn under(&self, prefix: &str) -> Bytes {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = made.get(prefix) {
            return document.clone();
        }
        let document = if prefix.is_empty() { json(&self.api) } else { json(&part(&self.api, prefix)) };
        made.insert(prefix.to_owned(), document.clone());
        document
    }
}

/// The part of a document that lies under a prefix.
fn part(api: &OpenApi, prefix: &str) -> OpenApi {
    let mut part = api.clone();
    if let Some(paths) = &mut part.paths {
        paths.paths.retain(|path, _| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    }
    part
}
