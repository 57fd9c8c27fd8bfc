//! A draft as YAML: readable, block style, in the order of the draft.

use serde_json::{Map, Value, json};

use crate::text::one_line;
use crate::yaml::{is_printed, push_item, push_items, push_member};
use crate::{
    Draft, DraftArg, DraftBody, DraftTool, KeyPlace, Patch, Requirement, Scheme, SchemeKind,
};

/// Keywords that stand beside an argument's own keys. Others need `schema`.
const FLAT: &[&str] = &[
    "type",
    "enum",
    "items",
    "properties",
    "default",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "examples",
    "title",
    "additionalProperties",
    "const",
    "deprecated",
    "contentMediaType",
    "contentEncoding",
];

impl Draft {
    /// The draft as a definition. Comments tell what the format has no key for.
    pub fn to_yaml(&self) -> String {
        let mut out = String::from("server:\n");
        let name = Value::from(self.name.as_deref().unwrap_or("api"));
        member(&mut out, "name", &name);
        for (key, text) in [("description", &self.description), ("baseUrl", &self.base_url)] {
            if let Some(text) = text {
                member(&mut out, key, &Value::from(text.as_str()));
            }
        }
        let patch = self.patch.as_ref();
        let members = self.config.iter().map(|(key, reference)| {
            (key.clone(), Value::from(reference.as_deref().unwrap_or_default()))
        });
        let mut config: Map<String, Value> = members.collect();
        config.extend(patch.map(|patch| patch.config.clone()).unwrap_or_default());
        if !config.is_empty() {
            member(&mut out, "config", &Value::Object(config));
        }
        if let Some(schemes) = patch.and_then(|patch| patch.schemes.as_ref()) {
            member(&mut out, "securitySchemes", schemes);
        } else if !self.schemes.is_empty() {
            out.push_str("  securitySchemes:\n");
            for scheme in &self.schemes {
                push_scheme(&mut out, scheme);
            }
        }
        if !self.default_security.is_empty() {
            member(&mut out, "defaultUpstreamSecurity", &requirements(&self.default_security));
        }
        if self.tools.is_empty() {
            out.push_str("tools: []\n");
            return out;
        }
        out.push_str("tools:\n");
        for tool in &self.tools {
            push_tool(&mut out, tool, patch);
        }
        out
    }
}

fn member(out: &mut String, key: &str, value: &Value) {
    out.push_str("  ");
    push_member(out, key, value, 2);
}

fn comment(out: &mut String, indent: &str, text: &str) {
    out.push_str(indent);
    out.push_str("# ");
    // A comment has no escapes.
    out.extend(crate::shorten(text, 200).chars().filter(|c| is_printed(*c)));
    out.push('\n');
}

fn push_scheme(out: &mut String, scheme: &Scheme) {
    if let Some(text) = scheme.description.as_deref().filter(|text| !one_line(text).is_empty()) {
        comment(out, "  ", text);
    }
    let mut members = Map::new();
    let mut insert = |key: &str, text: &str| members.insert(key.to_owned(), Value::from(text));
    insert("id", &scheme.id);
    match &scheme.kind {
        SchemeKind::HttpBearer => {
            insert("type", "http");
            insert("scheme", "bearer");
        }
        SchemeKind::HttpBasic => {
            insert("type", "http");
            insert("scheme", "basic");
        }
        SchemeKind::ApiKey { place, name } => {
            insert("type", "apiKey");
            let place = match place {
                KeyPlace::Header => "header",
                KeyPlace::Query => "query",
                KeyPlace::Cookie => "cookie",
            };
            insert("in", place);
            insert("name", name);
        }
    }
    // The empty text is a placeholder: a secret without a value is made when the file is added.
    insert("defaultCredential", scheme.credential.as_deref().unwrap_or_default());
    out.push_str("  ");
    push_item(out, &Value::Object(members), 2);
}

fn requirements(list: &[Requirement]) -> Value {
    let one = |requirement: &Requirement| match &requirement.credential {
        Some(credential) => json!({ "id": requirement.scheme, "credential": credential }),
        None => json!({ "id": requirement.scheme }),
    };
    Value::Array(list.iter().map(one).collect())
}

pub(crate) fn push_tool(out: &mut String, tool: &DraftTool, patch: Option<&Patch>) {
    let mut told = Vec::new();
    if let Some(id) = tool.operation_id.as_deref().filter(|id| *id != tool.name) {
        told.push(format!("operation {id}"));
    }
    if !tool.tags.is_empty() {
        told.push(format!("tags: {}", tool.tags.join(", ")));
    }
    if tool.deprecated {
        told.push("deprecated".to_owned());
    }
    if !told.is_empty() {
        comment(out, "", &told.join("; "));
    }
    let mut members = tool_members(tool);
    if let Some(patch) = patch {
        patch.apply(&mut members);
    }
    push_items(out, &[Value::Object(members)], 0);
}

