//! Command lines of a call, as a person and a shell read them. Pure.
//!
//! `name=value` where nobody can read it otherwise, else `--args` with JSON, which both `lanyard` and
//! mcporter send as it is.

use serde_json::{Map, Value};

/// The longest whole number that is written as itself: past it JavaScript rounds.
const DIGITS_MAX: usize = 15;

/// The words behind `call`: `SERVER.TOOL` and its arguments. `None` where the names cannot be written
/// so that both programs read them as names.
pub(super) fn words(
    server: &str,
    tool: &str,
    arguments: &Map<String, Value>,
) -> Option<Vec<String>> {
    let is_name = |name: &str, more: &str| {
        name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    if !is_name(server, "_-") || !is_name(tool, "_-./") {
        return None;
    }
    let mut words = vec![format!("{server}.{tool}")];
    let pairs = arguments.iter().map(|(name, value)| pair(name, value));
    match pairs.collect::<Option<Vec<_>>>() {
        Some(pairs) => words.extend(pairs),
        None => {
            let json = Value::Object(arguments.clone()).to_string();
            // A line is a line: what would break it is written as an escape.
            words.extend(["--args".to_owned(), escaped_json(&json)]);
        }
    }
    Some(words)
}

/// JSON without letters that break a line or show nothing: each as the escape that JSON has for it.
fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    let mut units = [0_u16; 2];
    for letter in json.chars() {
        let plain = letter.to_string();
        if lanyard_mcp::text::visible(&plain) == plain {
            escaped.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut units) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    escaped
}

/// `name=value`, where neither program can take it for anything else.
fn pair(name: &str, value: &Value) -> Option<String> {
    let is_key = name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    let text = match value {
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => {
            let text = number.to_string();
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let is_plain = digits.len() <= DIGITS_MAX
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            is_plain.then_some(text)?
        }
        Value::String(text) if is_word(text) => text.clone(),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    is_key.then(|| format!("{name}={text}"))
}

/// A text that looks like nothing else: no number, no literal, no file, no JSON.
fn is_word(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./@:+".contains(letter))
        && !["true", "false", "null", "none", "nan", "infinity"]
            .contains(&text.to_ascii_lowercase().as_str())
}

/// A line for a shell.
pub(super) fn line(program: &str, words: &[String]) -> String {
    let words = words.iter().map(|word| shell_word(word));
    format!("{program} call {}", words.collect::<Vec<_>>().join(" "))
}

fn shell_word(word: &str) -> String {
    let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "_-./@:+=,%".contains(letter);
    if !word.is_empty() && word.chars().all(is_safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of a text as somebody typed it for `--run`: at white space, with quotes of both kinds.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(open) = quote {
        // The rest may hold what is for no screen.
        let tool = text.split_whitespace().next().unwrap_or_default();
        return Err(format!("--run: a quote {open} is not closed in the call of `{tool}`"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{line, split, words};

    fn typed(tool: &str, arguments: Value) -> Option<String> {
        let arguments = arguments.as_object().unwrap().clone();
        words("pets", tool, &arguments).map(|words| line("lanyard", &words))
    }

    #[test]
    fn names_that_could_be_something_else_are_not_written() {
        for tool in ["", "a b", "-x", "a;rm", "a(b)", "a$(x)", "a\nb", "é", "a'b", "a`b`"] {
            assert_eq!(typed(tool, json!({})), None, "{tool}");
        }
        assert_eq!(words("--config=x", "a", &serde_json::Map::new()), None);
    }

    #[test]
    fn arguments_by_name_where_nobody_can_misread_them() {
        for (arguments, expected) in [
            (json!({}), "lanyard call pets.get"),
            (json!({"petId": 10}), "lanyard call pets.get petId=10"),
            (
                json!({"status": "available", "deep": true}),
                "lanyard call pets.get status=available deep=true",
            ),
            (json!({"id": "5"}), r#"lanyard call pets.get --args '{"id":"5"}'"#),
            (json!({"id": "@file"}), r#"lanyard call pets.get --args '{"id":"@file"}'"#),
            (json!({"id": "TRUE"}), r#"lanyard call pets.get --args '{"id":"TRUE"}'"#),
            (
                json!({"id": 12345678901234567u64}),
                r#"lanyard call pets.get --args '{"id":12345678901234567}'"#,
            ),
            (json!({"a b": "c"}), r#"lanyard call pets.get --args '{"a b":"c"}'"#),
            (
                json!({"q": "it's $HOME `x`\n\u{2028}"}),
                r#"lanyard call pets.get --args '{"q":"it'\''s $HOME `x`\n\u2028"}'"#,
            ),
            (json!({"tags": ["a"]}), r#"lanyard call pets.get --args '{"tags":["a"]}'"#),
        ] {
            assert_eq!(typed("get", arguments).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_typed_for_run_is_split_as_a_shell_does() {
        assert_eq!(
            split(r#"add  name='a b' --args '{"x":"y"}' z="" "#),
            Ok(["add", "name=a b", "--args", r#"{"x":"y"}"#, "z="].map(str::to_owned).to_vec())
        );
        assert!(split("add 'x").is_err());
    }
}
