//! Whether the words of a call hold a live credential: such a line is in no file, whoever typed it and
//! whatever schema it is out of. Pure.

use lanyard_core::credential::{live_credential, live_credential_under};
use serde_json::Value;

/// What kind of live credential the words of a line hold, escapes of JSON undone.
pub(super) fn credential_in(words: &[String]) -> Option<&'static str> {
    let texts = words.iter().find_map(|word| {
        let (name, value) = word.split_once(['=', ':']).unwrap_or(("", word));
        let under = || live_credential_under(name, value).map(|live| live.kind);
        live_credential(word).or_else(under)
    });
    let json = || words.iter().find_map(|word| credential_below("", &json_in(word)?));
    texts.or_else(|| live_credential(&words.join(" "))).or_else(json)
}

/// The JSON that a word is, or that stands behind its name.
fn json_in(word: &str) -> Option<Value> {
    let at = word.find(['{', '['])?;
    serde_json::from_str(word.get(at..)?).ok()
}

fn credential_below(name: &str, value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) => live_credential_under(name, text).map(|live| live.kind),
        Value::Array(items) => items.iter().find_map(|item| credential_below(name, item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            live_credential(name).or_else(|| credential_below(name, value))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::credential_in;

    #[test]
    fn a_credential_is_seen_however_it_is_written() {
        let token = format!("ghp_{}", "AbCdEfGhIj0123456789".repeat(2));
        let hidden = token.replacen('g', "\\u0067", 1);
        for words in [
            vec![format!("note={token}")],
            vec![format!("note:{token}")],
            vec!["--note".to_owned(), token.clone()],
            vec![token.clone()],
            vec!["--args".to_owned(), format!(r#"{{"a":["{token}"]}}"#)],
            vec!["--args".to_owned(), format!(r#"{{"a":{{"b":"{hidden}"}}}}"#)],
            vec![format!(r#"note={{"b":"{hidden}"}}"#)],
            vec![format!("--args={{\"b\":\"{hidden}\"}}")],
            vec![format!("shop.create(note: \"{token}\")")],
            vec!["auth=Bearer abcdef0123456789abcdef".to_owned()],
            vec!["secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz12345678".to_owned()],
        ] {
            assert!(credential_in(&words).is_some(), "{words:?}");
        }
        for words in [vec!["name=good"], vec!["--args", r#"{"id":"0123456789abcdef"}"#]] {
            let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
            assert_eq!(credential_in(&words), None, "{words:?}");
        }
    }
}
