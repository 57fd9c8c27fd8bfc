//! Makes values of typed texts by the tool's schema, and says what is wrong before anything is
//! sent. Pure. Messages name arguments and rules; of values they tell the kind alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::json;
use super::number::{is_whole, keeps_its_spelling, number};
use super::parse::{Given, Texts};
use super::{Name, Raw};
use crate::agent::parameter::{kebab, parameters};

/// What arguments become.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::agent) struct Coercion {
    /// The object to send.
    pub(in crate::agent) arguments: Map<String, Value>,
    /// What the schema forbids about it, one sentence each.
    pub(in crate::agent) problems: Vec<String>,
}

/// Builds the arguments. `base` is the object of `--args`, `schema` the tool's input schema
/// where it is known.
pub(in crate::agent) fn coerce(
    base: Map<String, Value>,
    given: &Given,
    schema: Option<&Value>,
    texts: Texts,
) -> Coercion {
    let mut coercion = Coercion { arguments: base, problems: Vec::new() };
    coercion.place_named(given, schema, texts);
    coercion.place_positional(given, schema, texts);
    if let Some(schema) = schema {
        coercion.check(schema);
    }
    coercion
}

impl Coercion {
    /// Values with a name take the place of what `--args` says of it. A name that stands there several
    /// times is a list of its values; where no list is wanted, one of them would be lost.
    fn place_named(&mut self, given: &Given, schema: Option<&Value>, texts: Texts) {
        let (mut once, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for (name, raw) in &given.named {
            let property = property_name(name, schema);
            let rules = schema.map(|schema| property_schema(schema, &property));
            let value = value(raw, rules, texts);
            if once.insert(property.clone()) {
                self.arguments.insert(property, value);
            } else if rules.is_some_and(|rules| Types::of(rules).array) {
                if let Some(all) = self.arguments.get_mut(&property) {
                    *all = Value::Array([items(std::mem::take(all)), items(value)].concat());
                }
            } else if refused.insert(property.clone()) {
                self.problems.push(format!("`{property}` is given more than once, and is no list"));
            }
        }
    }

    /// Values without a name take the properties in schema order that have no value yet.
    fn place_positional(&mut self, given: &Given, schema: Option<&Value>, texts: Texts) {
        let Some(schema) = schema else {
            if !given.positional.is_empty() {
                self.problems.push("values without a name need the tool's schema".to_owned());
            }
            return;
        };
        let all = parameters(schema);
        let free = all.iter().map(|parameter| parameter.property);
        let free = free.filter(|name| !self.arguments.contains_key(*name)).collect::<Vec<_>>();
        for (name, raw) in free.iter().zip(&given.positional) {
            let value = value(raw, Some(property_schema(schema, name)), texts);
            self.arguments.insert((*name).to_owned(), value);
        }
        let left = given.positional.len().saturating_sub(free.len());
        if left > 0 {
            let values = if left == 1 { "1 value has" } else { &format!("{left} values have") };
            self.problems.push(format!("{values} no parameter left to go to"));
        }
    }

    /// Required, enum and type. The server checks all of the schema; this finds what is usually
    /// mistyped, before a call is spent on it.
    fn check(&mut self, schema: &Value) {
        for parameter in parameters(schema) {
            match self.arguments.get(parameter.property) {
                None if parameter.required => {
                    self.problems.push(format!("`{}` is required", parameter.property));
                }
                None => {}
                Some(value) => {
                    let rules = property_schema(schema, parameter.property);
                    if let Some(problem) = broken_rule(value, rules) {
                        self.problems.push(format!("`{}` {problem}", parameter.property));
                    }
                }
            }
        }
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let known =
            |name: &String| schema.pointer("/properties").and_then(|all| all.get(name)).is_some();
        for name in self.arguments.keys().filter(|name| closed && !known(name)) {
            self.problems.push(format!("`{name}` is no parameter of this tool"));
        }
    }
}

/// The items of a list; another value as the only one.
fn items(value: Value) -> Vec<Value> {
    if let Value::Array(items) = value { items } else { vec![value] }
}

/// The property that a typed name means: as the schema spells it, else for a flag its
/// camel-case form.
fn property_name(name: &Name, schema: Option<&Value>) -> String {
    let flag = match name {
        Name::Exact(name) => return name.clone(),
        Name::Flag(flag) => flag,
    };
    let all = schema.map(parameters).unwrap_or_default();
    let exact = all.iter().find(|parameter| parameter.property == flag);
    let alike = || all.iter().find(|parameter| parameter.cli_name() == kebab(flag));
    exact.or_else(alike).map_or_else(|| camel(flag), |parameter| parameter.property.to_owned())
}

fn camel(flag: &str) -> String {
    let mut words = flag.split('-');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

fn property_schema<'a>(schema: &'a Value, name: &str) -> &'a Value {
    let property = schema.get("properties").and_then(|all| all.get(name));
    let property = property.unwrap_or(&Value::Null);
    // A reference inside the document itself; no other is ever followed.
    let target = property.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
    target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(property)
}

fn value(raw: &Raw, schema: Option<&Value>, texts: Texts) -> Value {
    match (raw, texts) {
        (Raw::Literal(value), _) => fitted_literal(value, schema),
        (Raw::Text(text) | Raw::File(text), Texts::Strings) => text.clone().into(),
        (Raw::Text(text) | Raw::File(text), texts) => {
            let types = schema.map(Types::of).unwrap_or_default();
            let value = if types.is_known() {
                typed(text, types, schema.unwrap_or(&Value::Null))
            } else {
                by_looks(text)
            };
            if texts == Texts::NoNumbers && value.is_number() { text.clone().into() } else { value }
        }
    }
}

