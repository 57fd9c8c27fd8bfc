//! Security schemes and requirements: how a credential is written into a request.

use data_encoding::BASE64;
use lanyard_core::SecretName;

use crate::fields::{Fields, Text, at, shown};
use crate::problem::{Problems, suggestion};
use crate::secrets::Secrets;
use crate::syntax::is_token;
use crate::yaml::{Mark, Node, NodeValue};

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// `Authorization: Bearer`
    Bearer,
    /// `Authorization: Basic`
    Basic,
    /// A header of this name.
    Header(String),
    /// A query pair of this name.
    Query(String),
    /// A cookie of this name.
    Cookie(String),
}

impl Place {
    /// The header that the credential is written to.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Bearer | Self::Basic => Some("Authorization"),
            Self::Header(name) => Some(name),
            Self::Query(_) | Self::Cookie(_) => None,
        }
    }

    /// The text written there. A prefix that the value brings with it is not doubled.
    pub(crate) fn text(&self, value: &str) -> String {
        match self {
            Self::Bearer => match without_prefix(value, "bearer ") {
                Some(token) => format!("Bearer {token}"),
                None => format!("Bearer {value}"),
            },
            Self::Basic => match without_prefix(value, "basic ") {
                Some(encoded) => format!("Basic {encoded}"),
                None if value.contains(':') => {
                    format!("Basic {}", BASE64.encode(value.as_bytes()))
                }
                None => format!("Basic {value}"),
            },
            Self::Header(_) | Self::Query(_) | Self::Cookie(_) => value.to_owned(),
        }
    }
}

fn without_prefix<'a>(value: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| rest.trim_start())
}

/// A secret and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) secret: SecretName,
    pub(crate) place: Place,
}

/// A security scheme. `place` is missing if the scheme cannot be used, which was reported.
pub(crate) struct Scheme {
    pub(crate) id: String,
    place: Option<Place>,
    secret: Option<SecretName>,
}

/// Something that asks for a scheme.
pub(crate) struct Requirement {
    id: String,
    secret: Option<SecretName>,
    mark: Mark,
    path: String,
}

impl Requirement {
    /// Which scheme it asks for, and with which credential of its own.
    pub(crate) fn asked(&self) -> (String, Option<SecretName>) {
        (self.id.clone(), self.secret.clone())
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }
}

/// Reads `server.securitySchemes`.
pub(crate) fn read_schemes(
    items: &[Node],
    path: &str,
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Vec<Scheme> {
    let mut schemes: Vec<Scheme> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = at(path, index);
        let Some(mut fields) = Fields::of(item, &path, problems) else { continue };
        let id = fields.needed_text("id", problems);
        let place = read_place(&mut fields, problems);
        let credential = fields.entry("defaultCredential").map(|entry| &entry.value);
        let credential_path = fields.path_of("defaultCredential");
        fields.finish(problems);
        let Some(id) = id else { continue };
        if schemes.iter().any(|scheme| scheme.id == id.text) {
            let message = format!("there is a security scheme `{}` already", shown(id.text));
            problems.error(id.mark(), &path, message);
        }
        let secret =
            secrets.scheme_credential(id.text, item, credential, &credential_path, problems);
        schemes.push(Scheme { id: id.text.to_owned(), place, secret });
    }
    schemes
}

