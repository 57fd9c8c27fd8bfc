//! The authorization of a request, its own or inherited.

use lanyard_rest::is_token;
use serde_json::Value;

use super::variables::Variables;
use crate::draft::KeyPlace;
use crate::sample::{Auth, Sample};

/// Sets what a request proves itself with.
pub(super) fn set(sample: &mut Sample, auth: Option<&Value>, variables: &Variables) {
    let Some(auth) = auth else { return };
    let Some(kind) = auth.get("type").and_then(Value::as_str) else { return };
    let text = |name: &str| member(auth, kind, name).map(|text| variables.text(&text));
    sample.auth = match kind {
        "noauth" => None,
        "bearer" => Some(Auth::Bearer(text("token").unwrap_or_default())),
        "basic" => {
            let part = |name| text(name).unwrap_or_default();
            Some(Auth::Basic(format!("{}:{}", part("username"), part("password"))))
        }
        "apikey" => {
            let name = text("key").filter(|name| is_token(name));
            if name.is_none() {
                sample.warn("its API key has no name that is known: `X-API-Key` is taken");
            }
            let place = match text("in").as_deref() {
                Some("query") => KeyPlace::Query,
                Some(_) | None => KeyPlace::Header,
            };
            let value = text("value").unwrap_or_default();
            Some(Auth::Key { place, name: name.unwrap_or_else(|| "X-API-Key".to_owned()), value })
        }
        "oauth2" => {
            sample.warn(
                "the authorization is OAuth 2: nobody fetches tokens here, so a token must be set as \
                 its secret, and renewed when it expires",
            );
            Some(Auth::Bearer(text("accessToken").unwrap_or_default()))
        }
        _ => {
            sample.warn(
                "its kind of authorization is not supported: the request is imported without one, \
                 and calls will be refused unless the server takes a key or a token",
            );
            None
        }
    };
}

/// A member of an authorization: format 2.1 has a list of pairs, 2.0 an object.
fn member(auth: &Value, kind: &str, name: &str) -> Option<String> {
    let value = match auth.get(kind)? {
        Value::Array(pairs) => pairs
            .iter()
            .find(|pair| pair.get("key").and_then(Value::as_str) == Some(name))?
            .get("value")?,
        Value::Object(members) => members.get(name)?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    value.as_str().map(str::to_owned)
}
