//! Where credentials stand in a sample.

use data_encoding::BASE64;
use lanyard_core::credential::looks_random;
use lanyard_rest::is_token;
use serde_json::Value;

use super::beside::names_beside;
use super::name::{body_holds_credential, is_body_credential, is_credential, names_secret};
use super::{Credentials, looks_like_live_credential};
use crate::draft::{KeyPlace, Requirement, SchemeKind};
use crate::sample::{Auth, Body, Pair, Sample};
use crate::shell::variable;

pub(super) fn take(credentials: &mut Credentials, sample: &mut Sample) -> Vec<Requirement> {
    let mut finder = Finder { credentials, sample, needed: Vec::new() };
    finder.headers();
    finder.auth();
    finder.query();
    finder.path();
    finder.body();
    finder.needed
}

/// A word that says how the credential behind it is meant, and is none itself.
fn is_scheme_word(word: &str) -> bool {
    (1..=24).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_')
}

/// Segments of a path behind which a credential stands.
const AFTER: &[&str] =
    &["access_token", "access-token", "api_key", "api-key", "apikey", "secret", "token"];

/// Whether a segment is one by what stands before it, though it is short.
fn is_behind(name: &str, segment: &str) -> bool {
    let has = |fits: fn(&char) -> bool| segment.chars().any(|c| fits(&c));
    AFTER.contains(&name.to_ascii_lowercase().as_str())
        && segment.len() >= 8
        && has(char::is_ascii_alphabetic)
        && has(char::is_ascii_digit)
}

const BODY: &str = "the body";

struct Finder<'a> {
    credentials: &'a mut Credentials,
    sample: &'a mut Sample,
    needed: Vec<Requirement>,
}

