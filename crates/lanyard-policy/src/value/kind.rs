//! What a tool's schema says of its arguments, in the types of Cedar. The mapping is told in
//! `docs/policy-mapping.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// How a policy sees the values of an argument.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `String`.
    Text,
    /// Single values of several types. A policy sees their text.
    Mixed,
    /// `Long`.
    Whole,
    /// `decimal`.
    Decimal,
    /// `Bool`.
    Bool,
    /// `Set` of one kind.
    Set(Box<Self>),
    /// The same where the schema allows a value alone as well, which is a set of one.
    Several(Box<Self>),
    /// A record of what the schema names.
    Record(BTreeMap<String, Field>),
    /// Nothing that a policy could read, and why.
    Unreadable(&'static str),
}

/// One named value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    /// Whether it is always there.
    pub(crate) required: bool,
    /// Whether null is one of its values. Null is absent, and no default stands for it.
    pub(crate) nullable: bool,
    /// What stands for it where it is absent.
    pub(crate) default: Option<Value>,
    /// The values that the schema names, for trying them.
    pub(crate) samples: Vec<Value>,
    /// Whether the schema allows no others.
    pub(crate) closed: bool,
    pub(crate) bounds: Bounds,
}

/// Within what the values of a field lie, for trying them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
    pub(crate) length_least: usize,
    pub(crate) length_most: usize,
}

impl Bounds {
    fn of(schema: &Value) -> Self {
        let number = |name| schema.get(name).and_then(Value::as_f64);
        let count = |name| {
            schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
        };
        Self {
            least: number("minimum").or_else(|| number("exclusiveMinimum")),
            most: number("maximum").or_else(|| number("exclusiveMaximum")),
            length_least: count("minLength").unwrap_or(0),
            length_most: count("maxLength").unwrap_or(usize::MAX),
        }
    }
}

/// How deep schemas and values are looked into. What lies deeper cannot be read by a policy.
const DEPTH_MAX: usize = 8;

const MIXED: &str = "its schema allows values of kinds that have nothing in common";
const UNTYPED: &str = "its schema does not say of what type it is";
const DEEP: &str = "it lies too deep, or refers to itself";

/// The arguments of a tool, by its input schema.
pub(crate) fn arguments(schema: &Value) -> BTreeMap<String, Field> {
    Reader { root: schema }.fields(schema, 0)
}

struct Reader<'a> {
    root: &'a Value,
}

