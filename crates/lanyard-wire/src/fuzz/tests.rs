//! Tests of `fuzz`.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{ExpectFile, expect_file};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{fuzz_decode, fuzz_translate};

/// Every file of a corpus, with what became of it. `UPDATE_EXPECT=1` writes the table anew.
#[track_caller]
fn check(name: &str, files_min: usize, fuzz: impl Fn(&[u8]) -> String, expected: ExpectFile) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= files_min, "only {} files", files.len());
    let mut table = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n    {}", fuzz(&std::fs::read(&file).unwrap())).unwrap();
    }
    expected.assert_eq(&table);
}

#[test]
fn the_corpus_of_bodies() {
    check("wire_decode", 60, fuzz_decode, expect_file!["corpus.txt"]);
}

#[test]
fn the_corpus_of_what_servers_say() {
    check("wire_translate", 20, fuzz_translate, expect_file!["translate-corpus.txt"]);
}

/// Keys that mean something somewhere, with one that does not.
const KEYS: [&str; 40] = [
    "_meta",
    "action",
    "annotations",
    "arguments",
    "cacheScope",
    "capabilities",
    "code",
    "content",
    "contents",
    "data",
    "elicitations",
    "elicitationId",
    "execution",
    "extensions",
    "inputRequests",
    "inputResponses",
    "inputSchema",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/serverInfo",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/tasks",
    "level",
    "messages",
    "method",
    "mode",
    "name",
    "nextCursor",
    "outputSchema",
    "params",
    "progressToken",
    "requestState",
    "resource",
    "resultType",
    "structuredContent",
    "task",
    "text",
    "title",
    "tools",
    "ttlMs",
    "x\"é",
];

fn value() -> impl Strategy<Value = Value> {
    let text = ["input_required", "complete", "url", "text", "info", "a\"\n"];
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!(-32602)),
        prop::sample::select(text.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members =
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner.clone()), 1..6);
        let object = members.prop_map(|members| {
            let members = members.into_iter().map(|(key, value)| (key.to_owned(), value));
            Value::Object(members.collect::<Map<_, _>>())
        });
        prop_oneof![1 => prop::collection::vec(inner, 0..3).prop_map(Value::from), 4 => object]
    })
}

proptest! {
    #[test]
    fn what_is_passed_on_can_be_read(value in value(), method in "[a-z]{1,3}/[a-z]{1,3}", pretty: bool) {
        // `fuzz_translate` asserts it of everything that it writes.
        for message in [
            json!({ "jsonrpc": "2.0", "id": 1, "result": value }),
            json!({ "jsonrpc": "2.0", "id": 1, "error": value }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": value }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": value }),
            json!({ "jsonrpc": "2.0", "method": method, "params": value }),
        ] {
            let text = if pretty { format!("{message:#}") } else { message.to_string() };
            fuzz_translate(text.as_bytes());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        fuzz_translate(&bytes);
        fuzz_decode(&bytes);
    }
}
