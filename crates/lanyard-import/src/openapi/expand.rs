//! A schema of a document as one JSON Schema 2020-12 that stands alone: references are replaced
//! by what they lead to, cycles become `$defs`.
//!
//! INVARIANT: however large or deep a document is, a schema ends: depth and values are counted.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use super::all_of::merge;
use super::context::Context;
use super::definitions::{break_loops, with_definitions};
use super::document::{Placed, Version};
use super::{keywords, types};

/// The deepest nesting of schemas in schemas. Each level costs two of JSON, and readers of
/// definitions and schemas allow 64.
const DEPTH_MAX: usize = 22;

/// Raw values of a schema that is written out wherever it is used.
const SMALL: usize = 8;

/// Whether a schema is of what is sent or of what comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    Request,
    Response,
}

impl Direction {
    /// The most values of a schema with every reference written out, and of one with `$defs`.
    fn limits(self, context: &Context<'_>) -> (usize, usize) {
        let (inline, shared): (usize, usize) = match self {
            Self::Request => (300, 1_000),
            Self::Response => (200, 500),
        };
        let scaled = |limit: usize| limit.saturating_mul(context.scale.get()) / 100;
        (scaled(inline), scaled(shared))
    }
}

/// A schema that stands alone.
#[derive(Debug, Clone)]
pub(crate) struct Expanded {
    pub(crate) schema: Map<String, Value>,
    /// Whether parts of it were left open because it is too large or too deep.
    pub(crate) cut: bool,
}

/// Translates a schema. One that gets too large is tried again with `$defs` for what is used in
/// several places; what is then still too large is left open.
pub(crate) fn expand(at: &Placed<'_>, direction: Direction, context: &Context<'_>) -> Expanded {
    // Many operations take and give the same things.
    let known = at.text("$ref").filter(|_| at.object().is_some_and(|members| members.len() == 1));
    let key = known.map(|reference| (reference.to_owned(), direction));
    if let Some(known) = key.as_ref().and_then(|key| context.expanded.borrow().get(key).cloned()) {
        return known;
    }
    let expanded = expand_anew(at, direction, context);
    if let Some(key) = key {
        context.expanded.borrow_mut().insert(key, expanded.clone());
    }
    expanded
}

fn expand_anew(at: &Placed<'_>, direction: Direction, context: &Context<'_>) -> Expanded {
    let (inline, shared) = direction.limits(context);
    let mut walk = Walk::new(context, direction, false, inline);
    let schema = walk.whole(at);
    if !walk.overflow {
        return Expanded { schema, cut: false };
    }
    let mut walk = Walk::new(context, direction, true, shared);
    let schema = walk.whole(at);
    Expanded { schema, cut: walk.overflow }
}

struct Walk<'c, 'd> {
    context: &'c Context<'d>,
    direction: Direction,
    /// Whether what is used in several places becomes a definition.
    share: bool,
    /// How many values may still be written.
    left: usize,
    overflow: bool,
    /// References whose schemas are being written at this very place, the outermost first.
    open: Vec<String>,
    names: HashMap<String, String>,
    taken: HashSet<String>,
    queue: VecDeque<String>,
}

impl<'c, 'd> Walk<'c, 'd> {
    fn new(context: &'c Context<'d>, direction: Direction, share: bool, left: usize) -> Self {
        Self {
            context,
            direction,
            share,
            left,
            overflow: false,
            open: Vec::new(),
            names: HashMap::new(),
            taken: HashSet::new(),
            queue: VecDeque::new(),
        }
    }

    /// The schema at a place with the definitions it needs. A reference at its root is written
    /// out, so that its type can be seen.
    fn whole(&mut self, at: &Placed<'d>) -> Map<String, Value> {
        let mut root = match at.text("$ref") {
            Some(reference) => self.written_out(at, reference, 0),
            None => self.schema(at, 0),
        };
        let mut definitions = Map::new();
        while let Some(reference) = self.queue.pop_front() {
            let name = self.names.get(&reference).cloned().unwrap_or_default();
            if let Ok(target) = self.context.document.follow(&reference) {
                self.open = vec![reference];
                let schema = self.schema(&target, 1);
                definitions.insert(name, Value::Object(schema));
            }
        }
        for name in break_loops(&mut definitions) {
            let text = format!("`{name}` is defined by nothing but itself: any value is taken");
            self.context.notes.warning(&at.place, text);
        }
        if definitions.is_empty() {
            return root;
        }
        // What a merged schema no longer refers to is left out.
        root.insert("$defs".to_owned(), Value::Object(definitions));
        let whole = Value::Object(root.clone());
        root.shift_remove("$defs");
        object(with_definitions(&Value::Object(root), &whole))
    }