impl Reader<'_> {
    fn fields(&self, schema: &Value, depth: usize) -> BTreeMap<String, Field> {
        let schema = self.resolved(schema);
        let mut fields = BTreeMap::new();
        for part in list(schema, "allOf") {
            if depth < DEPTH_MAX {
                fields.extend(self.fields(part, depth.saturating_add(1)));
            }
        }
        let required: Vec<&str> =
            list(schema, "required").iter().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let field = self.field(property, required.contains(&name.as_str()), depth);
            fields.insert(name.clone(), field);
        }
        for (name, field) in &mut fields {
            if required.contains(&name.as_str()) && !self.nullable(schema, name) {
                field.required = true;
            }
        }
        fields
    }

    fn nullable(&self, schema: &Value, name: &str) -> bool {
        let property = schema.get("properties").and_then(|it| it.get(name));
        property.is_some_and(|property| self.alternatives(property, 0).contains(&None))
    }

    fn field(&self, schema: &Value, required: bool, depth: usize) -> Field {
        let alternatives = self.alternatives(schema, depth.saturating_add(1));
        let nullable = alternatives.contains(&None);
        let kinds = alternatives.into_iter().flatten();
        let kind = kinds.reduce(unify).unwrap_or(Kind::Unreadable(UNTYPED));
        let schema = self.resolved(schema);
        let default = schema.get("default").filter(|it| !it.is_null()).cloned();
        let named: Vec<Value> = match schema.get("const") {
            Some(only) => vec![only.clone()],
            None => list(schema, "enum").to_vec(),
        };
        let closed = !named.is_empty();
        let mut samples = named;
        for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            samples.extend(schema.get(keyword).cloned());
        }
        samples.extend(default.clone());
        samples.extend(list(schema, "examples").iter().cloned());
        Field {
            kind,
            required: required && !nullable,
            nullable,
            default,
            samples,
            closed,
            bounds: Bounds::of(schema),
        }
    }

    /// What a schema allows: kinds, and `None` for null.
    fn alternatives(&self, schema: &Value, depth: usize) -> Vec<Option<Kind>> {
        if depth > DEPTH_MAX {
            return vec![Some(Kind::Unreadable(DEEP))];
        }
        let schema = self.resolved(schema);
        let below = depth.saturating_add(1);
        for keyword in ["anyOf", "oneOf"] {
            let branches = list(schema, keyword);
            if !branches.is_empty() && schema.get("type").is_none() {
                return branches.iter().flat_map(|it| self.alternatives(it, below)).collect();
            }
        }
        let named = schema.get("const").map_or(list(schema, "enum"), std::slice::from_ref);
        match schema.get("type") {
            Some(Value::String(one)) => vec![self.of_type(one, schema, below)],
            Some(Value::Array(many)) => {
                let many = many.iter().filter_map(Value::as_str);
                many.map(|one| self.of_type(one, schema, below)).collect()
            }
            Some(_) | None if !named.is_empty() => named.iter().map(of_value).collect(),
            Some(_) | None => {
                let parts = list(schema, "allOf");
                if schema.get("properties").is_some() {
                    return vec![self.of_type("object", schema, below)];
                }
                // Each part narrows the others, so any that says the type says it for all.
                let mut said = parts.iter().map(|part| self.alternatives(part, below));
                let untyped = vec![Some(Kind::Unreadable(UNTYPED))];
                said.rfind(|it| *it != untyped).unwrap_or(untyped)
            }
        }
    }

    fn of_type(&self, name: &str, schema: &Value, depth: usize) -> Option<Kind> {
        Some(match name {
            "string" => Kind::Text,
            "integer" => Kind::Whole,
            "number" => Kind::Decimal,
            "boolean" => Kind::Bool,
            "null" => return None,
            "array" => self.set(schema, depth),
            "object" if depth > DEPTH_MAX => Kind::Unreadable(DEEP),
            "object" => Kind::Record(self.fields(schema, depth)),
            _ => Kind::Unreadable(UNTYPED),
        })
    }

    fn set(&self, schema: &Value, depth: usize) -> Kind {
        let mut items: Vec<&Value> = list(schema, "prefixItems").iter().collect();
        items.extend(schema.get("items").filter(|it| !it.is_boolean()));
        // A null in a list has no place in a set.
        let alternatives = items.into_iter().flat_map(|it| self.alternatives(it, depth));
        let kinds = alternatives.map(|it| it.unwrap_or(Kind::Unreadable(MIXED)));
        match kinds.reduce(unify) {
            Some(Kind::Unreadable(why)) => Kind::Unreadable(why),
            Some(kind) => Kind::Set(Box::new(kind)),
            None => Kind::Unreadable("its schema does not say what is in the list"),
        }
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            let target = schema.get("$ref").and_then(Value::as_str);
            let pointer = target.and_then(|target| target.strip_prefix('#'));
            match pointer.and_then(|pointer| self.root.pointer(pointer)) {
                Some(next) => schema = next,
                None => break,
            }
        }
        schema
    }
}

fn list<'a>(schema: &'a Value, keyword: &str) -> &'a [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn of_value(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => Kind::Bool,
        Value::Number(number)
            if number.as_str().bytes().any(|it| matches!(it, b'.' | b'e' | b'E')) =>
        {
            Kind::Decimal
        }
        Value::Number(_) => Kind::Whole,
        Value::String(_) => Kind::Text,
        Value::Array(_) | Value::Object(_) => Kind::Unreadable(UNTYPED),
    })
}

