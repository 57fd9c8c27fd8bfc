//! A file that changes every tool of an import, and what stands around them: the `--template` file of
//! Higress' converter. Source: <https://github.com/higress-group/openapi-to-mcpserver>, README,
//! "Template-based patching".

use lanyard_core::credential::names_credential;
use lanyard_rest::yaml_value;
use serde_json::{Map, Value};

/// What is changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patch {
    /// Members of `server.config`: they are added, or take the place of those of their names.
    pub(crate) config: Map<String, Value>,
    /// All security schemes, in the place of those of the description.
    pub(crate) schemes: Option<Value>,
    tools: Map<String, Value>,
}

/// What may stand where, and of what kind it is.
const KEYS: &[(&str, &[(&str, Kind)])] = &[
    ("", &[("server", Kind::Object), ("tools", Kind::Object)]),
    ("server", &[("config", Kind::Object), ("securitySchemes", Kind::List)]),
    (
        "tools",
        &[
            ("requestTemplate", Kind::Object),
            ("responseTemplate", Kind::Object),
            ("security", Kind::Any),
            ("outputSchema", Kind::Object),
        ],
    ),
    (
        "tools.requestTemplate",
        &[
            ("headers", Kind::List),
            ("body", Kind::Text),
            ("argsToJsonBody", Kind::Truth),
            ("argsToUrlParam", Kind::Truth),
            ("argsToFormBody", Kind::Truth),
            ("security", Kind::Any),
        ],
    ),
    (
        "tools.responseTemplate",
        &[("body", Kind::Text), ("prependBody", Kind::Text), ("appendBody", Kind::Text)],
    ),
];

/// The kind of a value.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Object,
    List,
    Text,
    Truth,
    Any,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::Text => value.is_string(),
            Self::Truth => value.is_boolean(),
            Self::Any => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "a text",
            Self::Truth => "true or false",
            Self::Any => "a value",
        }
    }
}

/// The keys of a request that say how its body or query is made of arguments: one at a time.
const MADE: &[&str] = &[
    "body",
    "argToBody",
    "argsToJsonBody",
    "argsToUrlParam",
    "argsToFormBody",
    "argsToMultipartBody",
];

impl Patch {
    /// Reads a file; `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// What is no YAML, a key that no such file has, a value of another kind: with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let (root, _) = yaml_value(name, text).map_err(|problem| problem.to_string())?;
        for (path, known) in KEYS {
            let pointer = path.split('.').filter(|part| !part.is_empty());
            let pointer: String = pointer.map(|part| format!("/{part}")).collect();
            let Some(node) = root.pointer(&pointer) else { continue };
            check(name, path, node, known)?;
        }
        no_credentials(name, &root)?;
        let member = |part: &str| root.pointer(part).cloned();
        let object = |part: &str| match member(part) {
            Some(Value::Object(members)) => members,
            Some(_) | None => Map::new(),
        };
        Ok(Self {
            config: object("/server/config"),
            schemes: member("/server/securitySchemes"),
            tools: object("/tools"),
        })
    }

    /// Changes a tool as it would be written.
    pub(crate) fn apply(&self, tool: &mut Map<String, Value>) {
        if let Some(Value::Object(wanted)) = self.tools.get("requestTemplate") {
            within(tool, "requestTemplate", |inner| request(inner, wanted));
        }
        if let Some(Value::Object(wanted)) = self.tools.get("responseTemplate") {
            within(tool, "responseTemplate", |response| {
                // A body excludes what stands around the raw answer.
                if wanted.contains_key("body") {
                    response.clear();
                }
                response.extend(wanted.clone());
            });
        }
        for key in ["security", "outputSchema"] {
            if let Some(value) = self.tools.get(key) {
                tool.insert(key.to_owned(), value.clone());
            }
        }
    }
}

