//! What a record keeps of a call's arguments where that is switched on: those that policies read, so
//! that the call can be decided again by other policies.
//!
//! `{"args": {"amount": 900, "note": null}, "absent": ["path"]}`: in `args` what was there, null
//! included; in `absent` what was not, which is something else where a schema has a default. What is in
//! neither was not recorded, and nothing is known of it.
//!
//! INVARIANT: no value is kept of which the schema says that it is not to be shown, nor one that holds
//! a secret of the tenant or has the form of a credential, as far as scrubbing finds them.

use serde_json::{Map, Value};

use crate::snapshot::{ServerEntry, Snapshot, ToolEntry};

/// The most that a record keeps of arguments, in bytes. What does not fit is left out, whole.
const BYTES_MAX: usize = 4096;

/// What a record keeps of arguments, raw JSON; `None` where nothing is to be kept.
pub(super) fn attributes(
    snapshot: &Snapshot,
    server: &ServerEntry,
    tool: &ToolEntry,
    arguments: &Map<String, Value>,
) -> Option<String> {
    let names = snapshot.policy(&server.tenant)?.recorded(server, tool)?;
    if names.is_empty() {
        return None;
    }
    let masker = snapshot.masker_of_attributes(server);
    let (mut args, mut absent) = (Map::new(), Vec::new());
    let mut left = BYTES_MAX.saturating_sub(FRAME.len());
    for name in names.iter() {
        let Some(value) = arguments.get(name) else {
            let size = json(name).len().saturating_add(1);
            if let Some(rest) = left.checked_sub(size) {
                left = rest;
                absent.push(Value::from(name.as_str()));
            }
            continue;
        };
        let text = value.to_string();
        let size = json(name).len().saturating_add(text.len()).saturating_add(2);
        let Some(rest) = left.checked_sub(size) else { continue };
        // A value with a part taken out would be decided otherwise.
        if masker.mask_json(&text).1 == 0 {
            left = rest;
            args.insert(name.clone(), value.clone());
        }
    }
    Some(serde_json::json!({ "args": args, "absent": absent }).to_string())
}

/// What is always there.
const FRAME: &str = r#"{"absent":[],"args":{}}"#;

fn json(text: &str) -> String {
    Value::from(text).to_string()
}