fn read_place(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Place> {
    let kind = fields.text("type", problems);
    let scheme = fields.text("scheme", problems);
    let within = fields.text("in", problems);
    let name = fields.text("name", problems);
    let mark = fields.mark;
    let Some(kind) = kind else {
        problems.error(mark, &fields.path, "`type` is missing; write `http` or `apiKey`");
        return None;
    };
    let path = fields.path_of("type");
    match kind.text {
        "http" => read_http(scheme, fields, problems),
        "apiKey" => read_api_key(within, name, fields, problems),
        "oauth2" | "openIdConnect" => {
            let message = format!(
                "`{}` cannot be used: nobody fetches its tokens; write a token as `type: http`, \
                 `scheme: bearer`",
                kind.text
            );
            problems.error(kind.mark(), &path, message);
            None
        }
        other => {
            let hint = suggestion(other, ["http", "apiKey"]);
            let message = format!("unknown type `{}`{hint}", shown(other));
            problems.error(kind.mark(), &path, message);
            None
        }
    }
}

fn read_http(
    scheme: Option<Text<'_>>,
    fields: &Fields<'_>,
    problems: &mut Problems,
) -> Option<Place> {
    let Some(scheme) = scheme else {
        let message = "`scheme` is missing; write `bearer` or `basic`";
        problems.error(fields.mark, &fields.path, message);
        return None;
    };
    match scheme.text.to_ascii_lowercase().as_str() {
        "bearer" => Some(Place::Bearer),
        "basic" => Some(Place::Basic),
        other => {
            let hint = suggestion(other, ["bearer", "basic"]);
            let message = format!("unknown scheme `{}`{hint}", shown(other));
            problems.error(scheme.mark(), &fields.path_of("scheme"), message);
            None
        }
    }
}

fn read_api_key(
    within: Option<Text<'_>>,
    name: Option<Text<'_>>,
    fields: &Fields<'_>,
    problems: &mut Problems,
) -> Option<Place> {
    let mut missing = |key: &str, hint: &str| {
        problems.error(fields.mark, &fields.path, format!("`{key}` is missing{hint}"));
    };
    if within.is_none() {
        missing("in", "; write `header`, `query` or `cookie`");
    }
    if name.is_none_or(|name| name.text.is_empty()) {
        missing("name", "");
        return None;
    }
    let (within, name) = (within?, name?);
    let place = match within.text {
        "header" => Place::Header(name.text.to_owned()),
        "query" => return Some(Place::Query(name.text.to_owned())),
        "cookie" => Place::Cookie(name.text.to_owned()),
        other => {
            let hint = suggestion(other, ["header", "query", "cookie"]);
            let message = format!("unknown place `{}`{hint}", shown(other));
            problems.error(within.mark(), &fields.path_of("in"), message);
            return None;
        }
    };
    if !is_token(name.text) {
        let message = format!("`{}` is no name of a {}", shown(name.text), within.text);
        problems.error(name.mark(), &fields.path_of("name"), message);
        return None;
    }
    if let Place::Header(header) = &place
        && crate::headers::is_framing(header)
    {
        let message = format!("a credential cannot be the header `{header}`");
        problems.error(name.mark(), &fields.path_of("name"), message);
        return None;
    }
    Some(place)
}

/// Reads a requirement, or a list of them of which all are applied.
pub(crate) fn read_requirements(
    node: &Node,
    path: &str,
    schemes: &[Scheme],
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Vec<Requirement> {
    match &node.value {
        NodeValue::List(items) => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                read_requirement(item, &at(path, index), schemes, secrets, problems)
            })
            .collect(),
        NodeValue::Map(_) | NodeValue::Scalar(_) => {
            read_requirement(node, path, schemes, secrets, problems).into_iter().collect()
        }
    }
}

fn read_requirement(
    node: &Node,
    path: &str,
    schemes: &[Scheme],
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Option<Requirement> {
    let mut fields = Fields::of(node, path, problems)?;
    let id = fields.needed_text("id", problems);
    // An empty one overrides nothing.
    let credential = fields.node("credential").filter(|node| !is_empty_text(node));
    let credential_path = fields.path_of("credential");
    if fields.flag("passthrough", problems) {
        let message = "`passthrough: true` is refused: what an agent sends is never a credential \
                       for a server";
        problems.error(node.span.start, &fields.path_of("passthrough"), message);
    }
    fields.finish(problems);
    let id = id?;
    let secret =
        credential.and_then(|node| secrets.credential(node, id.text, &credential_path, problems));
    if !schemes.iter().any(|scheme| scheme.id == id.text) {
        let hint = suggestion(id.text, schemes.iter().map(|scheme| scheme.id.as_str()));
        let message = format!("there is no security scheme `{}`{hint}", shown(id.text));
        problems.error(id.mark(), path, message);
        return None;
    }
    Some(Requirement { id: id.text.to_owned(), secret, mark: id.mark(), path: path.to_owned() })
}

fn is_empty_text(node: &Node) -> bool {
    matches!(&node.value, NodeValue::Scalar(scalar) if scalar.text.is_empty())
}

/// The credentials that requirements put into a request.
pub(crate) fn credentials(
    requirements: &[Requirement],
    schemes: &[Scheme],
    problems: &mut Problems,
) -> Vec<Credential> {
    let mut credentials: Vec<Credential> = Vec::new();
    for requirement in requirements {
        let Some(scheme) = schemes.iter().find(|scheme| scheme.id == requirement.id) else {
            continue;
        };
        let Some(place) = &scheme.place else { continue };
        let Some(secret) = requirement.secret.as_ref().or(scheme.secret.as_ref()) else {
            let message = format!(
                "the security scheme `{0}` has no credential; give it `defaultCredential: \
                 secret://NAME`, or bind one with `--secret {0}=secret://NAME`",
                shown(&scheme.id)
            );
            problems.error(requirement.mark, &requirement.path, message);
            continue;
        };
        if credentials.iter().any(|other| collide(&other.place, place)) {
            let message = "two security schemes write to the same place of the request";
            problems.error(requirement.mark, &requirement.path, message);
            continue;
        }
        credentials.push(Credential { secret: secret.clone(), place: place.clone() });
    }
    credentials
}

fn collide(left: &Place, right: &Place) -> bool {
    match (left.header(), right.header()) {
        (Some(left), Some(right)) => left.eq_ignore_ascii_case(right),
        (None, None) => left == right,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