    fn schema(&mut self, at: &Placed<'d>, depth: usize) -> Map<String, Value> {
        if depth > DEPTH_MAX || self.left == 0 {
            self.overflow = true;
        }
        if self.overflow && (!self.share || depth > DEPTH_MAX || self.left == 0) {
            return Map::new();
        }
        self.left = self.left.saturating_sub(1);
        let Some(members) = at.object() else {
            return match at.value {
                Value::Bool(false) => object(json!({ "not": {} })),
                Value::Bool(true) => Map::new(),
                Value::Null
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => {
                    self.context.notes.warning(&at.place, "this is no schema: any value is taken");
                    Map::new()
                }
            };
        };
        if let Some(reference) = at.text("$ref") {
            return self.reference(at, reference, depth);
        }
        let mut own = Map::new();
        let tell = |text: String| self.context.notes.warning(&at.place, text);
        types::put(members, &mut own, &tell);
        keywords::put(members, &mut own, &at.place, self.context);
        self.left = self.left.saturating_sub(own.len());
        if let Some(values) = own.get("enum").and_then(Value::as_array) {
            self.left = self.left.saturating_sub(values.len());
        }
        self.inner(at, &mut own, depth);
        let whole = self.all_of(at, own, depth);
        nullable(members, whole)
    }

    /// The keywords that hold schemas of what is inside a value, and the unions.
    fn inner(&mut self, at: &Placed<'d>, own: &mut Map<String, Value>, depth: usize) {
        // What is inside is another value: a reference there is no loop.
        let open = std::mem::take(&mut self.open);
        self.properties(at, own, depth);
        for key in ["items", "contains", "propertyNames"] {
            let Some(inner) = at.get(key).filter(|inner| !inner.value.is_null()) else { continue };
            if inner.value.is_array() {
                // Older drafts: one schema for each element.
                let items = inner.items().map(|item| self.value(&item, depth)).collect();
                own.insert("prefixItems".to_owned(), Value::Array(items));
                continue;
            }
            let inner = self.value(&inner, depth);
            own.insert(key.to_owned(), inner);
        }
        if let Some(list) = at.get("prefixItems") {
            let items = list.items().map(|item| self.value(&item, depth)).collect();
            own.insert("prefixItems".to_owned(), Value::Array(items));
        }
        if let Some(more) = at.get("additionalProperties") {
            match more.value {
                // What an answer has beyond its description is no fault of it.
                Value::Bool(false) if self.direction == Direction::Response => {}
                Value::Bool(flag) => {
                    own.insert("additionalProperties".to_owned(), Value::Bool(*flag));
                }
                Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
                Value::Object(_) => {
                    let inner = self.value(&more, depth);
                    own.insert("additionalProperties".to_owned(), inner);
                }
            }
        }
        self.open = open;
        self.unions(at, own, depth);
        if let Some(not) = at.get("not").filter(|not| not.value.is_object()) {
            let not = self.value(&not, depth);
            own.insert("not".to_owned(), not);
        }
        if self.context.version() == Version::V31 {
            self.conditions(at, own, depth);
        }
    }

    fn value(&mut self, at: &Placed<'d>, depth: usize) -> Value {
        Value::Object(self.schema(at, depth.saturating_add(1)))
    }

    fn properties(&mut self, at: &Placed<'d>, own: &mut Map<String, Value>, depth: usize) {
        let mut left_out: HashSet<&str> = HashSet::new();
        if let Some(properties) = at.get("properties").filter(|list| list.value.is_object()) {
            let mut written = Map::new();
            for (name, property) in properties.members() {
                if self.is_left_out(&property) {
                    left_out.insert(name);
                } else {
                    written.insert(name.to_owned(), self.value(&property, depth));
                }
            }
            own.insert("properties".to_owned(), Value::Object(written));
        }
        if let Some(patterns) = at.get("patternProperties") {
            let written: Map<String, Value> = patterns
                .members()
                .map(|(name, property)| (name.to_owned(), self.value(&property, depth)))
                .collect();
            if !written.is_empty() {
                own.insert("patternProperties".to_owned(), Value::Object(written));
            }
        }
        let mut required: Vec<Value> = Vec::new();
        for name in at.value.get("required").and_then(Value::as_array).into_iter().flatten() {
            let stays = name.as_str().is_some_and(|name| !left_out.contains(name));
            if stays && !required.contains(name) {
                required.push(name.clone());
            }
        }
        if !required.is_empty() {
            self.left = self.left.saturating_sub(required.len());
            own.insert("required".to_owned(), Value::Array(required));
        }
    }

