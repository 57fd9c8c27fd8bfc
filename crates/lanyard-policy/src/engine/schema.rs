//! What Cedar's type checker is told: the entities there are, and what is known of one object's
//! actions. The types of arguments are those of one tool, so each tool is checked by itself.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Schema, SchemaError};
use serde_json::{Map, Value, json};

use crate::ask::Action;
use crate::text::expression::{Read, View};
use crate::value::kind::{Field, Kind, Types};

/// What an object gives to its schema.
#[derive(Debug)]
pub(crate) struct SchemaParts<'a> {
    /// The type of the object's entity.
    pub(crate) kind: &'static str,
    pub(crate) actions: &'a [Action],
    /// What rules read of its arguments, and what that is.
    pub(crate) fields: &'a BTreeMap<String, Field>,
    pub(crate) reads: &'a BTreeSet<Read>,
    /// The actions that rules name, beside the groups.
    pub(crate) named: &'a BTreeSet<String>,
}

/// The action that stands for that of any one tool.
pub(crate) const ANY_CALL: &str = "call:*";

pub(crate) fn schema(parts: &SchemaParts<'_>) -> Result<Schema, Box<SchemaError>> {
    Schema::from_json_value(schema_json(parts)).map_err(Box::new)
}

/// The same as text, so that equal schemas are checked once.
pub(crate) fn schema_json(parts: &SchemaParts<'_>) -> Value {
    let mut types = Types::default();
    let mut actions = Map::new();
    for action in Action::ALL {
        let applies = (action != Action::Call && parts.actions.contains(&action)).then(|| {
            json!({
                "principalTypes": ["Agent"],
                "resourceTypes": [parts.kind],
                "context": context(&BTreeMap::new(), &BTreeSet::new(), &mut types),
            })
        });
        let mut described = Map::new();
        described.extend(applies.map(|it| ("appliesTo".to_owned(), it)));
        actions.insert(action.as_str().to_owned(), Value::Object(described));
    }
    if parts.actions.contains(&Action::Call) {
        let call = json!({
            "memberOf": [{ "id": "call" }],
            "appliesTo": {
                "principalTypes": ["Agent"],
                "resourceTypes": ["Tool"],
                "context": context(parts.fields, parts.reads, &mut types),
            }
        });
        let named = parts.named.iter().map(String::as_str);
        for name in named.chain([ANY_CALL]).filter(|name| name.starts_with("call:")) {
            actions.insert(name.to_owned(), call.clone());
        }
    }
    let mut entities = entities();
    if let Some(entities) = entities.as_object_mut() {
        entities.extend(types.unreadable.into_iter().map(|name| (name, json!({}))));
    }
    json!({ "": { "entityTypes": entities, "actions": actions } })
}

fn text() -> Value {
    json!({ "type": "String" })
}

fn optional(mut described: Value) -> Value {
    if let Some(members) = described.as_object_mut() {
        members.insert("required".to_owned(), false.into());
    }
    described
}

fn entities() -> Value {
    let peer = json!({ "type": "Record", "attributes": {
        "uid": optional(json!({ "type": "Long" })),
        "address": optional(json!({ "type": "Extension", "name": "ipaddr" })),
        "certificate": optional(text()),
    } });
    let agent = json!({ "type": "Record", "attributes": {
        "user": optional(json!({ "type": "Entity", "name": "User" })),
        "token": optional(text()),
        "peer": peer,
    } });
    let hint = || optional(json!({ "type": "Boolean" }));
    let hints = json!({ "type": "Record", "attributes": {
        "readOnly": hint(), "destructive": hint(), "idempotent": hint(), "openWorld": hint(),
    } });
    let tool = json!({ "type": "Record", "attributes": { "name": text(), "hints": hints } });
    let named = json!({ "type": "Record", "attributes": { "name": text() } });
    let resource = json!({ "type": "Record", "attributes": { "uri": text() } });
    json!({
        "Tenant": {},
        "Team": {},
        "User": {},
        "Agent": { "memberOfTypes": ["Team", "Tenant"], "shape": agent, "tags": text() },
        "Server": { "memberOfTypes": ["Tenant"], "shape": named, "tags": text() },
        "Tool": { "memberOfTypes": ["Server", "Tenant"], "shape": tool, "tags": text() },
        "Prompt": { "memberOfTypes": ["Server", "Tenant"], "shape": named, "tags": text() },
        "Resource": { "memberOfTypes": ["Server", "Tenant"], "shape": resource, "tags": text() },
    })
}