/// The file is kept to import again, and not in the vault: a credential has no place in it.
fn no_credentials(name: &str, root: &Value) -> Result<(), String> {
    let list = |part: &str| root.pointer(part).and_then(Value::as_array).into_iter().flatten();
    let config = root.pointer("/server/config").and_then(Value::as_object);
    let config = config.into_iter().flatten().filter(|(key, _)| names_credential(key));
    let config = config.map(|(key, value)| (format!("server.config.{key}"), value));
    let schemes = list("/server/securitySchemes").filter_map(|it| it.get("defaultCredential"));
    let schemes = schemes.map(|it| ("server.securitySchemes.defaultCredential".to_owned(), it));
    let named = |it: &&Value| it.get("key").and_then(Value::as_str).is_some_and(names_credential);
    let headers = list("/tools/requestTemplate/headers").filter(named);
    let headers = headers.filter_map(|it| it.get("value"));
    let headers = headers.map(|it| ("tools.requestTemplate.headers".to_owned(), it));
    let mut required = Vec::new();
    for part in ["/tools/requestTemplate/security", "/tools/security"] {
        let one = root.pointer(part).filter(|it| it.is_object());
        let all = one.into_iter().chain(list(part)).filter_map(|it| it.get("credential"));
        required.extend(all.map(|it| (part.trim_start_matches('/').replace('/', "."), it)));
    }
    for (place, value) in config.chain(schemes).chain(headers).chain(required) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let stands_for_one = text.is_empty() || text.contains("secret://") || text.contains("{{");
        if !value.is_null() && !stands_for_one {
            let place = crate::one_line(&place);
            return Err(format!(
                "{name}: {place} holds a credential: leave it empty, or write secret://NAME"
            ));
        }
    }
    Ok(())
}

fn check(name: &str, path: &str, node: &Value, known: &[(&str, Kind)]) -> Result<(), String> {
    let Some(members) = node.as_object() else {
        let place = if path.is_empty() { "the file" } else { path };
        return Err(format!("{name}: {place} must be an object"));
    };
    for (key, value) in members {
        let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let place = crate::one_line(&place);
        match known.iter().find(|(known, _)| known == key) {
            None => {
                let known: Vec<&str> = known.iter().map(|(key, _)| *key).collect();
                let known = known.join(", ");
                return Err(format!("{name}: {place} is unknown here; known are: {known}"));
            }
            Some((_, kind)) if !kind.fits(value) => {
                return Err(format!("{name}: {place} must be {}", kind.name()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn request(request: &mut Map<String, Value>, wanted: &Map<String, Value>) {
    for (key, value) in wanted {
        match (key.as_str(), value) {
            ("headers", Value::Array(more)) => add_headers(request, more),
            // As in the original, false says nothing.
            (_, Value::Bool(false)) => {}
            (made, value) if MADE.contains(&made) => {
                request.retain(|other, _| !MADE.contains(&other.as_str()));
                request.insert(key.clone(), value.clone());
            }
            (_, value) => {
                request.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A header that is there already is replaced: two of one name are refused when the file is read.
fn add_headers(request: &mut Map<String, Value>, more: &[Value]) {
    let name = |header: &Value| header.get("key")?.as_str().map(str::to_ascii_lowercase);
    let mut headers = match request.shift_remove("headers") {
        Some(Value::Array(headers)) => headers,
        Some(_) | None => Vec::new(),
    };
    for header in more {
        let own = name(header);
        headers.retain(|other| own.is_none() || name(other) != own);
        headers.push(header.clone());
    }
    request.insert("headers".to_owned(), Value::Array(headers));
}

/// Changes a member that is an object, or becomes one.
fn within(
    members: &mut Map<String, Value>,
    key: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut inner = match members.get(key) {
        Some(Value::Object(inner)) => inner.clone(),
        Some(_) | None => Map::new(),
    };
    change(&mut inner);
    members.insert(key.to_owned(), Value::Object(inner));
}

#[cfg(test)]
mod tests;
