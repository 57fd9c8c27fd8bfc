//! What of a sample becomes arguments: pairs and members, each with its name and value.

use serde_json::{Map, Value};

use super::guess::{self, Kind};
use super::{Body, Pair, Part};
use crate::credential::body_holds_credential;
use crate::draft::{ArgStyle, Position};
use crate::shell::variable;

/// The longest pasted value that is repeated as an example, in bytes.
const EXAMPLE_BYTES_MAX: usize = 2_000;

/// One argument as one sample has it.
#[derive(Clone, PartialEq)]
pub(super) struct Field {
    pub(super) position: Position,
    /// Its name in the request.
    pub(super) wire: String,
    pub(super) seen: Seen,
    pub(super) style: ArgStyle,
    /// What somebody wrote about it.
    pub(super) text: Option<String>,
    /// The place of a credential instead of a value.
    pub(super) secret: Option<String>,
}

/// Its value.
#[derive(Clone, PartialEq)]
pub(super) enum Seen {
    /// A text, whose type is a guess.
    Text(String),
    /// Texts of one name.
    Texts(Vec<String>),
    /// JSON, or an object made of pairs.
    Json(Value),
    /// A file, which is not read.
    File,
}

impl Field {
    fn of_pair(pair: &Pair, position: Position) -> Self {
        Self {
            position,
            wire: pair.name.clone(),
            seen: Seen::Text(pair.value().to_owned()),
            style: ArgStyle::Json,
            text: pair.text.clone(),
            secret: secret(pair.value()),
        }
    }

    pub(super) fn json(wire: &str, position: Position, value: Value) -> Self {
        let secret = value.as_str().and_then(secret);
        Self {
            position,
            wire: wire.to_owned(),
            seen: Seen::Json(value),
            style: ArgStyle::Json,
            text: None,
            secret,
        }
    }
}

/// The name of the credential that a text is the place of.
fn secret(text: &str) -> Option<String> {
    match variable::pieces(text).as_slice() {
        [variable::Piece::Secret(name)] => Some((*name).to_owned()),
        _ => None,
    }
}

/// The fields of a query or form: pairs of one name are one list, and pairs like `a[b]` one object.
pub(super) fn of_pairs(pairs: &[Pair], position: Position, objects: bool) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for pair in pairs {
        let deep = bracketed(&pair.name).filter(|(base, _)| objects && is_deep(base, pairs));
        if let Some((base, keys)) = deep {
            let known = fields.iter_mut().find(|field| field.wire == base);
            let leaf = guess::value(pair.value(), guess::kind(&[pair.value()]));
            match known.map(|field| &mut field.seen) {
                Some(Seen::Json(object)) => insert(object, &keys, leaf),
                Some(Seen::Text(_) | Seen::Texts(_) | Seen::File) => {}
                None => {
                    let mut object = Value::Object(Map::new());
                    insert(&mut object, &keys, leaf);
                    let field = Field::json(base, position, object);
                    fields.push(Field { style: ArgStyle::DeepObject, ..field });
                }
            }
            continue;
        }
        let listed = pair.name.ends_with("[]");
        match fields.iter_mut().find(|field| field.wire == pair.name) {
            Some(field) => {
                field.style = ArgStyle::Repeat;
                field.seen = match std::mem::replace(&mut field.seen, Seen::File) {
                    Seen::Text(first) => Seen::Texts(vec![first, pair.value().to_owned()]),
                    Seen::Texts(mut texts) => {
                        texts.push(pair.value().to_owned());
                        Seen::Texts(texts)
                    }
                    other @ (Seen::Json(_) | Seen::File) => other,
                };
            }
            None => {
                let mut field = Field::of_pair(pair, position);
                if listed && field.secret.is_none() {
                    field.style = ArgStyle::Repeat;
                    field.seen = Seen::Texts(vec![pair.value().to_owned()]);
                }
                fields.push(field);
            }
        }
    }
    fields
}

/// `a[b][c]` as `a` and its keys.
fn bracketed(name: &str) -> Option<(&str, Vec<&str>)> {
    let (base, rest) = name.split_once('[')?;
    let rest = rest.strip_suffix(']')?;
    let keys: Vec<&str> = rest.split("][").collect();
    let sound = |key: &&str| !key.is_empty() && !key.contains(['[', ']']) && !variable::has(key);
    (!base.is_empty() && keys.iter().all(sound)).then_some((base, keys))
}