impl Finder<'_> {
    fn scheme(&mut self, kind: SchemeKind, text: &str, said: &str) {
        let needed = self.credentials.scheme(self.sample, kind, text, said);
        if !self.needed.contains(&needed) {
            self.needed.push(needed);
        }
    }

    fn config(&mut self, key: &str, text: &str, said: &str) -> String {
        self.credentials.config_key(self.sample, key, text, said)
    }

    fn headers(&mut self) {
        for mut header in std::mem::take(&mut self.sample.headers) {
            let name = header.name.to_ascii_lowercase();
            let value = std::mem::take(&mut header.value).unwrap_or_default();
            match name.as_str() {
                "authorization" => self.authorization(header, &value),
                "proxy-authorization" => self
                    .sample
                    .warn("the header `Proxy-Authorization` is left out: requests go to no proxy"),
                "cookie" => self.cookies(&value),
                _ if is_credential(&header.name, &value) => {
                    let said = format!("the header `{}`", header.name);
                    let kind = SchemeKind::ApiKey { place: KeyPlace::Header, name: header.name };
                    self.scheme(kind, &value, &said);
                }
                "referer" if names_beside(&value) || value.contains('@') => {
                    self.sample.warn(
                        "the header `Referer` may hold a credential and is left out: write one \
                         without it if the server asks for it",
                    );
                }
                _ => {
                    let is_fixed = name == "content-type" || !names_beside(&value);
                    if !is_fixed {
                        self.say_doubt(&header.name, &Value::from(value.as_str()), "the headers");
                    }
                    // A variable is an argument.
                    let value = if is_fixed { value } else { variable::text(&header.name) };
                    header.value = Some(value);
                    self.sample.headers.push(header);
                }
            }
        }
    }

    /// A header wins over what `-u` says, as it does in curl.
    fn authorization(&mut self, header: Pair, value: &str) {
        const SAID: &str = "the header `Authorization`";
        self.sample.auth = None;
        let value = value.trim();
        let (word, rest) = value.split_once(' ').unwrap_or(("", value));
        let rest = rest.trim_start();
        if word.eq_ignore_ascii_case("bearer") {
            self.scheme(SchemeKind::HttpBearer, rest, SAID);
        } else if word.eq_ignore_ascii_case("basic") {
            // What it encodes is kept, so that it can be typed anew.
            let decoded = BASE64.decode(rest.as_bytes()).ok();
            let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            let login =
                decoded.filter(|login| login.contains(':') && !login.contains(char::is_control));
            self.scheme(SchemeKind::HttpBasic, login.as_deref().unwrap_or(rest), SAID);
        } else if rest.contains([',', ' ']) || word.to_ascii_uppercase().starts_with("AWS4") {
            self.sample.warn(
                "the header `Authorization` is a signature for one request, which is of no use for \
                 another: it is left out, and calls will be refused unless the server takes a key \
                 or a token",
            );
        } else if !is_scheme_word(word) {
            let kind = SchemeKind::ApiKey { place: KeyPlace::Header, name: header.name };
            self.scheme(kind, value, SAID);
        } else {
            let (before, token) = match rest.split_once('=') {
                Some((name, token))
                    if names_secret(name) && !token.trim_matches('=').is_empty() =>
                {
                    (format!("{word} {name}="), token)
                }
                _ => (format!("{word} "), rest),
            };
            let quoted = token.len() > 2 && token.starts_with('"') && token.ends_with('"');
            let (token, quote) = if quoted { (token.trim_matches('"'), "\"") } else { (token, "") };
            let key = if word.eq_ignore_ascii_case("token") { "" } else { word };
            let place = self.config(&format!("{key} token"), token, SAID);
            let value = format!("{before}{quote}{place}{quote}");
            self.sample.headers.push(Pair::new(header.name, value));
        }
    }

    /// One cookie is a credential of its name; several are one session, and one credential.
    fn cookies(&mut self, value: &str) {
        let pairs: Vec<&str> =
            value.split(';').map(str::trim).filter(|pair| !pair.is_empty()).collect();
        let single = match pairs.as_slice() {
            [] => return,
            [one] => one.split_once('='),
            _ => None,
        };
        // What a cookie scheme writes is percent-encoded.
        let stays =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        match single {
            Some((name, text)) if (stays(text) || variable::has(text)) && is_token(name) => {
                let said = format!("the cookie `{name}`");
                let kind = SchemeKind::ApiKey { place: KeyPlace::Cookie, name: name.to_owned() };
                self.scheme(kind, text, &said);
            }
            _ => {
                let name = "Cookie".to_owned();
                let kind = SchemeKind::ApiKey { place: KeyPlace::Header, name };
                self.scheme(kind, &pairs.join("; "), "the header `Cookie`");
            }
        }
    }

    fn auth(&mut self) {
        match self.sample.auth.take() {
            Some(Auth::Bearer(token)) => {
                self.scheme(SchemeKind::HttpBearer, &token, "the bearer token");
            }
            Some(Auth::Basic(login)) => {
                self.scheme(SchemeKind::HttpBasic, &login, "the login (user and password)");
            }
            Some(Auth::Key { place, name, value }) => {
                // It is set once, by its scheme.
                let other = |pair: &Pair| !pair.name.eq_ignore_ascii_case(&name);
                match place {
                    KeyPlace::Header => self.sample.headers.retain(other),
                    KeyPlace::Query => self.sample.query.retain(other),
                    KeyPlace::Cookie => {}
                }
                let said = format!("the key `{name}`");
                self.scheme(SchemeKind::ApiKey { place, name }, &value, &said);
            }
            None => {}
        }
    }

    fn query(&mut self) {
        for pair in std::mem::take(&mut self.sample.query) {
            if looks_like_live_credential(&pair.name).is_some() {
                self.sample.warn(
                    "a name in the query looks like a credential and is left out: write it as the \
                     value of a pair",
                );
            } else if is_credential(&pair.name, pair.value()) {
                let said = format!("the query pair `{}`", pair.name);
                let name = pair.name.clone();
                let kind = SchemeKind::ApiKey { place: KeyPlace::Query, name };
                self.scheme(kind, pair.value(), &said);
            } else {
                if names_beside(pair.value()) {
                    self.say_doubt(&pair.name, &Value::from(pair.value()), "the query");
                }
                self.sample.query.push(pair);
            }
        }
    }

    /// Tokens in the path: of bots and webhooks, and what has a known form.
    fn path(&mut self) {
        let path = std::mem::take(&mut self.sample.path);
        let host = self.sample.origin.host().to_owned();
        let mut segments: Vec<String> = Vec::new();
        let webhook = host == "hooks.slack.com";
        if webhook && let Some((first, rest)) = path.trim_start_matches('/').split_once('/') {
            let place = self.config("webhook path", rest, "the path of the webhook");
            self.sample.path = format!("/{first}/{place}");
            return;
        }
        for segment in path.split('/') {
            let segment = self.without_session(segment);
            let taken = self.segment(segment, &segments, &host);
            segments.push(taken);
        }
        self.sample.path = segments.join("/");
    }

    /// A segment without the session that servers of Java write behind it.
    fn without_session<'p>(&mut self, segment: &'p str) -> &'p str {
        match segment.split_once(';') {
            Some((before, rest)) if rest.to_ascii_lowercase().starts_with("jsessionid=") => {
                self.sample.warn("`jsessionid` in the path is left out: it is a session that ends");
                before
            }
            Some(_) | None => segment,
        }
    }

    fn segment(&mut self, segment: &str, before: &[String], host: &str) -> String {
        const SAID: &str = "a part of the path";
        if host == "api.telegram.org"
            && let Some(token) = segment.strip_prefix("bot").filter(|rest| !rest.is_empty())
        {
            return format!("bot{}", self.config("bot token", token, "the token in the path"));
        }
        let after_webhooks = before.iter().rev().nth(1).is_some_and(|name| name == "webhooks");
        let long = segment.len() >= 40 && host.contains("discord");
        let name = segment.trim_matches(['{', '}', '<', '>', ':']);
        let named = name.len() < segment.len() && names_secret(name);
        let variable = variable::pieces(segment).iter().find_map(|piece| match piece {
            variable::Piece::Variable(name) if names_secret(name) => Some((*name).to_owned()),
            variable::Piece::Variable(_)
            | variable::Piece::Plain(_)
            | variable::Piece::Secret(_) => None,
        });
        if let Some(variable) = variable {
            return self.config(&variable, segment, SAID);
        }
        if named {
            return self.config(name, &format!("<{name}>"), SAID);
        }
        if let Some(name) = before.last().filter(|name| names_secret(name))
            && (looks_random(segment) || is_behind(name, segment))
        {
            return self.config(name, segment, SAID);
        }
        if (after_webhooks && long) || looks_like_live_credential(segment).is_some() {
            let key = if after_webhooks { "webhook token" } else { "path token" };
            return self.config(key, segment, SAID);
        }
        segment.to_owned()
    }

    fn body(&mut self) {
        match std::mem::replace(&mut self.sample.body, Body::None) {
            Body::Form(mut pairs) => {
                for pair in &mut pairs {
                    if is_body_credential(&pair.name, pair.value()) {
                        let said = format!("the form pair `{}`", pair.name);
                        pair.value = Some(self.config(&pair.name, pair.value(), &said));
                    } else {
                        self.say_doubt(&pair.name, &Value::from(pair.value()), BODY);
                    }
                }
                self.sample.body = Body::Form(pairs);
            }
            Body::Json(mut value) => {
                for (name, member) in value.as_object_mut().into_iter().flatten() {
                    if let Value::String(text) = member
                        && is_body_credential(name, text)
                    {
                        let said = format!("the member `{name}` of the body");
                        *member = Value::String(self.config(name, text, &said));
                    } else {
                        self.say_doubt(name, member, BODY);
                    }
                }
                self.sample.body = Body::Json(value);
            }
            Body::Multipart(parts) => {
                for part in &parts {
                    let value = Value::from(part.pair.value());
                    self.say_doubt(&part.pair.name, &value, BODY);
                }
                self.sample.body = Body::Multipart(parts);
            }
            Body::Text(text) => {
                self.say_doubt("the text", &Value::from(text.as_str()), BODY);
                self.sample.body = Body::Text(text);
            }
            other @ (Body::None | Body::File) => self.sample.body = other,
        }
    }

    /// What may be a credential and stays an argument.
    fn say_doubt(&mut self, name: &str, value: &Value, part: &str) {
        if body_holds_credential(name, value) && looks_like_live_credential(name).is_none() {
            self.sample.warn(format!(
                "`{}` of {part} may hold a credential: it stays an argument, and its value is no \
                 example. If calls are to send one that agents do not see, write it as `.config` \
                 in a template of {part}",
                name.replace(variable::is_marker, "")
            ));
        }
    }
}
