//! The arguments of a call: brought into the form that will be sent, and checked against the
//! tool's schema.
//!
//! In this order: undeclared arguments are refused; null for an optional argument that allows no
//! null counts as absent; where the declared type is exactly that, the strings `true` and
//! `false` become booleans and strings of digits numbers, and a whole number written as `3.0`
//! becomes `3`; absent arguments take their default; the whole is validated. Only the arguments
//! themselves are converted, never what is nested in them.
//!
//! Arguments for a server that somebody else wrote are neither converted nor completed: they are
//! sent as they came, without those that mean nothing where the server wants that.

use std::fmt;

use jsonschema::Validator;
use lanyard_core::Denial;
use serde_json::{Map, Number, Value, json};

use crate::canonical;
use crate::number;
use crate::problems::{Problems, cut, kind, names};
use crate::schema::{SchemaError, compile, compile_foreign};
use crate::size::values_at_most;
use crate::strip::{StripFacts, Stripped};

/// Values in the arguments of one call, nested ones included: 10 MB of memory.
const ARGUMENT_VALUES_MAX: usize = 100_000;

/// The compiled schema of one tool's arguments.
pub struct ArgumentSchema {
    /// What a validator is made of, or why none could be made.
    validator: Result<Validator, SchemaError>,
    arguments: Vec<Argument>,
    /// Whether arguments that the schema does not name are refused.
    closed: bool,
    /// What has to be known to take out arguments that mean nothing, where they are.
    strip: Option<StripFacts>,
}

/// One declared argument.
struct Argument {
    name: String,
    conversion: Conversion,
    /// Whether null counts as absent.
    null_is_absent: bool,
    default: Option<Value>,
}

/// What may become of a value before it is validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    None,
    Boolean,
    Integer,
    Number,
}

impl ArgumentSchema {
    /// Compiles a tool's input schema.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        let validator = Ok(compile(schema)?);
        let arguments = properties(schema)
            .map(|(name, declared)| Argument::new(name, declared, schema))
            .collect();
        Ok(Self { validator, arguments, closed: is_closed(schema), strip: None })
    }

    /// Compiles the input schema of a tool that somebody else's server describes. Arguments are
    /// sent as they came, but for those that mean nothing where `strip` says so. A schema that
    /// cannot be enforced here, such as one with a pattern that looks ahead, is left to the server
    /// ([`ArgumentSchema::unenforced`]); what is no schema at all is an error.
    pub fn compile_foreign(schema: &Value, strip: bool) -> Result<Self, SchemaError> {
        if !schema.is_object() && !schema.is_boolean() {
            return Err(SchemaError("#: a schema is an object".to_owned()));
        }
        let arguments = properties(schema).map(|(name, _)| Argument::as_it_comes(name)).collect();
        Ok(Self {
            validator: compile_foreign(schema),
            arguments,
            closed: is_closed(schema),
            strip: strip.then(|| StripFacts::of(schema)),
        })
    }

    /// Why nothing is held against the schema, where nothing is.
    pub fn unenforced(&self) -> Option<&SchemaError> {
        self.validator.as_ref().err()
    }

    /// Clears the arguments of a call, given as their JSON text. No arguments, and null, are
    /// the empty object.
    ///
    /// That no object in the text has a member twice was checked when the message was decoded.
    pub fn clear(&self, arguments: Option<&str>) -> Result<Clearance, Denial> {
        let mut problems = Problems::about("the arguments");
        if !arguments.is_none_or(|text| values_at_most(text, ARGUMENT_VALUES_MAX)) {
            problems.push(format!("the arguments hold more than {ARGUMENT_VALUES_MAX} values"));
            return Err(denial(&problems));
        }
        let mut map = match arguments.map(serde_json::from_str) {
            None | Some(Ok(Value::Null)) => Map::new(),
            Some(Ok(Value::Object(map))) => map,
            Some(Ok(other)) => {
                problems.push(format!("the arguments must be an object ({} came)", kind(&other)));
                return Err(denial(&problems));
            }
            Some(Err(_)) => {
                problems.push("the arguments are not JSON".to_owned());
                return Err(denial(&problems));
            }
        };
        let stripped = self.strip.as_ref().map(|facts| facts.strip(&mut map)).unwrap_or_default();
        self.refuse_undeclared(&mut map, &mut problems);
        for argument in &self.arguments {
            argument.take_in(&mut map);
        }
        let whole = Value::Object(map);
        match &self.validator {
            Ok(validator) if !validator.is_valid(&whole) => problems.find(validator, &whole),
            Ok(_) | Err(_) => {
                for argument in &self.arguments {
                    argument.refuse_endless(whole.get(&argument.name), &mut problems);
                }
            }
        }
        match whole {
            Value::Object(arguments) if problems.is_empty() => {
                Ok(Clearance { arguments, stripped })
            }
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(denial(&problems)),
        }
    }

    /// Takes undeclared arguments out, so that each is a problem once.
    fn refuse_undeclared(&self, map: &mut Map<String, Value>, problems: &mut Problems) {
        if !self.closed {
            return;
        }
        map.retain(|name, _value| {
            let declared = self.arguments.iter().any(|argument| argument.name == *name);
            if !declared {
                problems.push(format!("`{}` is not an argument; {}", cut(name), self.allowed()));
            }
            declared
        });
    }

    fn allowed(&self) -> String {
        if self.arguments.is_empty() {
            return "this tool takes none".to_owned();
        }
        let mut declared = self.arguments.iter().map(|argument| argument.name.as_str());
        format!("the arguments are {}", names(&mut declared))
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && schema.get("patternProperties").is_none()
}

