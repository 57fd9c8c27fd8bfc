//! Takes out optional arguments whose value means that there is none.
//!
//! Models fill in every argument that a schema names, with null, `""`, `none` or a placeholder
//! where they have nothing to say. Servers take such values for real ones. Only arguments
//! themselves are looked at, never what is nested in them, and a value that the schema itself names
//! is never taken for a placeholder.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Texts that mean that there is no value, trimmed and in lower case.
const WORDS: &[&str] = &[
    "null",
    "none",
    "nil",
    "undefined",
    "n/a",
    "optional",
    "skip",
    "__omit__",
    "__skip__",
    "__empty__",
    "placeholder",
    "not_set",
    "do_not_send",
    "http://example.com",
    "https://example.com",
    "http://localhost",
    "https://localhost",
];

/// How far references and branches of a schema are followed.
const DEPTH_MAX: u32 = 8;

/// Branches of one argument's schema that are looked at.
const BRANCHES_MAX: u32 = 1000;

/// An argument that was taken out. Its value is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    /// The name of the argument.
    pub key: String,
    /// Why.
    pub reason: StripReason,
}

/// Why an argument was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StripReason {
    /// It was null.
    Null,
    /// It was the empty text.
    Empty,
    /// It was a word that stands for no value.
    Placeholder,
}

impl StripReason {
    /// The word for it in a record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Empty => "empty",
            Self::Placeholder => "placeholder",
        }
    }
}

/// What has to be known of a tool's schema, once per tool.
#[derive(Debug, Clone, Default)]
pub struct StripFacts {
    required: BTreeSet<String>,
    /// What the schema says of the arguments that it names.
    named: BTreeMap<String, Meant>,
}

/// Values of one argument that are meant when they come.
#[derive(Debug, Clone, Default)]
struct Meant {
    null: bool,
    /// Texts of `enum`, `const` and `default`, wherever they stand in the argument's schema.
    texts: BTreeSet<String>,
}

impl StripFacts {
    /// Reads an input schema. What is no schema has no required arguments and names no values.
    pub fn of(schema: &Value) -> Self {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let properties = schema.get("properties").and_then(Value::as_object);
        let named = properties.into_iter().flatten().map(|(name, property)| {
            let mut reading = Reading { root: schema, left: BRANCHES_MAX, texts: BTreeSet::new() };
            reading.texts(property, DEPTH_MAX);
            reading.left = BRANCHES_MAX;
            let null = reading.admits_null(property, DEPTH_MAX);
            (name.clone(), Meant { null, texts: reading.texts })
        });
        Self {
            required: required.filter_map(Value::as_str).map(str::to_owned).collect(),
            named: named.collect(),
        }
    }

    /// Takes out what means nothing. The others stay in their order.
    pub fn strip(&self, arguments: &mut Map<String, Value>) -> Vec<Stripped> {
        let mut stripped = Vec::new();
        arguments.retain(|key, value| {
            let reason = self.reason(key, value);
            stripped.extend(reason.map(|reason| Stripped { key: key.clone(), reason }));
            reason.is_none()
        });
        stripped
    }

    /// Why an argument of this value is taken out, if it is.
    fn reason(&self, key: &str, value: &Value) -> Option<StripReason> {
        if self.required.contains(key) {
            return None;
        }
        let meant = self.named.get(key);
        match value {
            Value::Null => (!meant.is_some_and(|meant| meant.null)).then_some(StripReason::Null),
            Value::String(text) if meant.is_some_and(|meant| meant.texts.contains(text)) => None,
            Value::String(text) if text.is_empty() => Some(StripReason::Empty),
            Value::String(text) => {
                // A text of nothing but white space is a text.
                let word = text.trim().to_lowercase();
                WORDS.contains(&word.as_str()).then_some(StripReason::Placeholder)
            }
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Reads the schema of one argument, within bounds.
struct Reading<'a> {
    root: &'a Value,
    left: u32,
    texts: BTreeSet<String>,
}

impl<'a> Reading<'a> {
    /// Counts a branch; `false` once there were too many.
    fn count(&mut self, depth: u32) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && depth > 0
    }

    /// The schema that a local reference leads to.
    fn target(&self, schema: &Map<String, Value>) -> Option<&'a Value> {
        let reference = schema.get("$ref").and_then(Value::as_str)?;
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// Collects the texts that a schema names.
    fn texts(&mut self, schema: &Value, depth: u32) {
        let Value::Object(members) = schema else { return };
        if !self.count(depth) {
            return;
        }
        let listed = members.get("enum").and_then(Value::as_array).into_iter().flatten();
        let single = ["const", "default"].into_iter().filter_map(|keyword| members.get(keyword));
        let texts = listed.chain(single).filter_map(Value::as_str);
        self.texts.extend(texts.map(str::to_owned));
        let deeper = depth.saturating_sub(1);
        for keyword in ["anyOf", "oneOf", "allOf"] {
            for branch in members.get(keyword).and_then(Value::as_array).into_iter().flatten() {
                self.texts(branch, deeper);
            }
        }
        if let Some(target) = self.target(members) {
            self.texts(target, deeper);
        }
    }

    /// Whether null is a value of a schema. A default of null makes it none: leaving the argument
    /// out means the same.
    fn admits_null(&mut self, schema: &Value, depth: u32) -> bool {
        let members = match schema {
            Value::Bool(admits) => return *admits,
            Value::Object(members) => members,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => return false,
        };
        if !self.count(depth) {
            return false;
        }
        let deeper = depth.saturating_sub(1);
        let typed = match members.get("type") {
            None => true,
            Some(Value::Array(several)) => several.iter().any(|one| *one == "null"),
            Some(one) => *one == "null" || members.get("nullable") == Some(&Value::Bool(true)),
        };
        let listed = members.get("enum").and_then(Value::as_array);
        let allowed = listed.is_none_or(|values| values.contains(&Value::Null))
            && members.get("const").is_none_or(Value::is_null);
        if !typed || !allowed {
            return false;
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = members.get(keyword).and_then(Value::as_array)
                && !branches.iter().any(|branch| self.admits_null(branch, deeper))
            {
                return false;
            }
        }
        let all = members.get("allOf").and_then(Value::as_array);
        let all_admit =
            all.is_none_or(|branches| branches.iter().all(|one| self.admits_null(one, deeper)));
        all_admit && self.target(members).is_none_or(|target| self.admits_null(target, deeper))
    }
}

#[cfg(test)]
mod tests;
