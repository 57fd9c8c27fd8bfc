//! Credentials in a file: references are checked, literals are taken out of the text and
//! replaced by references, empty placeholders become secrets without a value.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_core::spelling::words;
use lanyard_core::{Limits, SecretName};
use serde_json::{Map, Value};

use crate::definition::LiteralValue;
use crate::fields::{at, join, shown};
use crate::parse::ParseOptions;
use crate::problem::{Problems, suggestion};
use crate::yaml::{Edits, Kind, Mark, Node, NodeValue, Scalar};
use crate::{Literal, SecretUse};

/// The most places for a credential that an error names.
const KNOWN_MAX: usize = 8;

/// The secrets of one file.
pub(crate) struct Secrets<'a> {
    options: &'a ParseOptions<'a>,
    source: &'a str,
    server: String,
    pub(crate) literals: Vec<Literal>,
    pub(crate) unset: Vec<SecretName>,
    pub(crate) uses: Vec<SecretUse>,
    edits: Edits,
    /// The place of the file that each name made here was made for.
    made: BTreeMap<SecretName, usize>,
    bound: BTreeSet<usize>,
}

impl<'a> Secrets<'a> {
    pub(crate) fn new(options: &'a ParseOptions<'a>, source: &'a str, server: &str) -> Self {
        Self {
            options,
            source,
            server: server.to_owned(),
            literals: Vec::new(),
            unset: Vec::new(),
            uses: Vec::new(),
            edits: Edits::default(),
            made: BTreeMap::new(),
            bound: BTreeSet::new(),
        }
    }

    /// The text of the file without its literals.
    pub(crate) fn edited(&mut self) -> String {
        std::mem::take(&mut self.edits).apply(self.source)
    }

    /// Every secret that the file names.
    pub(crate) fn names(&self) -> BTreeSet<SecretName> {
        self.uses.iter().map(|used| used.secret.clone()).collect()
    }

    /// The secret bound from outside to a parameter, if one is.
    fn binding(&mut self, parameter: &str) -> Option<SecretName> {
        let options = self.options;
        let mut bindings = options.secrets.iter().enumerate();
        let (index, (_, secret)) = bindings.find(|(_, (given, _))| given == parameter)?;
        self.bound.insert(index);
        Some(secret.clone())
    }

    /// A credential written in the file under `key`: its secret, whatever was written.
    pub(crate) fn credential(
        &mut self,
        node: &Node,
        key: &str,
        path: &str,
        problems: &mut Problems,
    ) -> Option<SecretName> {
        let mark = node.span.start;
        let NodeValue::Scalar(scalar) = &node.value else {
            problems.error(mark, path, format!("expected text, found {}", node.kind_name()));
            return None;
        };
        if let Some(reference) = SecretName::from_reference(&scalar.text) {
            return match reference {
                Ok(name) => Some(self.reference(name, mark, path, problems)),
                Err(_) => {
                    // The text is not repeated: it may be a credential in a wrong place.
                    let message = "what follows `secret://` is no name of a secret: use 1 to 64 \
                                   lower-case letters, digits and inner hyphens";
                    problems.error(mark, path, message);
                    None
                }
            };
        }
        // A value written as a block ends with a line break that is not part of it.
        let value = scalar.text.strip_suffix('\n').unwrap_or(&scalar.text);
        let empty = value.is_empty() || scalar.kind() == Kind::Null;
        if !empty && !Self::whole(value, mark, path, problems) {
            return None;
        }
        let Some(name) = self.name_for(key, mark) else {
            problems.error(mark, path, "too many credentials of one name; write references");
            return None;
        };
        if empty {
            if !self.unset.contains(&name) {
                self.unset.push(name.clone());
            }
        } else if !self.literals.iter().any(|literal| literal.secret == name) {
            self.literals.push(Literal {
                secret: name.clone(),
                value: LiteralValue::new(value),
                line: mark.line,
            });
        }
        self.edits.replace(self.source, node, &name.reference());
        self.used(name.clone(), mark, path);
        Some(name)
    }

    /// A literal credential must not be half a reference.
    fn whole(text: &str, mark: Mark, path: &str, problems: &mut Problems) -> bool {
        let whole = !text.contains(SecretName::REFERENCE_PREFIX);
        if !whole {
            let message = "a reference to a secret is the whole value; put what stands around it \
                           into the template";
            problems.error(mark, path, message);
        }
        whole
    }

