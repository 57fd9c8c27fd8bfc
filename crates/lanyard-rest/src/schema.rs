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

fn rewrite(schema: &mut Value, base: &str) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members.iter_mut() {
                rewrite_keyword(key, member, base);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, base)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rewrite_keyword(keyword: &str, member: &mut Value, base: &str) {
    match (keyword, &mut *member) {
        ("$ref", Value::String(text)) => {
            if let Some(rest) = local(text) {
                *text = format!("{base}{rest}");
            }
        }
        // The members of these are schemas under any name, also under that of a keyword.
        (
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
            Value::Object(schemas),
        ) => schemas.iter_mut().for_each(|(_, schema)| rewrite(schema, base)),
        // These hold values, not schemas.
        ("default" | "enum" | "const" | "examples", _) => {}
        _ => rewrite(member, base),
    }
}

/// What follows `#` if the reference is a pointer into its own document.
fn local(reference: &str) -> Option<&str> {
    reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::relocate;

    #[test]
    fn references_move_with_their_schema_and_data_stays() {
        let schema = json!({
            "properties": {"default": {"$ref": "#/$defs/a~b"}, "enum": {"items": {"$ref": "#"}}},
            "default": {"$ref": "#/$defs/a"},
            "$defs": {"const": {"$ref": "#/$defs/const"}, "x": {"$ref": "https://h.example/x"}},
        });
        let expected = json!({
            "properties": {
                "default": {"$ref": "#/properties/a~1b/$defs/a~b"},
                "enum": {"items": {"$ref": "#/properties/a~1b"}},
            },
            "default": {"$ref": "#/$defs/a"},
            "$defs": {
                "const": {"$ref": "#/properties/a~1b/$defs/const"},
                "x": {"$ref": "https://h.example/x"},
            },
        });
        assert_eq!(relocate(schema, "a/b"), expected);
    }
}