/// Whether all pairs of a base are members of one object: each once, by name and not by number, none
/// both a value and an object, and none a credential.
fn is_deep(base: &str, pairs: &[Pair]) -> bool {
    let mut paths: Vec<Vec<&str>> = Vec::new();
    for pair in pairs {
        if pair.name == base {
            return false;
        }
        if !pair.name.strip_prefix(base).is_some_and(|rest| rest.starts_with('[')) {
            continue;
        }
        let Some((_, keys)) = bracketed(&pair.name) else { return false };
        let number = |key: &&str| key.bytes().all(|byte| byte.is_ascii_digit());
        let overlaps =
            paths.iter().any(|other| other.starts_with(&keys) || keys.starts_with(other));
        if keys.iter().any(number) || overlaps || variable::has_secret(pair.value()) {
            return false;
        }
        paths.push(keys);
    }
    !paths.is_empty()
}

fn insert(object: &mut Value, keys: &[&str], leaf: Value) {
    let (Some(members), Some((first, rest))) = (object.as_object_mut(), keys.split_first()) else {
        return;
    };
    if rest.is_empty() {
        members.insert((*first).to_owned(), leaf);
    } else {
        let inner = members.entry((*first).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        insert(inner, rest, leaf);
    }
}

/// The fields of a body.
pub(super) fn of_body(body: &Body) -> Vec<Field> {
    match body {
        Body::None => Vec::new(),
        Body::Form(pairs) => {
            // A template can write lists, but no objects.
            let templated = pairs.iter().any(|pair| variable::has_secret(pair.value()));
            of_pairs(pairs, Position::Body, !templated)
        }
        Body::Multipart(parts) => of_parts(parts),
        Body::Json(Value::Object(members)) => members
            .iter()
            .map(|(name, value)| Field::json(name, Position::Body, value.clone()))
            .collect(),
        Body::Json(value @ Value::Array(_)) => {
            vec![Field::json("items", Position::Body, value.clone())]
        }
        Body::Json(value) => vec![Field::json("body", Position::Body, value.clone())],
        Body::File => {
            let field = Field::json("body", Position::Body, Value::Null);
            vec![Field { seen: Seen::File, ..field }]
        }
        Body::Text(text) => {
            vec![Field::json("body", Position::Body, Value::String(text.clone()))]
        }
    }
}

fn of_parts(parts: &[Part]) -> Vec<Field> {
    let (files, rest): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.file);
    let pairs: Vec<Pair> = rest
        .into_iter()
        .map(|part| Pair {
            name: part.pair.name.clone(),
            value: part.pair.value.clone(),
            text: part.pair.text.clone(),
        })
        .collect();
    let mut fields = of_pairs(&pairs, Position::Body, false);
    for part in files {
        if !fields.iter().any(|field| field.wire == part.pair.name) {
            let field = Field::of_pair(&part.pair, Position::Body);
            fields.push(Field { seen: Seen::File, ..field });
        }
    }
    fields
}

/// The schema that all samples of an argument satisfy, and the values that can be shown.
pub(super) fn schema_of(seen: &[&Seen], wire: &str) -> (Value, Vec<Value>) {
    if seen.iter().any(|one| matches!(one, Seen::File)) {
        return (serde_json::json!({ "type": "string", "format": "binary" }), Vec::new());
    }
    let list = seen.iter().any(|one| matches!(one, Seen::Texts(_)));
    let texts: Option<Vec<&str>> = seen
        .iter()
        .map(|one| one_text(one))
        .collect::<Option<Vec<_>>>()
        .map(|texts| texts.concat());
    let (schema, values) = match texts {
        Some(texts) => {
            let kind = guess::kind(&texts);
            let inner = guess::kind_schema(kind);
            let schema = match list {
                true => serde_json::json!({ "type": "array", "items": inner }),
                false => inner,
            };
            (schema, seen.iter().map(|one| typed(one, kind, list)).collect())
        }
        None => {
            let values: Vec<Value> = seen.iter().map(|one| typed(one, Kind::Text, false)).collect();
            (guess::schema(&values.iter().collect::<Vec<_>>(), 0), values)
        }
    };
    let mut shown: Vec<Value> = Vec::new();
    for value in values {
        let fits = value.to_string().len() <= EXAMPLE_BYTES_MAX
            && !guess::has_variable(&value)
            && !body_holds_credential(wire, &value);
        if fits && !shown.contains(&value) && shown.len() < 3 {
            shown.push(value);
        }
    }
    (schema, shown)
}

fn one_text(seen: &Seen) -> Option<Vec<&str>> {
    match seen {
        Seen::Text(text) => Some(vec![text]),
        Seen::Texts(texts) => Some(texts.iter().map(String::as_str).collect()),
        Seen::Json(_) | Seen::File => None,
    }
}

fn typed(seen: &Seen, kind: Kind, list: bool) -> Value {
    match seen {
        Seen::Text(text) if list => Value::Array(vec![guess::value(text, kind)]),
        Seen::Text(text) => guess::value(text, kind),
        Seen::Texts(texts) => texts.iter().map(|text| guess::value(text, kind)).collect(),
        Seen::Json(value) => value.clone(),
        Seen::File => Value::Null,
    }
}