    /// Whether a property belongs to the other direction only.
    fn is_left_out(&self, property: &Placed<'d>) -> bool {
        let key = match self.direction {
            Direction::Request => "readOnly",
            Direction::Response => "writeOnly",
        };
        let says = |at: &Placed<'d>| at.flag(key);
        if says(property) || property.get("allOf").is_some_and(|all| all.items().any(|i| says(&i)))
        {
            return true;
        }
        property.text("$ref").is_some()
            && self.context.document.resolve(property.clone()).is_ok_and(|target| says(&target))
    }

    /// `oneOf` and `anyOf`, both as `anyOf`: descriptions seldom exclude each other as strictly
    /// as `oneOf` asks, and the API decides anyway.
    fn unions(&mut self, at: &Placed<'d>, own: &mut Map<String, Value>, depth: usize) {
        let mut unions: Vec<Vec<Value>> = Vec::new();
        for key in ["oneOf", "anyOf"] {
            let Some(list) = at.get(key) else { continue };
            let mut alternatives: Vec<Value> = Vec::new();
            for alternative in list.items() {
                let schema = self.value(&alternative, depth);
                if !alternatives.contains(&schema) {
                    alternatives.push(schema);
                }
            }
            if !alternatives.is_empty() {
                unions.push(alternatives);
            }
        }
        match (unions.pop(), unions.pop()) {
            (None, _) => {}
            (Some(only), None) => {
                own.insert("anyOf".to_owned(), Value::Array(only));
            }
            (Some(second), Some(first)) => {
                let both = json!([{ "anyOf": first }, { "anyOf": second }]);
                own.insert("allOf".to_owned(), both);
            }
        }
    }

    /// Keywords of JSON Schema 2020-12 that OpenAPI 3.0 does not have.
    fn conditions(&mut self, at: &Placed<'d>, own: &mut Map<String, Value>, depth: usize) {
        for key in ["if", "then", "else"] {
            if let Some(inner) = at.get(key) {
                let inner = self.value(&inner, depth);
                own.insert(key.to_owned(), inner);
            }
        }
        if let Some(schemas) = at.get("dependentSchemas") {
            let written: Map<String, Value> = schemas
                .members()
                .map(|(name, inner)| (name.to_owned(), self.value(&inner, depth)))
                .collect();
            own.insert("dependentSchemas".to_owned(), Value::Object(written));
        }
        if let Some(needed) = at.get("dependentRequired").filter(|needed| needed.value.is_object())
        {
            own.insert("dependentRequired".to_owned(), needed.value.clone());
        }
        for key in ["$dynamicRef", "unevaluatedProperties", "unevaluatedItems"] {
            if at.get(key).is_some() {
                self.context.notes.info(&at.place, format!("`{key}` is left to the API"));
            }
        }
    }

    /// `allOf`, merged with what stands beside it.
    fn all_of(
        &mut self,
        at: &Placed<'d>,
        own: Map<String, Value>,
        depth: usize,
    ) -> Map<String, Value> {
        let Some(list) = at.get("allOf") else { return own };
        let mut parts: Vec<Map<String, Value>> = Vec::new();
        for part in list.items() {
            let part = match part.text("$ref") {
                // Written out, so that it can be merged.
                Some(reference) => self.written_out(&part, reference, depth.saturating_add(1)),
                None => self.schema(&part, depth.saturating_add(1)),
            };
            parts.push(part);
        }
        parts.push(own);
        merge(parts)
    }

