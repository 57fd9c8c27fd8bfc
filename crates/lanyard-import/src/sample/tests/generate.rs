//! Made-up requests, written as curl lines in every way that curl can be told, and read back.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::curl::read;
use crate::sample::{Auth, Body, Pair, Sample};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) method: &'static str,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) login: Login,
    pub(super) body: MadeBody,
    /// Which way each thing is written.
    pub(super) ways: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) enum Login {
    None,
    Bearer(String),
    Basic(String),
    Key(String),
}

#[derive(Debug, Clone)]
pub(super) enum MadeBody {
    None,
    Form(Vec<(String, String)>),
    Json(Value),
    Parts(Vec<(String, String)>),
    Text(String),
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[ -~äß😀]{0,16}",
        (-9_999..9_999_i32).prop_map(|number| number.to_string()),
        "[0-9]{1,3}\\.[0-9]{1,2}",
        Just("true".to_owned()),
        Just("0042".to_owned()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z_]{0,8}",
        "[a-z]{1,4}\\[[a-z]{1,3}\\]",
        "[a-z]{1,4}\\[\\]",
        "[a-z]{1,3}\\[[0-9]\\]\\[[a-z]{1,2}\\]",
        "[a-z]{1,3}[ .$ä-][a-z]{1,3}",
    ]
    .prop_filter("a name of a credential", |name| {
        !crate::credential::names_secret(name) && !name.contains("pass")
    })
}

fn pairs(most: usize) -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((name(), value()), 1..most)
}

/// A name whose value can be an example.
fn member_name() -> impl Strategy<Value = String> {
    "[a-z $.-]{1,6}".prop_filter("a name of a credential", |name| {
        !crate::credential::names_secret(name) && !name.contains("pass")
    })
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~ä\\n\"]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((member_name(), inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn body() -> impl Strategy<Value = MadeBody> {
    prop_oneof![
        Just(MadeBody::None),
        pairs(5).prop_map(MadeBody::Form),
        proptest::collection::vec((name(), json_value()), 1..4)
            .prop_map(|members| MadeBody::Json(members.into_iter().collect::<Map<_, _>>().into())),
        json_value().prop_map(MadeBody::Json),
        pairs(4).prop_map(MadeBody::Parts),
        "[ -~ä\\n]{1,20}".prop_map(MadeBody::Text),
    ]
}

