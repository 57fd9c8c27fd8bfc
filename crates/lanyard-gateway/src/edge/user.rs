//! Whom an agent calls for: the header `X-Lanyard-User`, or the member `io.lanyard/user` of a
//! request's `_meta`. Whether it may is decided with the call; here it is read.
//!
//! A session that begins for a user is that user's: what comes in it without a name is for them,
//! and what names somebody else does not belong to it. In a session that begins for nobody, each
//! request says for itself.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};
use lanyard_core::{Principal, UserName};
use lanyard_wire::{Kind, Message, WireError, splice};
use serde_json::value::RawValue;

use super::reply::{self, Reply};
use super::request::Context;

/// The header.
const HEADER: &str = "x-lanyard-user";

/// The member of `_meta`.
const KEY: &str = "io.lanyard/user";

/// What is said to a request that names nobody who can be one.
const UNREADABLE: &str = "name one user: 1 to 64 letters, digits, `_`, `-`, `.` and `@`";

/// Headers name a user in a way that cannot be read. They are refused, because a call for nobody is
/// another call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Unreadable {
    pub(super) fn reply(&self) -> Reply {
        reply::text(StatusCode::BAD_REQUEST, &format!("X-Lanyard-User: {UNREADABLE}"))
    }
}

/// The user that the headers of a request name.
pub(super) fn of_headers(headers: &HeaderMap) -> Result<Option<UserName>, Unreadable> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let name = value.to_str().ok().filter(|_| values.next().is_none());
    match name.map(UserName::parse) {
        Some(Ok(user)) => Ok(Some(user)),
        Some(Err(_)) | None => Err(Unreadable),
    }
}

/// The surroundings of a request that names a user itself; `None` where those of what carried it
/// hold.
pub(super) fn of_message(
    context: &Context,
    message: &Message<'_>,
) -> Result<Option<Context>, WireError> {
    let Kind::Request { method: _, params: Some(params) } = &message.kind else { return Ok(None) };
    let Some(named) = splice::member(params.get(), &["_meta", KEY]) else { return Ok(None) };
    let user = serde_json::from_str::<Cow<'_, str>>(named.get())
        .ok()
        .and_then(|name| UserName::parse(&name).ok())
        .ok_or_else(|| WireError::invalid_params(format!("`{KEY}` in `_meta`: {UNREADABLE}")))?;
    match &context.caller.principal.user {
        Some(known) if *known == user => Ok(None),
        Some(_) => Err(WireError::invalid_params(format!(
            "`{KEY}` in `_meta` names another user than the header, or than the session is for"
        ))),
        None => {
            let mut context = context.again();
            context.caller.principal.user = Some(user);
            Ok(Some(context))
        }
    }
}

/// Parameters without the name of the user: it is said to the gateway, and to no server.
pub(super) fn without(params: &RawValue) -> Box<RawValue> {
    let named = splice::member(params.get(), &["_meta", KEY]);
    named
        .and_then(|_| splice::remove_members(params.get(), &["_meta"], &[KEY]))
        .and_then(|left| RawValue::from_string(left).ok())
        .unwrap_or_else(|| params.to_owned())
}

/// Whether what a principal began (a session, a stream) is this caller's, too: the same agent's, and
/// not another user's.
pub(super) fn shares(began: &Principal, caller: &Principal) -> bool {
    let other_user = match (&began.user, &caller.user) {
        (Some(one), Some(other)) => one != other,
        (None, _) | (_, None) => false,
    };
    began.tenant == caller.tenant && began.agent == caller.agent && !other_user
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_user_is_taken_out_wherever_it_is_written() {
        for (params, expected) in [
            (r#"{"name":"a","_meta":{"io.lanyard/user":"ann"}}"#, r#"{"name":"a","_meta":{}}"#),
            (
                r#"{"_meta": { "progressToken" : 1.0, "io.lanyard\/user":"ann" },"name":"a"}"#,
                r#"{"_meta":{"progressToken" : 1.0},"name":"a"}"#,
            ),
            (r#"{"io.lanyard/user":"ann"}"#, r#"{"io.lanyard/user":"ann"}"#),
            (
                r#"{"arguments":{"_meta":{"io.lanyard/user":"ann"}}}"#,
                r#"{"arguments":{"_meta":{"io.lanyard/user":"ann"}}}"#,
            ),
        ] {
            let left = without(&RawValue::from_string(params.to_owned()).unwrap());
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(value(left.get()), value(expected), "{left}");
        }
    }

    #[test]
    fn a_header_names_one_user_or_is_refused() {
        let named = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, value.parse().unwrap());
            }
            of_headers(&headers)
        };
        assert_eq!(named(&[]), Ok(None));
        assert_eq!(named(&["ann@example.com"]), Ok(UserName::parse("ann@example.com").ok()));
        for bad in [&[""][..], &["ann bea"], &["ann", "ann"], &["ann,bea"], &["é"], &["*"]] {
            assert_eq!(named(bad), Err(Unreadable), "{bad:?}");
        }
    }

    #[test]
    fn what_began_for_a_user_is_no_other_users() {
        let principal = |tenant: &str, agent: &str, user: &str| Principal {
            tenant: lanyard_core::TenantName::parse(tenant).unwrap(),
            agent: lanyard_core::AgentName::parse(agent).unwrap(),
            user: UserName::parse(user).ok(),
        };
        let ann = principal("a", "ci", "ann");
        assert!(shares(&ann, &ann));
        assert!(shares(&ann, &principal("a", "ci", "")));
        assert!(shares(&principal("a", "ci", ""), &ann));
        for other in [("a", "ci", "bea"), ("a", "cd", "ann"), ("b", "ci", "ann")] {
            assert!(!shares(&ann, &principal(other.0, other.1, other.2)), "{other:?}");
        }
    }
}
