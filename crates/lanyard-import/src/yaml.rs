//! JSON values as block-style YAML that every reader of YAML 1.1 and 1.2 understands alike.
//!
//! `serde-saphyr` was looked at and not used for writing: with `arbitrary_precision`, which keeps
//! the digits of numbers, `serde_json` hands numbers to other serialisers as objects.

use serde_json::{Map, Value};

/// The longest text of a key before it needs a line of its own. Source: YAML 1.2.2, 7.4.2:
/// "implicit keys ... limited to 1024 characters"; escapes count, so a margin is left.
const KEY_MAX: usize = 120;

/// The longest line of a text that is written without quotes.
const PLAIN_MAX: usize = 4_000;

/// Appends the members of an object, each on lines of its own that begin with `indent` spaces.
pub(crate) fn push_members(out: &mut String, members: &Map<String, Value>, indent: usize) {
    for (key, value) in members {
        push_indent(out, indent);
        push_member(out, key, value, indent);
    }
}

/// Appends a list's elements, each as `- ` at `indent`.
pub(crate) fn push_items(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        push_indent(out, indent);
        push_item(out, item, indent);
    }
}

/// Appends one element whose line has its indent already.
pub(crate) fn push_item(out: &mut String, item: &Value, indent: usize) {
    let inner = indent.saturating_add(2);
    match item {
        Value::Object(members) if !members.is_empty() => {
            out.push_str("- ");
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    push_indent(out, inner);
                }
                push_member(out, key, value, inner);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str("-\n");
            push_items(out, items, inner);
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => {
            out.push('-');
            push_scalar(out, item, inner);
        }
    }
}

/// Appends one member whose line has its indent already.
pub(crate) fn push_member(out: &mut String, key: &str, value: &Value, indent: usize) {
    if key.len() > KEY_MAX {
        out.push_str("? ");
        push_quoted(out, key);
        out.push('\n');
        push_indent(out, indent);
    } else if is_plain(key) {
        out.push_str(key);
    } else {
        push_quoted(out, key);
    }
    out.push(':');
    match value {
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            push_members(out, members, indent.saturating_add(2));
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            // After `?` a list at the same indent would belong to nobody.
            let inner = if key.len() > KEY_MAX { indent.saturating_add(2) } else { indent };
            push_items(out, items, inner);
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => push_scalar(out, value, indent.saturating_add(2)),
    }
}

/// Appends a space, a value that needs no lines of its own, and the end of the line. The lines
/// of a block of text begin at `indent`.
fn push_scalar(out: &mut String, value: &Value, indent: usize) {
    out.push(' ');
    match value {
        Value::String(text) if is_block(text) => {
            push_block(out, text, indent);
            return;
        }
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) => push_quoted(out, text),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
    out.push('\n');
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Whether a text is itself without quotes, for every reader.
fn is_plain(text: &str) -> bool {
    let starts =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_' | '$'));
    starts
        && text.len() <= PLAIN_MAX
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text.chars().all(|c| is_printed(c) && c != '\n')
        && !is_word_with_a_meaning(text)
}

/// Words that are null, true, false or a number for some readers.
fn is_word_with_a_meaning(text: &str) -> bool {
    const WORDS: &[&str] =
        &["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a character may stand as it is in a file.
pub(crate) fn is_printed(character: char) -> bool {
    !matches!(
        character,
        '\u{0}'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{10ffff}'
    )
}

/// Whether a text can be a literal block: several lines, none of which begins the block or ends
/// it in a way that a block cannot show.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with(['\n', ' '])
        && text.chars().all(is_printed)
}

fn push_block(out: &mut String, text: &str, indent: usize) {
    let (body, mark) = match text.strip_suffix('\n') {
        Some(body) => (body, "|\n"),
        None => (text, "|-\n"),
    };
    out.push_str(mark);
    for line in body.split('\n') {
        if !line.is_empty() {
            push_indent(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if is_printed(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                let escaped = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                out.push_str(&escaped);
            }
        }
    }
    out.push('"');
}
