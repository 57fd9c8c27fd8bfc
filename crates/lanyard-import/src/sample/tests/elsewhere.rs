//! A value that was recognised as a credential in one place is told in no other: not in an example,
//! a name, a description, a URL or a note.

use data_encoding::BASE64;
use proptest::prelude::*;

use crate::{Collected, ImportOptions, PastedValues, import_curl, import_har, import_postman};

/// Where a value stands in clear beside the place that gives it away.
const LINES: &[&str] = &[
    "curl 'https://h.example/api/x?t=KEY' -H 'Authorization: Bearer KEY'",
    "curl -u 'alice:KEY' https://h.example/api/KEY/items",
    "curl -u 'KEY:' https://h.example/api/KEY/items",
    "curl 'https://h.example/x?KEY' -H 'X-Api-Key: KEY'",
    "curl 'https://h.example/x?KEY=1' -H 'X-Api-Key: KEY'",
    "curl 'https://h.example/x?a=b%20KEY' -H 'X-Api-Key: KEY'",
    "curl https://h.example/x -H 'X-Thing: at KEY' -H 'X-Api-Key: KEY'",
    "curl https://h.example/x -H 'X-Api-Key: KEY' --json '{\"a\":{\"b\":[\"KEY\"]},\"c\":{\"KEY\":1}}'",
    "curl https://h.example/x -H 'X-Api-Key: KEY' -H 'Content-Type: text/plain' -d 'it is KEY'",
    "curl https://h.example/x -H 'X-Api-Key: KEY' -F 'a=KEY' -F 'KEY=1'",
    "curl https://h.example/x -H 'X-Api-Key: KEY' -d 'a[b]=KEY&c[]=KEY'",
    "curl https://h.example/x -b 'theme=dark; sid=KEY' -d 'sid=KEY'",
    "# with KEY\ncurl https://h.example/x -H 'X-Api-Key: KEY'",
    "curl 'https://h.example/x?t=B64' -u 'alice:KEY'",
    "curl https://h.example/B64/x -u 'alice:KEY'",
];

fn collected(line: &str) -> Result<Collected, String> {
    let options = ImportOptions::default();
    match import_curl(line, &options) {
        Ok(imported) => Ok(Collected { servers: vec![imported], notes: Vec::new() }),
        Err(errors) => Err(format!("{errors:?}")),
    }
}

fn said(collected: &Collected) -> String {
    let mut out = String::new();
    for server in &collected.servers {
        let notes: Vec<String> = server.notes.iter().map(ToString::to_string).collect();
        out.push_str(&format!("{server:?}\n{}\n{}", server.draft.to_yaml(), notes.join("\n")));
    }
    out.push_str(&format!("{:?}", collected.notes));
    out
}

#[track_caller]
fn check(source: &str, said: &str, key: &str) {
    let squash = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    assert!(!said.contains(key), "{source}\n{said}");
    assert!(!squash(said).contains(&squash(key)), "{source}\n{said}");
    let encoded = BASE64.encode(format!("alice:{key}").as_bytes());
    assert!(!said.contains(&encoded), "{source}\n{said}");
}

fn filled(line: &str, key: &str) -> String {
    let encoded = BASE64.encode(format!("alice:{key}").as_bytes());
    line.replace("KEY", key).replace("B64", &encoded)
}

#[test]
fn a_credential_is_told_nowhere_else_in_its_line() {
    for key in ["hunter2-Zx81qq", "a1.b2~c3_d4", "Zx81qq"] {
        for line in LINES {
            let line = filled(line, key);
            let collected = collected(&line).unwrap();
            check(&line, &said(&collected), key);
            assert!(!collected.servers[0].draft.tools.is_empty(), "{line}");
        }
    }
}

#[test]
fn what_cannot_be_taken_out_is_refused() {
    let line = "curl https://zx81qq7.h.example/x -u 'alice:zx81qq7'";
    let error = collected(line).unwrap_err();
    assert!(error.contains("in the host"), "{error}");
    check(line, &error, "zx81qq7");
}

