//! Authentication and authorisation.

use crate::{
    config::{Scope, ServerConfig},
    http::refusal::Refusal,
};
use hyper::{HeaderMap, header::AUTHORIZATION};
use subtle::{Choice, ConstantTimeEq};

/// The access that a route requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// No token.
    Open,
    /// A token with this right.
    Needs(Scope),
}

/// The configured tokens and their rights.
pub(crate) struct Keys {
    known: Vec<(Vec<u8>, Rights)>,
}

#[derive(Clone)]
enum Rights {
    All,
    Some(Vec<Scope>),
}

impl Keys {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let all = config.token.iter().map(|token| (token.clone().into_bytes(), Rights::All));
        let some = config.keys.iter().map(|key| (key.token.clone().into_bytes(), Rights::Some(key.scopes.clone())));
        Self { known: all.chain(some).collect() }
    }

    /// Checks that a request has the access that a route requires.
    pub(crate) fn check(&self, access: Access, headers: &HeaderMap) -> Result<(), Refusal> {
        let Access::Needs(scope) = access else { return Ok(()) };
        if self.known.is_empty() {
            return Ok(());
        }
        let token = headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes())).ok_or(Refusal::NotAuthenticated)?;
        // Every key is compared, so that the time taken does not say which one came close.
        let found = self.known.iter().fold(None, |found, (key, rights)| if same(token, key) { Some(rights) } else { found });
        match found {
            None => Err(Refusal::WrongCredentials),
            Some(Rights::All) => Ok(()),
            Some(Rights::Some(scopes)) if scopes.contains(&scope) => Ok(()),
            Some(Rights::Some(_)) => Err(Refusal::Forbidden),
        }
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// Compares in a time that depends only on the length of the given token.
fn same(given: &[u8], expected: &[u8]) -> bool {
    // Slices of `subtle` are compared only if they are of one length: the time would say whether they are.
    let against = expected.iter().cycle().chain(std::iter::repeat(&0));
    let equal: Choice = given.iter().zip(against).fold(given.len().ct_eq(&expected.len()), |equal, (a, b)| equal & a.ct_eq(b));
    equal.into()
}

#[cfg(test)]
mod tests {
    use super::{Access, Keys, same};
    use crate::{
        config::{ApiKey, Scope, ServerConfig},
        http::refusal::Refusal,
    };
    use hyper::{HeaderMap, header::AUTHORIZATION};

    fn keys() -> Keys {
        let mut config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        config.token = Some("master".to_owned());
        config.keys = vec![ApiKey { name: "gateway".to_owned(), token: "judge-only".to_owned(), scopes: vec![Scope::Judge] }];
        Keys::new(&config)
    }

    fn check(header: Option<&str>, scope: Scope) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        keys().check(Access::Needs(scope), &headers)
    }

    #[test]
    fn tokens_open_what_they_are_for() {
        assert!(check(Some("Bearer master"), Scope::Manage).is_ok());
        assert!(check(Some("bearer  judge-only "), Scope::Judge).is_ok());
        assert!(matches!(check(Some("Bearer judge-only"), Scope::Read), Err(Refusal::Forbidden)));
        for missing in [None, Some("Basic bWFzdGVy"), Some("Bearer"), Some("Bearer   "), Some("")] {
            assert!(matches!(check(missing, Scope::Read), Err(Refusal::NotAuthenticated)), "{missing:?}");
        }
        for wrong in ["Bearer maste", "Bearer masterr", "Bearer mastermaster", "Bearer MASTER"] {
            assert!(matches!(check(Some(wrong), Scope::Read), Err(Refusal::WrongCredentials)), "{wrong}");
        }
    }

    #[test]
    fn comparison_is_exact() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abcabc", b"abc") && !same(b"ab", b"abc") && !same(b"", b"abc") && !same(b"abc", b""));
    }
}
