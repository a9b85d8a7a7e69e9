//! The OpenAPI document, built from the router.

use crate::{
    config::Scope,
    input::fault::{InvalidAnswer, RefusedAnswer},
};
use aide::{
    openapi::{Info, OpenApi, Operation, ReferenceOr, SecurityScheme, Tag},
    transform::{TransformOpenApi, TransformOperation},
};
use axum::Json;

/// Name of the one security scheme.
const TOKEN: &str = "token";

const DESCRIPTION: &str = "Anomaly detection for security telemetry. A refusal is `{\"detail\": \"<text>\"}`; input that does not validate is 422 \
    and lists every fault. Every answer carries `x-request-id`. A path with and without a trailing slash answers alike. The token is asked for \
    only where one is configured.";

/// An empty document, to be filled by the routers.
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

/// What concerns the document as a whole.
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
        }
    }
    api.security_scheme(TOKEN, scheme)
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

/// Documents that a body is read.
pub(crate) fn reads_body(op: TransformOperation<'_>) -> TransformOperation<'_> {
    let op = refuses::<400>(op, "The body is not what its Content-Encoding says");
    let op = refuses::<408>(op, "The body did not arrive in time");
    let op = refuses::<413>(op, "The body is too large, as sent or decoded");
    refuses::<415>(op, "The Content-Encoding is neither gzip nor zstd: see Accept-Encoding")
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

/// The right that an operation needs; `None` when it is open.
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

/// The part of a document that lies under a prefix.
pub(crate) fn part(api: &OpenApi, prefix: &str) -> OpenApi {
    let mut part = api.clone();
    if let Some(paths) = &mut part.paths {
        paths.paths.retain(|path, _| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    }
    part
}