#[test]
fn a_short_value_or_a_word_is_looked_for_as_a_whole_only() {
    let line = "curl 'https://example.com/example-things?a=example&b=an+example' -u 'me:example'";
    let collected = collected(line).unwrap();
    let yaml = collected.servers[0].draft.to_yaml();
    assert!(yaml.contains("example-things") && yaml.contains("an example"), "{yaml}");
    assert!(!yaml.contains("[example]") && !yaml.contains("- example\n"), "{yaml}");
    assert_eq!(collected.servers[0].draft.tools[0].args.len(), 2, "{yaml}");
}

/// Places of a recording and of a collection.
const ENTRIES: &[&str] = &[
    r#""method":"GET","url":"https://h.example/stream?t=KEY""#,
    r#""method":"GET","url":"https://h.example/by-token/KEY/x""#,
    r#""method":"GET","url":"https://other.example/stream?t=KEY""#,
    r#""method":"POST","url":"https://h.example/r","postData":{"mimeType":"application/json","text":"{\"rt\":\"KEY\"}"}"#,
    r#""method":"GET","url":"https://h.example/s","headers":[{"name":"X-Thing","value":"KEY"}]"#,
];

const ITEMS: &[&str] = &[
    r#"{"name":"one","request":{"url":"https://h.example/x?t={{other}}","description":"Send KEY"}}"#,
    r#"{"name":"get KEY","request":{"url":"https://h.example/KEY/y"}}"#,
    r#"{"name":"not KEY","request":{"method":"PURGE","url":"ftp://h.example/y"}}"#,
    r#"{"name":"two","request":{"method":"POST","url":"https://h.example/z","body":{"mode":"raw","raw":"{\"a\":\"{{other}}\"}"}}}"#,
    r#"{"name":"three","request":{"url":{"raw":"https://h.example/:id","variable":[{"key":"id","value":"KEY","description":"as KEY"}]}}}"#,
];