fn denial(problems: &Problems) -> Denial {
    Denial::ArgumentsInvalid { problem: format!("the call was not made: {problems}") }
}

impl fmt::Debug for ArgumentSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ArgumentSchema({} arguments)", self.arguments.len())
    }
}

impl Argument {
    fn new(name: &str, declared: &Value, schema: &Value) -> Self {
        let declared_type = declared.get("type").and_then(Value::as_str);
        let conversion = match declared_type {
            Some("boolean") => Conversion::Boolean,
            Some("integer") => Conversion::Integer,
            Some("number") => Conversion::Number,
            Some(_) | None => Conversion::None,
        };
        let required = schema.get("required").and_then(Value::as_array);
        let optional = !required.is_some_and(|names| names.iter().any(|one| *one == *name));
        // One type that is written out decides; anything else has to be asked.
        let allows_null = match declared_type {
            Some(one) => one == "null",
            None => accepts_null(schema, name),
        };
        Self {
            name: name.to_owned(),
            conversion,
            null_is_absent: optional && !allows_null,
            default: declared.get("default").filter(|value| !value.is_null()).cloned(),
        }
    }

    /// An argument with which nothing is done.
    fn as_it_comes(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            conversion: Conversion::None,
            null_is_absent: false,
            default: None,
        }
    }

    fn take_in(&self, map: &mut Map<String, Value>) {
        if self.null_is_absent && map.get(&self.name) == Some(&Value::Null) {
            // Not `remove`, which would change the order of the others.
            map.shift_remove(&self.name);
        }
        match map.get_mut(&self.name) {
            Some(value) => {
                self.conversion.apply(value);
            }
            None => {
                if let Some(default) = &self.default {
                    map.insert(self.name.clone(), default.clone());
                }
            }
        }
    }

    /// A whole number like `1e400` is an integer for JSON Schema. It is refused, since nothing
    /// that reads it from a path or a query would read the same number.
    fn refuse_endless(&self, value: Option<&Value>, problems: &mut Problems) {
        if let (Conversion::Integer, Some(Value::Number(number))) = (self.conversion, value)
            && !number::is_integer(number)
        {
            problems.push(format!(
                "`{}` must be an integer, written in digits (a number came)",
                cut(&self.name)
            ));
        }
    }
}

/// Whether the schema of an argument accepts null, wherever its references lead.
fn accepts_null(schema: &Value, name: &str) -> bool {
    let mut probe = Map::new();
    for keyword in ["$defs", "definitions", "properties"] {
        if let Some(value) = schema.get(keyword) {
            probe.insert(keyword.to_owned(), value.clone());
        }
    }
    probe.insert("$ref".to_owned(), json!(format!("#/properties/{}", pointer_segment(name))));
    compile(&Value::Object(probe)).is_ok_and(|validator| validator.is_valid(&Value::Null))
}

/// A name as one segment of a JSON pointer in a URI fragment (RFC 6901, 3 and 6).
fn pointer_segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.replace('~', "~0").replace('/', "~1").bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'~' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl Conversion {
    fn apply(self, value: &mut Value) {
        let converted = match (self, &*value) {
            (Self::Boolean, Value::String(text)) => text.parse().ok().map(Value::Bool),
            (Self::Integer, Value::String(text)) => {
                number::from_integer_text(text).map(Value::Number)
            }
            (Self::Integer, Value::Number(written)) => as_whole(written).map(Value::Number),
            (Self::Number, Value::String(text)) => {
                number::from_number_text(text).map(Value::Number)
            }
            (Self::None | Self::Boolean | Self::Integer | Self::Number, _) => None,
        };
        if let Some(converted) = converted {
            *value = converted;
        }
    }
}

fn as_whole(written: &Number) -> Option<Number> {
    if number::is_integer(written) { None } else { number::whole(written) }
}

/// Evidence that arguments were cleared. Only [`ArgumentSchema::clear`] makes one; it cannot be
/// cloned, and it holds what will be sent.
///
/// ```compile_fail,E0451
/// let forged =
///     lanyard_guard::Clearance { arguments: Default::default(), stripped: Default::default() };
/// ```
///
/// ```compile_fail,E0308
/// fn twice(clearance: &lanyard_guard::Clearance) -> lanyard_guard::Clearance {
///     clearance.clone()
/// }
/// ```
pub struct Clearance {
    arguments: Map<String, Value>,
    stripped: Vec<Stripped>,
}

impl Clearance {
    /// The arguments as they will be sent: the caller's in its order, then defaults.
    pub fn arguments(&self) -> &Map<String, Value> {
        &self.arguments
    }

    /// What was taken out because it meant nothing. Empty means that a tool of somebody else's
    /// server gets its arguments exactly as they came.
    pub fn stripped(&self) -> &[Stripped] {
        &self.stripped
    }

    /// The canonical text of the arguments, for their digest: keys sorted by their bytes at
    /// every level, numbers as written, no white space.
    pub fn canonical(&self) -> String {
        canonical::object(&self.arguments)
    }
}

/// Without the arguments: they are the caller's business.
impl fmt::Debug for Clearance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clearance(..)")
    }
}

#[cfg(test)]
mod tests;
