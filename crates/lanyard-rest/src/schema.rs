//! JSON Schemas as documents: a schema that moves into another one keeps its references.

use serde_json::Value;

/// Rewrites the references of an argument's schema for its place in the tool's schema:
/// `#/$defs/x` of the argument `a` becomes `#/properties/a/$defs/x`.
pub(crate) fn relocate(mut schema: Value, name: &str) -> Value {
    let pointer = name.replace('~', "~0").replace('/', "~1");
    let pointer: String = crate::syntax::encoded(&pointer).collect();
    rewrite(&mut schema, &format!("#/properties/{}", pointer.replace("%7E", "~")));
    schema
}

fn rewrite(value: &mut Value, base: &str) {
    match value {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                // These hold values, not schemas.
                if matches!(key.as_str(), "default" | "enum" | "const" | "examples") {
                    continue;
                }
                if let (Value::String(text), "$ref") = (&mut *member, key.as_str())
                    && let Some(rest) = local(text)
                {
                    *text = format!("{base}{rest}");
                }
                rewrite(member, base);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, base)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What follows `#` if the reference is a pointer into its own document.
fn local(reference: &str) -> Option<&str> {
    reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