fn recording(entries: &[&str]) -> String {
    let first = r#""method":"GET","url":"https://h.example/first","headers":[{"name":"Authorization","value":"Bearer KEY"}]"#;
    let entry = |entry: &&str| {
        format!(
            r#"{{"request":{{{entry}}},"response":{{"status":200,"content":{{"mimeType":"application/json"}}}}}}"#
        )
    };
    let all: Vec<String> = std::iter::once(&first).chain(entries).map(entry).collect();
    format!(r#"{{"log":{{"entries":[{}]}}}}"#, all.join(","))
}

fn collection(items: &[&str]) -> String {
    let first = r#"{"name":"first","request":{"url":"https://h.example/f","auth":{"type":"bearer","bearer":[{"key":"token","value":"{{token}}"}]}}}"#;
    let all: Vec<&str> = std::iter::once(first).chain(items.iter().copied()).collect();
    format!(
        r#"{{"info":{{"name":"c"}},"item":[{}],"variable":[{{"key":"token","value":"KEY","type":"secret"}},{{"key":"other","value":"KEY","description":"is KEY"}}]}}"#,
        all.join(",")
    )
}

#[test]
fn a_credential_of_one_request_is_told_in_no_other() {
    let key = "hunter2-Zx81qq";
    let options = ImportOptions::default();
    let text = recording(ENTRIES).replace("KEY", key);
    check(&text, &said(&import_har(&text, &options).unwrap()), key);
    let text = collection(ITEMS).replace("KEY", key);
    check(&text, &said(&import_postman(&text, None, &options).unwrap()), key);
}

#[test]
fn a_second_credential_in_one_line_is_a_warning() {
    let line = "curl https://h.example/x -H 'Authorization: Bearer tst-a-0001' \
                -H 'Authorization: Bearer tst-b-0002'";
    let imported = import_curl(line, &ImportOptions::default()).unwrap();
    let warned = |note: &&crate::Note| note.severity == crate::Severity::Warning;
    let note = imported.notes.iter().find(warned).unwrap();
    assert!(note.text.contains("another value"), "{note}");
    check(line, &note.to_string(), "tst-a-0001");
}

/// Texts that are not taken apart, with a credential under its name, and names that say what they
/// hold.
const OPAQUE: &[&str] = &[
    "curl https://h.example/x -d '{\"password\":\"KEY\",}'",
    "curl https://h.example/x -d 'query={\"password\":\"KEY\"}'",
    "curl https://h.example/x -H 'Content-Type: application/xml' -d '<a><password>KEY</password></a>'",
    "curl https://h.example/x -H 'Content-Type: text/plain' -d '{\"auth\":\"KEY\"}'",
    "curl https://h.example/x -F 'a=Authorization: Bearer KEY'",
    "curl https://h.example/x --json '{\"query\":\"mutation { login(password: \\\"KEY\\\") { id } }\"}'",
    "curl 'https://h.example/x?next=https%3A%2F%2Fo.example%2F%3Ftoken%3DKEY'",
    "curl 'https://h.example/x?next=https%253A%252F%252Fo.example%252F%253Ftoken%253DKEY'",
    "curl https://h.example/x -H 'X-Next: https://o.example/?token=KEY'",
    "curl https://h.example/x -e 'https://me:KEY@o.example/'",
    "curl https://h.example/x -e 'https://o.example/?token=KEY'",
    "curl https://h.example/x -H 'Referer: https://o.example/?token=KEY'",
    "curl https://h.example/x -H 'X-Pass: KEY'",
    "curl https://h.example/x -H 'X-Authentication: KEY'",
    "curl https://h.example/x -H 'X-Session-Id: KEY'",
    "curl 'https://h.example/x?pass=KEY'",
    "curl 'https://h.example/x?pin=KEY&otp=KEY'",
    "curl https://h.example/x -d 'user=me&pass=KEY'",
    "curl https://h.example/x -d 'pin=KEY&otp=KEY'",
    "curl https://h.example/token/KEY/x",
    "curl https://h.example/api_key/KEY",
    "curl 'https://h.example/x;jsessionid=KEY?a=1'",
    "# my key is KEY\ncurl https://h.example/x",
];

#[test]
fn what_is_named_a_credential_is_no_example() {
    for line in OPAQUE {
        let line = filled(line, "hunter2-Zx81qq");
        let collected = collected(&line).unwrap();
        check(&line, &said(&collected), "hunter2-Zx81qq");
    }
    for line in &OPAQUE[..9] {
        let collected = collected(&filled(line, "hunter2-Zx81qq")).unwrap();
        let notes = &collected.servers[0].notes;
        assert!(notes.iter().any(|note| note.text.contains("may hold a credential")), "{line}");
    }
}

#[test]
fn ordinary_texts_stay_examples() {
    for (line, example) in [
        (
            "curl https://h.example/x --json '{\"q\":\"query($password: String!) { a(first: 5) }\"}'",
            "first: 5",
        ),
        ("curl 'https://h.example/x?next=https%3A%2F%2Fo.example%2F%3Fpage%3D7'", "page=7"),
        ("curl https://h.example/x -d 'q=author:me state:open'", "state:open"),
        ("curl https://h.example/x -H 'Content-Type: text/plain' -d 'a: b'", "a: b"),
    ] {
        let collected = collected(line).unwrap();
        let yaml = collected.servers[0].draft.to_yaml();
        assert!(yaml.contains(example), "{line}\n{yaml}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_value_is_told_wherever_it_stands(
        key in "[A-Za-z0-9][A-Za-z0-9._~-]{2,20}[0-9][A-Za-z]{2}",
        lines in 0..LINES.len(),
        entries in proptest::sample::subsequence(ENTRIES, 0..=ENTRIES.len()),
        items in proptest::sample::subsequence(ITEMS, 0..=ITEMS.len()),
        defaults in any::<bool>(),
    ) {
        // That would be a placeholder, which stands for a value and is none.
        prop_assume!(!key.contains("..."));
        let values = if defaults { PastedValues::Defaults } else { PastedValues::Examples };
        let options = ImportOptions { values, ..ImportOptions::default() };
        let line = filled(LINES[lines], &key);
        if let Ok(collected) = collected(&line) {
            check(&line, &said(&collected), &key);
        }
        let text = recording(&entries).replace("KEY", &key);
        check(&text, &said(&import_har(&text, &options).unwrap()), &key);
        let text = collection(&items).replace("KEY", &key);
        check(&text, &said(&import_postman(&text, None, &options).unwrap()), &key);
    }
}
