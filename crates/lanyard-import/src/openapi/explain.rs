//! A description of an answer in words, to stand before it: for models that read no schema. The
//! layout is that of Higress' converter; so are the heading's names.

use serde_json::Value;

/// How deep members are told.
const DEPTH_MAX: usize = 10;

/// The most members that are told: a model reads all of it with every answer.
const LINES_MAX: usize = 200;

/// What stands before an answer: its media type, and its members with what they are.
pub(crate) fn explain(media_type: &str, schema: &Value) -> String {
    let mut lines = Vec::new();
    members(schema, "", 0, &mut lines);
    lines.sort();
    let mut text = String::from(
        "# API Response Information\n\nWhat the API answered stands below, after what its members mean.\n\n## Response Structure\n\n",
    );
    text.push_str(&format!("> Content-Type: {media_type}\n\n"));
    let left = lines.len().saturating_sub(LINES_MAX);
    for line in lines.iter().take(LINES_MAX) {
        text.push_str(line);
        text.push('\n');
    }
    if left > 0 {
        text.push_str(&format!("- and {left} more\n"));
    }
    text.push_str("\n## Original Response\n");
    text
}

fn members(schema: &Value, path: &str, depth: usize, lines: &mut Vec<String>) {
    if depth >= DEPTH_MAX {
        return;
    }
    if let Some(items) = schema.get("items") {
        members(items, &format!("{path}[]"), depth.saturating_add(1), lines);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, member) in properties.into_iter().flatten() {
        let name = crate::one_line(name);
        let place = if path.is_empty() { name } else { format!("{path}.{name}") };
        let about = member.get("description").and_then(Value::as_str).unwrap_or_default();
        let about = crate::shorten(&crate::one_line(about), 200);
        let separator = if about.is_empty() { "" } else { ": " };
        lines.push(format!("- **{place}**{separator}{about} (Type: {})", kind(member)));
        members(member, &place, depth.saturating_add(1), lines);
    }
}

/// The type of a schema, as a word.
fn kind(schema: &Value) -> String {
    match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        Some(_) | None => "any".to_owned(),
    }
}
