//! Every way in which a call can end without an answer is produced by some test, and the list of
//! them is committed: `outcomes.txt`. `UPDATE_EXPECT=1 cargo test` rewrites it.

use std::collections::BTreeMap;
use std::path::Path;

/// Says in a test that it produces this outcome. The list is made of these very calls, by
/// reading the tests.
pub(crate) fn produced(code: &str) {
    assert!(CODES.contains(&code), "{code} is no code");
}

/// Every code of `Denial` and `Failure`.
const CODES: &[&str] = &[
    "token_missing",
    "token_unknown",
    "token_expired",
    "token_revoked",
    "origin_foreign",
    "host_foreign",
    "server_unknown",
    "server_disabled",
    "server_not_granted",
    "tool_unknown",
    "tool_not_granted",
    "tool_changed",
    "user_not_granted",
    "policy_forbids",
    "policy_undecidable",
    "arguments_invalid",
    "argument_credential",
    "approval_needed",
    "approval_refused",
    "approvals_full",
    "limit_reached",
    "prompt_unknown",
    "resource_unknown",
    "method_unknown",
    "request_unbuildable",
    "secret_unset",
    "secret_origin",
    "secret_unreadable",
    "address_forbidden",
    "unreachable",
    "timed_out",
    "redirected",
    "answer_too_large",
    "answer_unusable",
    "server_unavailable",
    "server_busy",
    "server_start",
    "server_ended",
    "credential_rejected",
    "user_credential_missing",
    "client_unable",
    "cancelled",
    "unrecordable",
    "bug",
];

/// What no test from outside can produce, and why.
const NOT_PRODUCED: &[(&str, &str)] =
    &[("bug", "only a thread of the runtime that ends by a defect makes it")];

#[test]
fn every_outcome_is_produced_by_some_test() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in std::fs::read_dir(source.join("tests/it")).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|extension| extension != "rs") || module == "outcomes" {
            continue;
        }
        let mut test = String::new();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some((name, _)) =
                line.split_once("async fn ").and_then(|(_, it)| it.split_once('('))
            {
                test = name.to_owned();
            }
            if let Some((code, _)) =
                line.trim().strip_prefix("produced(\"").and_then(|it| it.split_once('"'))
            {
                found.entry(code.to_owned()).or_default().push(format!("{module}::{test}"));
            }
        }
    }
    let core = std::fs::read_to_string(source.join("../lanyard-core/src/outcome.rs")).unwrap();
    let written = core.matches(" => \"").count();
    assert_eq!(written, CODES.len(), "a code of `Denial` or `Failure` is missing in CODES");
    let mut text = String::new();
    for code in CODES {
        let reason = NOT_PRODUCED.iter().find(|(known, _)| known == code);
        let by = match (found.get(*code), reason) {
            (Some(tests), None) => tests.join(", "),
            (None, Some((_, reason))) => format!("by no test: {reason}"),
            (None, None) => panic!("no test produces {code}"),
            (Some(tests), Some(_)) => panic!("{code} is produced after all, by {tests:?}"),
        };
        assert!(core.contains(&format!("=> \"{code}\"")), "{code} is no code any more");
        text.push_str(&format!("{code}: {by}\n"));
    }
    expect_test::expect_file!["./outcomes.txt"].assert_eq(&text);
}