/// A tool as the object that is written.
fn tool_members(tool: &DraftTool) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("name".to_owned(), Value::from(tool.name.as_str()));
    members.insert("description".to_owned(), Value::from(tool.description.as_str()));
    if let Some(text) = &tool.long_description {
        members.insert("longDescription".to_owned(), Value::from(text.as_str()));
    }
    if !tool.args.is_empty() {
        members.insert("args".to_owned(), Value::Array(tool.args.iter().map(arg_value).collect()));
    }
    members.insert("requestTemplate".to_owned(), request_value(tool));
    if let Some(text) = &tool.prepend {
        members.insert("responseTemplate".to_owned(), json!({ "prependBody": text }));
    }
    if let Some(schema) = &tool.output_schema {
        members.insert("outputSchema".to_owned(), schema.clone());
    }
    members
}

fn request_value(tool: &DraftTool) -> Value {
    let mut members = Map::new();
    members.insert("url".to_owned(), Value::from(tool.url.as_str()));
    members.insert("method".to_owned(), Value::from(tool.method.as_str()));
    if !tool.headers.is_empty() {
        let header = |(key, value): &(String, String)| json!({ "key": key, "value": value });
        let headers = tool.headers.iter().map(header).collect();
        members.insert("headers".to_owned(), Value::Array(headers));
    }
    let (key, value) = match &tool.body {
        DraftBody::None => ("", Value::Null),
        DraftBody::Json => ("argsToJsonBody", Value::Bool(true)),
        DraftBody::Form => ("argsToFormBody", Value::Bool(true)),
        DraftBody::Multipart => ("argsToMultipartBody", Value::Bool(true)),
        DraftBody::Template(text) => ("body", Value::from(text.as_str())),
        DraftBody::Raw(name) => ("argToBody", Value::from(name.as_str())),
    };
    if !key.is_empty() {
        members.insert(key.to_owned(), value);
    }
    if let Some(security) = &tool.security {
        members.insert("security".to_owned(), requirements(security));
    }
    Value::Object(members)
}

fn arg_value(arg: &DraftArg) -> Value {
    let mut members = Map::new();
    members.insert("name".to_owned(), Value::from(arg.name.as_str()));
    if let Some(wire) = arg.wire_name.as_deref().filter(|wire| *wire != arg.name) {
        members.insert("wireName".to_owned(), Value::from(wire));
    }
    if !arg.description.is_empty() {
        members.insert("description".to_owned(), Value::from(arg.description.as_str()));
    }
    let own = own_schema(arg);
    let flat = is_flat(&own);
    if flat {
        // The type first: it is what a person looks for.
        members.insert("type".to_owned(), own.get("type").cloned().unwrap_or_default());
    }
    if arg.required {
        members.insert("required".to_owned(), Value::Bool(true));
    }
    if let Some(position) = arg.position {
        members.insert("position".to_owned(), Value::from(position.name()));
    }
    if arg.style != crate::ArgStyle::Json {
        members.insert("style".to_owned(), Value::from(arg.style.name()));
    }
    if arg.path_segments {
        members.insert("pathSegments".to_owned(), Value::Bool(true));
    }
    if flat {
        for (key, value) in own {
            members.insert(key, value);
        }
    } else {
        members.insert("schema".to_owned(), Value::Object(own));
    }
    Value::Object(members)
}

/// The schema without the description, which stands beside it. A schema that is no object, which
/// only a maker's mistake can bring here, allows everything.
fn own_schema(arg: &DraftArg) -> Map<String, Value> {
    let mut own = arg.schema.as_object().cloned().unwrap_or_default();
    if !arg.description.is_empty() {
        own.shift_remove("description");
    }
    own
}

/// Whether the flat keys of an argument say all of its schema.
fn is_flat(schema: &Map<String, Value>) -> bool {
    let kind = schema.get("type").and_then(Value::as_str);
    let kinds = ["string", "number", "integer", "boolean", "array", "object"];
    let fits = |key: &str| match key {
        "items" => kind == Some("array"),
        "properties" => kind == Some("object"),
        _ => FLAT.contains(&key),
    };
    kind.is_some_and(|kind| kinds.contains(&kind))
        // A reader takes null beside the other keys for a key that is not there.
        && schema.iter().all(|(key, value)| fits(key) && !value.is_null() && !has_reference(value))
}

/// Whether a reference stands somewhere below: where it leads is clearer under `schema`.
fn has_reference(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(key, value)| key == "$ref" || has_reference(value))
        }
        Value::Array(items) => items.iter().any(has_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
