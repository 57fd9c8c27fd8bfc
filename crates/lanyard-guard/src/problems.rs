//! What is wrong with a value, in words that hold nothing of the value: the place, the rule, and
//! the kind of value that came.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, Validator};
use serde_json::Value;

/// Problems that are told; past it the text says that there are more.
const PROBLEMS_MAX: usize = 10;

/// Values past which a refusal does not say where the problem is. The validator collects every
/// error before it gives the first, so that two million wrong numbers in a message of four
/// megabytes took four gigabytes of memory.
const EXPLAINED_VALUES_MAX: u32 = 2000;

/// Characters of a name or a rule that are repeated in a message.
const SHOWN_CHARS_MAX: usize = 200;

/// Names that are listed in one problem.
const NAMES_MAX: usize = 20;

/// The problems of one value.
pub(crate) struct Problems {
    /// What the value as a whole is called.
    whole: &'static str,
    texts: Vec<String>,
    more: bool,
}

impl Problems {
    pub(crate) fn about(whole: &'static str) -> Self {
        Self { whole, texts: Vec::new(), more: false }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(crate) fn push(&mut self, text: String) {
        if self.texts.len() < PROBLEMS_MAX {
            self.texts.push(text);
        } else {
            self.more = true;
        }
    }

    /// Adds what a validator finds wrong with a value that is not valid.
    pub(crate) fn find(&mut self, validator: &Validator, value: &Value) {
        let mut left = EXPLAINED_VALUES_MAX;
        if !count_down(value, &mut left) {
            let whole = self.whole;
            self.push(format!(
                "{whole} must match the schema (where not is not looked for among more than \
                 {EXPLAINED_VALUES_MAX} values)"
            ));
            return;
        }
        for error in validator.iter_errors(value) {
            let place = place(error.instance_path(), self.whole);
            self.push(describe(&place, error.instance_path(), error.kind(), error.instance()));
            if self.more {
                return;
            }
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.texts.join("; "))?;
        if self.more { formatter.write_str("; and more") } else { Ok(()) }
    }
}

/// Takes the number of values in a value from what is left; `false` once nothing is.
fn count_down(value: &Value, left: &mut u32) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| count_down(item, left)),
        Value::Object(members) => members.values().all(|member| count_down(member, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A text fit for a message: control characters escaped, cut where it is long.
pub(crate) fn cut(text: &str) -> String {
    let mut escaped: String = text.chars().take(SHOWN_CHARS_MAX).flat_map(visible).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        escaped.push_str("...");
    }
    escaped
}

/// A character as it may stand in a message: line ends and other controls in their escaped form.
fn visible(character: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if character.is_control() {
        (None, Some(character.escape_default()))
    } else {
        (Some(character), None)
    };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// The names as a list: `` `a`, `b` ``.
pub(crate) fn names(names: &mut dyn Iterator<Item = &str>) -> String {
    let mut shown: Vec<String> =
        names.take(NAMES_MAX.saturating_add(1)).map(|name| format!("`{}`", cut(name))).collect();
    if shown.len() > NAMES_MAX {
        shown.truncate(NAMES_MAX);
        shown.push(String::from("..."));
    }
    shown.join(", ")
}

/// What kind of value came, with its article.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if crate::number::is_integer(number) => "an integer",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `` `list[2].name` ``, or what the whole is called.
fn place(path: &Location, whole: &str) -> String {
    let text = path_text(path, None);
    if text.is_empty() { whole.to_owned() } else { format!("`{text}`") }
}

fn path_text(path: &Location, last: Option<&str>) -> String {
    let mut text = String::new();
    for segment in path.segments() {
        match segment {
            LocationSegment::Property(name) => push_name(&mut text, &name),
            LocationSegment::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    if let Some(name) = last {
        push_name(&mut text, name);
    }
    cut(&text)
}

fn push_name(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}

/// One problem as a sentence without an end.
fn describe(place: &str, path: &Location, error: &ValidationErrorKind, value: &Value) -> String {
    if let ValidationErrorKind::Required { property } = error {
        return format!("`{}` is required", path_text(path, property.as_str()));
    }
    format!("{place} {} ({} came)", rule(error), kind(value))
}

/// The rule that is broken, from the schema's own words.
fn rule(error: &ValidationErrorKind) -> String {
    use ValidationErrorKind as Kind;
    match error {
        Kind::Type { kind } => format!("must be {}", types(kind)),
        Kind::Enum { options } => format!("must be one of {}", choices(options)),
        Kind::Constant { expected_value } => format!("must be {}", json(expected_value)),
        Kind::Format { format } => format!("must have the format `{}`", cut(format)),
        Kind::Pattern { pattern } => format!("must match the pattern `{}`", cut(pattern)),
        Kind::Minimum { limit } => format!("must be at least {}", json(limit)),
        Kind::Maximum { limit } => format!("must be at most {}", json(limit)),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {}", json(limit)),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {}", json(limit)),
        Kind::MultipleOf { multiple_of } => format!("must be a multiple of {}", json(multiple_of)),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::AdditionalItems { limit } => format!("must have at most {limit} items"),
        Kind::MinProperties { limit } => format!("must have at least {limit} members"),
        Kind::MaxProperties { limit } => format!("must have at most {limit} members"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("must not hold {}", names(&mut unexpected.iter().map(String::as_str)))
        }
        // Here the validator lists the items themselves, which are values.
        Kind::UnevaluatedItems { unexpected: _ } => "must have no further items".to_owned(),
        Kind::UniqueItems => "must have no item twice".to_owned(),
        Kind::Contains => "must contain an item that it lacks".to_owned(),
        Kind::PropertyNames { error: _ } => {
            "must have only members whose names are allowed".to_owned()
        }
        Kind::AnyOf { context: _ } | Kind::OneOfNotValid { context: _ } => {
            "must have one of the allowed forms".to_owned()
        }
        Kind::OneOfMultipleValid { context: _ } => {
            "must have exactly one of the allowed forms".to_owned()
        }
        Kind::Not { schema: _ } => "must not have this form".to_owned(),
        Kind::FalseSchema => "must be left out".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("must be encoded as `{}`", cut(content_encoding))
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("must be of the media type `{}`", cut(content_media_type))
        }
        Kind::Required { property: _ } => "lacks a required member".to_owned(),
        Kind::BacktrackLimitExceeded { error: _ }
        | Kind::RegexEngineFailure { message: _ }
        | Kind::FromUtf8 { error: _ }
        | Kind::Custom { keyword: _, message: _ }
        | Kind::Referencing(_) => "cannot be checked".to_owned(),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_text(*one).to_owned(),
        TypeKind::Multiple(several) => {
            several.iter().map(type_text).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn type_text(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Number => "a number",
        JsonType::String => "a string",
        JsonType::Array => "an array",
        JsonType::Object => "an object",
    }
}

fn choices(options: &Value) -> String {
    match options {
        Value::Array(list) => cut(&list.iter().map(json).collect::<Vec<_>>().join(", ")),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)) => json(other),
    }
}

/// A value of the schema, as JSON.
fn json(value: &Value) -> String {
    cut(&value.to_string())
}