/// A literal says its type itself, but for a number where only a string can be meant.
fn fitted_literal(value: &Value, schema: Option<&Value>) -> Value {
    let types = schema.map(Types::of).unwrap_or_default();
    let wants_text = types.string && !types.number && !types.integer;
    if wants_text && value.is_number() { value.to_string().into() } else { value.clone() }
}

/// The types that a schema allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of JSON's types, named at each use")]
struct Types {
    null: bool,
    boolean: bool,
    integer: bool,
    number: bool,
    string: bool,
    array: bool,
    object: bool,
}

impl Types {
    fn of(schema: &Value) -> Self {
        let mut types = Self::default();
        match schema.get("type") {
            Some(Value::String(name)) => types.add(name),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).for_each(|it| types.add(it));
            }
            Some(_) | None => {}
        }
        if !types.is_known() {
            let constant = schema.get("const").into_iter();
            let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            constant.chain(listed).for_each(|value| types.add(kind_name(value)));
            for branches in ["anyOf", "oneOf"] {
                let branches = schema.get(branches).and_then(Value::as_array).into_iter().flatten();
                branches.for_each(|branch| types.join(Self::of(branch)));
            }
        }
        types
    }

    fn add(&mut self, name: &str) {
        match name {
            "null" => self.null = true,
            "boolean" => self.boolean = true,
            "integer" => self.integer = true,
            "number" => self.number = true,
            "string" => self.string = true,
            "array" => self.array = true,
            "object" => self.object = true,
            _ => {}
        }
    }

    fn join(&mut self, other: Self) {
        self.null |= other.null;
        self.boolean |= other.boolean;
        self.integer |= other.integer;
        self.number |= other.number;
        self.string |= other.string;
        self.array |= other.array;
        self.object |= other.object;
    }

    fn is_known(self) -> bool {
        self != Self::default()
    }

    fn allow(self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(number) => self.number || (self.integer && is_whole(number)),
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }

    fn names(self) -> String {
        let all = [
            (self.string, "a string"),
            (self.integer, "a whole number"),
            (self.number, "a number"),
            (self.boolean, "true or false"),
            (self.array, "a list"),
            (self.object, "a JSON object"),
            (self.null, "null"),
        ];
        let named = all.iter().filter(|(allowed, _)| *allowed).map(|(_, name)| *name);
        named.collect::<Vec<_>>().join(" or ")
    }
}

/// A text as a value of one of the types that the schema allows; the text itself where none
/// fits, which the check then names.
fn typed(text: &str, types: Types, schema: &Value) -> Value {
    let trimmed = text.trim();
    if let Some(listed) = listed_value(trimmed, schema) {
        return listed;
    }
    if types.null && trimmed == "null" {
        return Value::Null;
    }
    let json = json::read(trimmed).ok();
    if let Some(json) =
        json.filter(|json| (types.array && json.is_array()) || (types.object && json.is_object()))
    {
        return json;
    }
    // What may be a string is one, in the spelling of the line.
    if types.string {
        return text.into();
    }
    if types.boolean && matches!(trimmed, "true" | "false") {
        return (trimmed == "true").into();
    }
    if let Some(number) =
        number(trimmed).filter(|it| types.number || (types.integer && is_whole(it)))
    {
        return Value::Number(number);
    }
    if types.array {
        return list(trimmed, schema.get("items").unwrap_or(&Value::Null));
    }
    text.into()
}

/// The value of an `enum` that prints as the text.
fn listed_value(text: &str, schema: &Value) -> Option<Value> {
    let listed = schema.get("enum")?.as_array()?;
    listed
        .iter()
        .find(|value| value.as_str().map_or_else(|| spelt(value, text), |it| it == text))
        .cloned()
}

/// Whether a value that is no string is written as the text.
fn spelt(value: &Value, text: &str) -> bool {
    let written = value.to_string();
    written == text
}

/// `a,b` is a list of two; one object is a list of one.
fn list(text: &str, items: &Value) -> Value {
    if text.is_empty() {
        return Value::Array(Vec::new());
    }
    let types = Types::of(items);
    let item =
        |text: &str| if types.is_known() { typed(text, types, items) } else { by_looks(text) };
    if text.starts_with('{') {
        return Value::Array(vec![item(text)]);
    }
    text.split(',').map(item).collect()
}

/// What mcporter makes of a text whose type nobody knows.
fn by_looks(text: &str) -> Value {
    let trimmed = text.trim();
    match trimmed {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" | "none" => Value::Null,
        _ if trimmed.starts_with(['{', '[']) => {
            json::read(trimmed).unwrap_or_else(|_| trimmed.into())
        }
        _ if keeps_its_spelling(trimmed) => {
            serde_json::from_str(trimmed).unwrap_or_else(|_| trimmed.into())
        }
        _ => trimmed.into(),
    }
}

/// The rule of a schema that a value breaks, in words.
fn broken_rule(value: &Value, schema: &Value) -> Option<String> {
    let types = Types::of(schema);
    if types.is_known() && !types.allow(value) {
        return Some(format!("must be {}, not {}", types.names(), kind_text(value)));
    }
    if let Some(listed) = schema.get("enum").and_then(Value::as_array)
        && !listed.contains(value)
    {
        let listed = listed.iter().map(Value::to_string).collect::<Vec<_>>();
        return Some(format!("must be one of {}", listed.join(", ")));
    }
    let items = schema.get("items").filter(|items| items.is_object())?;
    let broken = value.as_array()?.iter().find_map(|item| broken_rule(item, items))?;
    Some(format!("has an item that {broken}"))
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_whole(number) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn kind_text(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