/// The context of an action. Of arguments it holds what is read, so that a schema of a thousand of
/// them costs no more than the rules that are held against it.
fn context(fields: &BTreeMap<String, Field>, reads: &BTreeSet<Read>, types: &mut Types) -> Value {
    let read: BTreeSet<&str> = reads.iter().filter_map(Read::argument).collect();
    let seen: BTreeMap<String, Field> = fields
        .iter()
        .filter(|(name, _)| read.contains(name.as_str()))
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect();
    let mut attributes = Map::new();
    attributes.insert("args".to_owned(), types.record(&seen, ""));
    for view in View::ALL {
        attributes.insert(view.as_str().to_owned(), views(view, &seen));
    }
    let texts = || json!({ "type": "Set", "element": text() });
    let long = || json!({ "type": "Long" });
    attributes.insert("undeclared".to_owned(), texts());
    let session = json!({ "servers": texts(), "labels": texts(), "calls": long() });
    attributes.insert("session".to_owned(), json!({ "type": "Record", "attributes": session }));
    let time = json!({
        "at": { "type": "Extension", "name": "datetime" }, "date": text(),
        "hour": long(), "minute": long(), "weekday": long(),
    });
    attributes.insert("time".to_owned(), json!({ "type": "Record", "attributes": time }));
    let address = optional(json!({ "type": "Extension", "name": "ipaddr" }));
    let client = json!({ "address": address, "transport": text() });
    attributes.insert("client".to_owned(), json!({ "type": "Record", "attributes": client }));
    json!({ "type": "Record", "attributes": attributes })
}

/// One view of every argument that is a text, or a list of texts.
fn views(view: View, fields: &BTreeMap<String, Field>) -> Value {
    let mut attributes = Map::new();
    for (name, field) in fields {
        let Some(mut seen) = view_type(view, &field.kind) else { continue };
        if let Some(members) = seen.as_object_mut() {
            members.insert("required".to_owned(), field.is_there().into());
        }
        attributes.insert(name.clone(), seen);
    }
    json!({ "type": "Record", "attributes": attributes })
}

/// Whether there is a view of a kind, and its type.
fn view_type(view: View, kind: &Kind) -> Option<Value> {
    let many = match kind {
        Kind::Text | Kind::Mixed => false,
        Kind::Set(element) | Kind::Several(element)
            if matches!(**element, Kind::Text | Kind::Mixed) =>
        {
            true
        }
        Kind::Whole
        | Kind::Decimal
        | Kind::Bool
        | Kind::Set(_)
        | Kind::Several(_)
        | Kind::Record(_)
        | Kind::Unreadable(_) => return None,
    };
    let yes = || json!({ "type": "Boolean" });
    let texts = || json!({ "type": "Set", "element": text() });
    let attributes = match (view, many) {
        (View::Path, false) => json!({
            "absolute": yes(), "clean": text(), "ancestors": texts(), "escapes": yes(),
            "hidden": yes(), "odd": yes(),
        }),
        // Of several paths: what holds of all of them, or of any.
        (View::Path, true) => json!({
            "absolute": yes(), "ancestors": texts(), "escapes": yes(), "hidden": yes(),
            "odd": yes(),
        }),
        (View::Sql, false) => json!({
            "parsed": yes(), "read_only": yes(), "statements": { "type": "Long" },
            "verbs": texts(), "tables": texts(), "functions": texts(),
        }),
        (View::Url, false) => json!({
            "parsed": yes(), "scheme": text(), "host": text(), "port": { "type": "Long" },
            "path": text(), "user_info": yes(),
        }),
        (View::Sql | View::Url, true) => return None,
    };
    Some(json!({ "type": "Record", "attributes": attributes }))
}