/// The kind as which values of both can be seen.
fn unify(one: Kind, other: Kind) -> Kind {
    if one == other {
        return one;
    }
    match (one, other) {
        (Kind::Unreadable(why), _) | (_, Kind::Unreadable(why)) => Kind::Unreadable(why),
        (Kind::Whole, Kind::Decimal) | (Kind::Decimal, Kind::Whole) => Kind::Decimal,
        (Kind::Set(one), Kind::Set(other)) => set_of(unify(*one, *other), Kind::Set),
        (Kind::Record(one), Kind::Record(other)) => Kind::Record(join(one, other)),
        (Kind::Record(_), _) | (_, Kind::Record(_)) => Kind::Unreadable(MIXED),
        (Kind::Set(one) | Kind::Several(one), Kind::Set(other) | Kind::Several(other)) => {
            set_of(unify(*one, *other), Kind::Several)
        }
        (Kind::Set(set) | Kind::Several(set), single)
        | (single, Kind::Set(set) | Kind::Several(set)) => {
            set_of(unify(*set, single), Kind::Several)
        }
        (
            Kind::Text | Kind::Mixed | Kind::Whole | Kind::Decimal | Kind::Bool,
            Kind::Text | Kind::Mixed | Kind::Whole | Kind::Decimal | Kind::Bool,
        ) => Kind::Mixed,
    }
}

fn set_of(kind: Kind, set: fn(Box<Kind>) -> Kind) -> Kind {
    match kind {
        Kind::Unreadable(why) => Kind::Unreadable(why),
        Kind::Text
        | Kind::Mixed
        | Kind::Whole
        | Kind::Decimal
        | Kind::Bool
        | Kind::Set(_)
        | Kind::Several(_)
        | Kind::Record(_) => set(Box::new(kind)),
    }
}

fn join(
    one: BTreeMap<String, Field>,
    mut other: BTreeMap<String, Field>,
) -> BTreeMap<String, Field> {
    let mut joined = BTreeMap::new();
    for (name, field) in one {
        let field = match other.remove(&name) {
            Some(same) => Field {
                kind: unify(field.kind, same.kind),
                required: field.required && same.required,
                nullable: field.nullable || same.nullable,
                default: None,
                samples: [field.samples, same.samples].concat(),
                closed: field.closed && same.closed,
                bounds: field.bounds,
            },
            None => Field { required: false, default: None, ..field },
        };
        joined.insert(name, field);
    }
    let rest = other.into_iter();
    joined.extend(rest.map(|(name, it)| (name, Field { required: false, default: None, ..it })));
    joined
}

/// The types that are written for Cedar, and what they need to be declared.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// Entity types that stand for what cannot be read. Each has its own, so that nothing can be
    /// compared with it: whether it is there is all that a policy may ask.
    pub(crate) unreadable: BTreeSet<String>,
}

/// The entity type that stands for what cannot be read at this place.
pub(crate) fn unreadable(place: &str) -> String {
    place.bytes().fold("Unreadable_".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

impl Types {
    fn of(&mut self, kind: &Kind, place: &str) -> Value {
        match kind {
            Kind::Text | Kind::Mixed => json!({ "type": "String" }),
            Kind::Whole => json!({ "type": "Long" }),
            Kind::Decimal => json!({ "type": "Extension", "name": "decimal" }),
            Kind::Bool => json!({ "type": "Boolean" }),
            Kind::Set(element) | Kind::Several(element) => {
                json!({ "type": "Set", "element": self.of(element, &format!("{place}.")) })
            }
            Kind::Record(fields) => self.record(fields, place),
            Kind::Unreadable(_) => {
                let name = unreadable(place);
                self.unreadable.insert(name.clone());
                json!({ "type": "Entity", "name": name })
            }
        }
    }

    /// The type of a record.
    pub(crate) fn record(&mut self, fields: &BTreeMap<String, Field>, place: &str) -> Value {
        let mut attributes = Map::new();
        for (name, field) in fields {
            let mut described = self.of(&field.kind, &format!("{place}.{name}"));
            if let Some(members) = described.as_object_mut() {
                members.insert("required".to_owned(), field.is_there().into());
            }
            attributes.insert(name.clone(), described);
        }
        json!({ "type": "Record", "attributes": attributes })
    }
}

impl Field {
    /// Whether a policy always finds a value.
    pub(crate) fn is_there(&self) -> bool {
        self.required || (self.default.is_some() && !self.nullable)
    }
}

#[cfg(test)]
mod tests;