pub(super) fn made() -> impl Strategy<Value = Made> {
    let login = prop_oneof![
        Just(Login::None),
        "[A-Za-z0-9]{20,30}".prop_map(Login::Bearer),
        "[a-z]{3,6}:[ -9;-~]{8,16}".prop_map(Login::Basic),
        "[A-Za-z0-9]{20,30}".prop_map(Login::Key),
    ];
    let header = prop_oneof![Just("X-Mode"), Just("Accept"), Just("Prefer")];
    (
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        proptest::collection::vec("[a-zäß ~=@-]{1,6}", 0..4),
        proptest::collection::vec((name(), value()), 0..4),
        proptest::collection::vec((header, "[!-~]([ -~]{0,10}[!-~])?"), 0..2),
        login,
        body(),
        proptest::collection::vec(any::<u8>(), 12),
    )
        .prop_map(|(method, path, query, headers, login, body, ways)| Made {
            method: if matches!(body, MadeBody::None) { method } else { "POST" },
            path,
            query,
            headers,
            login,
            body,
            ways,
        })
        .prop_filter("bodies that mean something else", |made| match &made.body {
            // An empty value is no part of these.
            MadeBody::Text(text) => !text.trim().is_empty(),
            MadeBody::None | MadeBody::Form(_) | MadeBody::Json(_) | MadeBody::Parts(_) => true,
        })
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Made {
    fn way(&self, index: usize) -> u8 {
        self.ways.iter().cycle().nth(index).copied().unwrap_or(0)
    }

    fn quoted(&self, index: usize, text: &str) -> String {
        match self.way(index) % 3 {
            0 => format!("'{}'", text.replace('\'', "'\\''")),
            1 => {
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
                format!("\"{}\"", escaped.replace('`', "\\`"))
            }
            _ => format!("$'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        }
    }

    /// An option in one of the ways of writing it.
    fn option(&self, index: usize, short: &str, long: &str, value: &str) -> String {
        let value = self.quoted(index.wrapping_add(1), value);
        match self.way(index) % 4 {
            0 => format!("-{short} {value}"),
            1 => format!("-{short}{value}"),
            2 => format!("--{long} {value}"),
            _ => format!("-sS{short} {value}"),
        }
    }

    /// The request as a curl line.
    pub(super) fn line(&self) -> String {
        let mut out = vec!["curl".to_owned()];
        let mut url = format!("https://api.example.com/v1/{}", "x");
        for segment in &self.path {
            write!(url, "/{}", encoded(segment)).unwrap();
        }
        let moved = matches!(self.body, MadeBody::None) && self.way(0).is_multiple_of(2);
        if moved && !self.query.is_empty() {
            out.push("-G".to_owned());
            for (index, (name, value)) in self.query.iter().enumerate() {
                let pair = format!("{}={value}", encoded(name));
                out.push(format!("--data-urlencode {}", self.quoted(index, &pair)));
            }
        } else {
            for (index, (name, value)) in self.query.iter().enumerate() {
                let mark = if index == 0 { '?' } else { '&' };
                write!(url, "{mark}{}={}", encoded(name), encoded(value)).unwrap();
            }
        }
        let default = if matches!(self.body, MadeBody::None) { "GET" } else { "POST" };
        if self.method != default || self.way(1).is_multiple_of(3) {
            out.push(self.option(1, "X", "request", self.method));
        }
        for (index, (name, value)) in self.headers.iter().enumerate() {
            out.push(self.option(index, "H", "header", &format!("{name}: {value}")));
        }
        match &self.login {
            Login::None => {}
            Login::Bearer(token) if self.way(2).is_multiple_of(2) => {
                out.push(format!("--oauth2-bearer {token}"));
            }
            Login::Bearer(token) => {
                out.push(self.option(2, "H", "header", &format!("Authorization: Bearer {token}")));
            }
            Login::Basic(login) => out.push(self.option(3, "u", "user", login)),
            Login::Key(key) => {
                out.push(self.option(4, "H", "header", &format!("X-API-Key: {key}")));
            }
        }
        self.push_body(&mut out);
        let at = usize::from(self.way(5)).clamp(1, out.len());
        out.insert(at, self.quoted(6, &url));
        out.join(if self.way(7).is_multiple_of(2) { " " } else { " \\\n  " })
    }

    fn push_body(&self, out: &mut Vec<String>) {
        match &self.body {
            MadeBody::None => {}
            MadeBody::Form(pairs) => {
                for (index, (name, value)) in pairs.iter().enumerate() {
                    let pair = format!("{}={}", encoded(name), encoded(value));
                    let plain = format!("{}={value}", encoded(name));
                    out.push(match self.way(index) % 3 {
                        0 => self.option(index, "d", "data", &pair),
                        1 => format!("--data-urlencode {}", self.quoted(index, &plain)),
                        _ => format!("--data-raw {}", self.quoted(index, &pair)),
                    });
                }
            }
            MadeBody::Json(value) if self.way(8).is_multiple_of(2) => {
                out.push(format!("--json {}", self.quoted(9, &value.to_string())));
                out.push("-H 'Accept: x'".to_owned());
            }
            MadeBody::Json(value) => {
                out.push(self.option(9, "H", "header", "Content-Type: application/json"));
                out.push(self.option(10, "d", "data", &value.to_string()));
            }
            MadeBody::Parts(pairs) => {
                for (index, (name, value)) in pairs.iter().enumerate() {
                    let pair = format!("{name}={value}");
                    out.push(format!("--form-string {}", self.quoted(index, &pair)));
                }
            }
            MadeBody::Text(text) => {
                out.push("-H 'Content-Type: text/plain'".to_owned());
                out.push(format!("--data-raw {}", self.quoted(11, text)));
            }
        }
    }

    /// What reading the line must give.
    fn expected(&self) -> Value {
        let mut path = "/v1/x".to_owned();
        for segment in &self.path {
            write!(path, "/{}", encoded(segment)).unwrap();
        }
        let (login, mut headers) = match &self.login {
            Login::None => (Value::Null, Vec::new()),
            Login::Bearer(token) if self.way(2).is_multiple_of(2) => {
                (json!({ "bearer": token }), Vec::new())
            }
            Login::Bearer(token) => {
                (Value::Null, vec![("Authorization", format!("Bearer {token}"))])
            }
            Login::Basic(login) => (json!({ "basic": login }), Vec::new()),
            Login::Key(key) => (Value::Null, vec![("X-API-Key", key.clone())]),
        };
        headers.splice(0..0, self.headers.clone());
        let body = match &self.body {
            MadeBody::None => Value::Null,
            MadeBody::Form(pairs) => json!({ "form": pairs }),
            MadeBody::Json(value) => {
                if self.way(8).is_multiple_of(2) {
                    headers.push(("Accept", "x".to_owned()));
                }
                headers.push(("Content-Type", "application/json".to_owned()));
                json!({ "json": value })
            }
            MadeBody::Parts(pairs) => json!({ "parts": pairs }),
            MadeBody::Text(text) => {
                headers.push(("Content-Type", "text/plain".to_owned()));
                json!({ "text": text })
            }
        };
        json!({
            "method": self.method,
            "origin": "https://api.example.com",
            "path": path,
            "query": self.query,
            "headers": headers,
            "login": login,
            "body": body,
        })
    }
}

fn shown(pairs: &[Pair]) -> Vec<(String, String)> {
    pairs.iter().map(|pair| (pair.name.clone(), pair.value().to_owned())).collect()
}

/// All of a sample, for comparing.
pub(super) fn whole(sample: &Sample) -> Value {
    json!({
        "method": sample.method,
        "origin": sample.origin.to_string(),
        "path": sample.path,
        "query": shown(&sample.query),
        "headers": shown(&sample.headers),
        "login": match &sample.auth {
            None => Value::Null,
            Some(Auth::Bearer(token)) => json!({ "bearer": token }),
            Some(Auth::Basic(login)) => json!({ "basic": login }),
            Some(Auth::Key { name, value, .. }) => json!({ "key": [name, value] }),
        },
        "body": match &sample.body {
            Body::None | Body::File => Value::Null,
            Body::Form(pairs) => json!({ "form": shown(pairs) }),
            Body::Json(value) => json!({ "json": value }),
            Body::Multipart(parts) => {
                let pairs: Vec<(String, String)> = parts
                    .iter()
                    .map(|part| (part.pair.name.clone(), part.pair.value().to_owned()))
                    .collect();
                json!({ "parts": pairs })
            }
            Body::Text(text) => json!({ "text": text }),
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_line_reads_back_as_the_request_it_was_made_of(made in made()) {
        let line = made.line();
        let sample = read(&line, None)
            .map_err(|errors| TestCaseError::fail(format!("{errors:?}\n{line}")))?;
        prop_assert_eq!(whole(&sample), made.expected(), "{}", line);
    }
}