    fn reference(
        &mut self,
        name: SecretName,
        mark: Mark,
        path: &str,
        problems: &mut Problems,
    ) -> SecretName {
        if !(self.options.secret_known)(&name) && !self.made.contains_key(&name) {
            let message = format!(
                "{} does not exist; create it with `lanyard secret set {name}`",
                name.reference()
            );
            problems.error(mark, path, message);
        }
        self.used(name.clone(), mark, path);
        name
    }

    fn used(&mut self, secret: SecretName, mark: Mark, path: &str) {
        self.uses.push(SecretUse {
            secret,
            origins: BTreeSet::new(),
            line: mark.line,
            column: mark.column,
            path: path.to_owned(),
        });
    }

    /// The default credential of a scheme: bound from outside, or written in the file.
    pub(crate) fn scheme_credential(
        &mut self,
        id: &str,
        scheme: &Node,
        credential: Option<&Node>,
        path: &str,
        problems: &mut Problems,
    ) -> Option<SecretName> {
        let Some(name) = self.binding(id) else {
            return credential.and_then(|node| self.credential(node, id, path, problems));
        };
        let mark = credential.unwrap_or(scheme).span.start;
        match credential {
            Some(node) => self.edits.replace(self.source, node, &name.reference()),
            None => self.insert(scheme, "defaultCredential", &format!("\"{}\"", name.reference())),
        }
        Some(self.reference(name, mark, path, problems))
    }

    /// Writes a new first member into an object of the file.
    fn insert(&mut self, object: &Node, key: &str, value: &str) {
        let NodeValue::Map(entries) = &object.value else { return };
        let member = format!("{}: {value}", Value::String(key.to_owned()));
        let start = object.span.start.offset;
        let braces = self.source.get(start..).is_some_and(|rest| rest.starts_with('{'));
        match entries.first() {
            None => self.edits.insert(start.saturating_add(1), member),
            Some(_) if braces => {
                self.edits.insert(start.saturating_add(1), format!("{member}, "));
            }
            Some(first) => {
                let mark = first.key_span.start;
                let indent = Limits::size(u64::from(mark.column.saturating_sub(1)));
                self.edits.insert(mark.offset, format!("{member}\n{}", " ".repeat(indent)));
            }
        }
    }

    /// `server.config` as a value in which every credential is a reference. `server` is the
    /// object around it.
    pub(crate) fn config(
        &mut self,
        server: &Node,
        node: Option<&Node>,
        path: &str,
        problems: &mut Problems,
    ) -> Value {
        let node = node.filter(|node| !node.is_null());
        let mut config = match node.map(|node| self.config_value(node, "", path, problems)) {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            Some(_) => {
                let found = node.map_or("", Node::kind_name);
                let mark = node.unwrap_or(server).span.start;
                problems.error(mark, path, format!("expected an object, found {found}"));
                Map::new()
            }
        };
        let mut missing = String::new();
        for (parameter, reference) in self.free_bindings(&config) {
            match node {
                Some(node) => self.insert(node, &parameter, &format!("\"{reference}\"")),
                None => {
                    let separator = if missing.is_empty() { "" } else { ", " };
                    let key = Value::String(parameter.clone());
                    missing.push_str(&format!("{separator}{key}: \"{reference}\""));
                }
            }
            config.insert(parameter, Value::String(reference));
        }
        if !missing.is_empty() {
            self.insert(server, "config", &format!("{{{missing}}}"));
        }
        Value::Object(config)
    }

    /// Bindings that belong to no key that is written and to no scheme: a key of `config` that a
    /// template uses and the file leaves out. Whether one does is checked at the end.
    fn free_bindings(&mut self, config: &Map<String, Value>) -> Vec<(String, String)> {
        let options = self.options;
        let free = options.secrets.iter().enumerate();
        free.filter(|(index, (parameter, _))| {
            !self.bound.contains(index) && !config.contains_key(parameter)
        })
        .map(|(_, (parameter, secret))| (parameter.clone(), secret.reference()))
        .collect()
    }