    /// What a reference leads to, cyclic or not, unless that is being written here already.
    fn written_out(
        &mut self,
        at: &Placed<'d>,
        reference: &str,
        depth: usize,
    ) -> Map<String, Value> {
        if self.open.iter().any(|open| open == reference) {
            // A schema that is part of itself says nothing by that.
            return Map::new();
        }
        let Some(target) = self.target(at, reference) else { return Map::new() };
        self.open.push(reference.to_owned());
        let mut schema = self.schema(&target, depth.saturating_add(1));
        // The union of a base of which this is one alternative: the alternatives say what they are.
        let leads_back = |list: &str| {
            target.get(list).is_some_and(|list| {
                list.items().any(|item| {
                    item.text("$ref").is_some_and(|to| self.open.iter().any(|open| open == to))
                })
            })
        };
        if leads_back("oneOf") || leads_back("anyOf") {
            schema.shift_remove("anyOf");
        }
        self.open.pop();
        self.beside(at, schema, depth)
    }

    fn reference(&mut self, at: &Placed<'d>, reference: &str, depth: usize) -> Map<String, Value> {
        let Some(target) = self.target(at, reference) else { return Map::new() };
        let cyclic = self.context.graph.borrow_mut().is_cyclic(reference, self.context.document);
        let schema = if cyclic || (self.share && !is_small(target.value, &mut SMALL.clone())) {
            let name = self.name(reference);
            object(json!({ "$ref": format!("#/$defs/{name}") }))
        } else {
            self.schema(&target, depth.saturating_add(1))
        };
        self.beside(at, schema, depth)
    }

    fn target(&self, at: &Placed<'d>, reference: &str) -> Option<Placed<'d>> {
        match self.context.document.follow(reference) {
            Ok(target) => Some(target),
            Err(problem) => {
                self.context.notes.warning(&at.place, format!("{problem}; any value is taken"));
                None
            }
        }
    }

    /// What stands beside a reference: everything in OpenAPI 3.1, the description before it.
    fn beside(
        &mut self,
        at: &Placed<'d>,
        schema: Map<String, Value>,
        depth: usize,
    ) -> Map<String, Value> {
        let Some(members) = at.object().filter(|members| members.len() > 1) else { return schema };
        let mut own = members.clone();
        own.shift_remove("$ref");
        if self.context.version() != Version::V31 {
            own.retain(|key, _| key == "description" || key == "nullable" || key == "x-nullable");
        }
        let mut beside = Map::new();
        let tell = |text: String| self.context.notes.warning(&at.place, text);
        types::put(&own, &mut beside, &tell);
        keywords::put(&own, &mut beside, &at.place, self.context);
        if self.context.version() == Version::V31 {
            self.inner(at, &mut beside, depth);
        }
        let merged = if beside.is_empty() { schema } else { merge(vec![schema, beside]) };
        nullable(&own, merged)
    }

    /// The name of a definition.
    fn name(&mut self, reference: &str) -> String {
        if let Some(name) = self.names.get(reference) {
            return name.clone();
        }
        let last = reference.rsplit('/').next().unwrap_or_default();
        let wanted = crate::argument_name(last);
        let mut name = wanted.clone();
        let mut number = 2_usize;
        while !self.taken.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number = number.saturating_add(1);
        }
        self.names.insert(reference.to_owned(), name.clone());
        self.queue.push_back(reference.to_owned());
        name
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// A schema that allows null too, where its type does not say so yet.
fn nullable(source: &Map<String, Value>, schema: Map<String, Value>) -> Map<String, Value> {
    if !types::is_nullable(source) || schema.is_empty() {
        return schema;
    }
    let has_null = |value: &Value| match value {
        Value::Array(kinds) => kinds.contains(&Value::from("null")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            false
        }
    };
    if schema.get("type").is_some_and(has_null) {
        return schema;
    }
    if let (1, Some(list)) = (schema.len(), schema.get("anyOf").and_then(Value::as_array)) {
        let null = json!({ "type": "null" });
        let more = (!list.contains(&null)).then_some(null);
        let list = list.iter().cloned().chain(more).collect();
        return Map::from_iter([("anyOf".to_owned(), Value::Array(list))]);
    }
    let mut inner = schema;
    let mut outer = Map::new();
    if let Some(text) = inner.shift_remove("description") {
        outer.insert("description".to_owned(), text);
    }
    outer.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
    outer
}

/// Whether a value holds no more values than are left.
fn is_small(value: &Value, left: &mut usize) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        Value::Object(members) => members.values().all(|member| is_small(member, left)),
        Value::Array(items) => items.iter().all(|item| is_small(item, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