    /// `parameter` is the path of the value below `config`, empty for `config` itself.
    fn config_value(
        &mut self,
        node: &Node,
        parameter: &str,
        path: &str,
        problems: &mut Problems,
    ) -> Value {
        if let Some(name) = self.binding(parameter) {
            self.edits.replace(self.source, node, &name.reference());
            let name = self.reference(name, node.span.start, path, problems);
            return Value::String(name.reference());
        }
        match &node.value {
            NodeValue::Map(entries) => {
                let mut members = Map::new();
                for entry in entries {
                    let parameter = dotted(parameter, &entry.key);
                    let path = join(path, &entry.key);
                    let value = self.config_value(&entry.value, &parameter, &path, problems);
                    members.insert(entry.key.clone(), value);
                }
                Value::Object(members)
            }
            NodeValue::List(items) => {
                let mut values = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let path = at(path, index);
                    values.push(self.config_value(item, parameter, &path, problems));
                }
                Value::Array(values)
            }
            NodeValue::Scalar(scalar) => {
                if !is_credential(scalar, parameter) {
                    return scalar.to_value();
                }
                let name = self.credential(node, parameter, path, problems);
                name.map_or(Value::Null, |name| Value::String(name.reference()))
            }
        }
    }

    /// After everything was read: each binding must have found its place.
    pub(crate) fn finish(
        &mut self,
        schemes: &[&str],
        config: &Value,
        used: &BTreeSet<String>,
        mark: Mark,
        problems: &mut Problems,
    ) {
        let options = self.options;
        for (index, (parameter, secret)) in options.secrets.iter().enumerate() {
            if self.bound.contains(&index) {
                continue;
            }
            if used.contains(parameter) {
                let path = join("server.config", parameter);
                self.reference(secret.clone(), mark, &path, problems);
                continue;
            }
            let members = config.as_object().into_iter().flatten();
            let known = members.map(|(key, _)| key.as_str()).filter(|key| key != parameter);
            let known: Vec<&str> = known.chain(schemes.iter().copied()).collect();
            let hint = match suggestion(parameter, known.iter().copied()) {
                none if none.is_empty() && !known.is_empty() => {
                    let known: Vec<&str> = known.into_iter().take(KNOWN_MAX).collect();
                    format!("; it has: {}", shown(&known.join(", ")))
                }
                hint => hint,
            };
            let message = format!(
                "`{}` is bound to {} but is no key of server.config, no `.config` path of a \
                 template and no security scheme{hint}",
                shown(parameter),
                secret.reference()
            );
            problems.error(mark, "", message);
        }
    }

    /// A name for a credential that stands under `key`: the server and the key, without words
    /// that say nothing. The same place always gets the same name.
    fn name_for(&mut self, key: &str, mark: Mark) -> Option<SecretName> {
        let known = self.made.iter().find(|(_, place)| **place == mark.offset);
        if let Some((name, _)) = known {
            return Some(name.clone());
        }
        let server = words(&self.server);
        let all = words(key);
        let mut telling: Vec<&str> = all.iter().map(String::as_str).collect();
        if telling.len() > 1 && telling.starts_with(&["access"]) {
            telling.remove(0);
        }
        if telling.len() > server.len() && telling.iter().zip(&server).all(|(a, b)| a == b) {
            telling.drain(..server.len());
        }
        let full: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut candidates = vec![slug(&server, &telling), slug(&server, &full)];
        candidates.extend((2..100).map(|number| {
            let number = number.to_string();
            slug(&server, &[full.as_slice(), &[number.as_str()]].concat())
        }));
        candidates
            .iter()
            .filter_map(|candidate| SecretName::parse(candidate).ok())
            .find(|name| *self.made.entry(name.clone()).or_insert(mark.offset) == mark.offset)
    }
}

/// Whether a key of `config` is named like a credential: by its words, or by its end if it is
/// written without separators.
pub(crate) fn names_a_secret(parameter: &str) -> bool {
    const WORDS: &[&str] = &[
        "key",
        "keys",
        "token",
        "tokens",
        "secret",
        "secrets",
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "credential",
        "credentials",
        "authorization",
        "cookie",
    ];
    const ENDS: &[&str] = &["apikey", "accesskey", "secretkey", "token", "secret", "password"];
    let key = parameter.rsplit('.').next().unwrap_or(parameter);
    let plain: String =
        key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    matches!(plain.as_str(), "appcode" | "appid" | "appkey")
        || ENDS.iter().any(|end| plain.ends_with(end))
        || words(key).iter().any(|word| WORDS.contains(&word.as_str()))
}

fn slug(server: &[String], key: &[&str]) -> String {
    const BYTES_MAX: usize = 64;
    let mut key = key.join("-");
    key.truncate(BYTES_MAX);
    let mut server = server.join("-");
    server.truncate(BYTES_MAX.saturating_sub(key.len().saturating_add(1)));
    format!("{server}-{key}").trim_matches('-').to_owned()
}

/// A reference, or any value that stands under a name of a credential.
fn is_credential(scalar: &Scalar, parameter: &str) -> bool {
    match scalar.kind() {
        Kind::Bool(_) => false,
        Kind::Null | Kind::Number(_) => names_a_secret(parameter),
        Kind::Text => {
            scalar.text.contains(SecretName::REFERENCE_PREFIX) || names_a_secret(parameter)
        }
    }
}

fn dotted(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}
