//! Tests of `capabilities`.

use std::borrow::Cow;

use expect_test::expect;

use super::{ServerCapabilities, capabilities_for, merged_capabilities};
use crate::Version;
use crate::results::Lists;

const NEW: Version = Version::V2026_07_28;
const OLD: Version = Version::V2025_11_25;

#[test]
fn what_a_server_can_do() {
    let none = ServerCapabilities::read("7");
    assert_eq!((none.tools, none.subscribe, none.logging), (Lists::None, false, false));
    let odd = ServerCapabilities::read(r#"{"tools":null,"logging":false,"prompts":true}"#);
    assert_eq!((odd.tools, odd.logging, odd.prompts), (Lists::None, false, Lists::Quiet));
    let all = ServerCapabilities::read(
        r#"{"tools":{"listChanged":true},"prompts":{"listChanged":false},"resources":{"subscribe":true},"logging":{},"completions":{},"tasks":{"list":{}},"extensions":{"a/b":{"c":1}},"experimental":{"e":{}}}"#,
    );
    assert_eq!(
        (all.tools, all.prompts, all.resources),
        (Lists::Announced, Lists::Quiet, Lists::Quiet)
    );
    assert!(all.subscribe && all.logging && all.completions);
    assert_eq!(all.tasks.unwrap().get(), r#"{"list":{}}"#);
    let named = |named: &[super::Named<'_>]| format!("{named:?}");
    expect![[r#"[("a/b", RawValue({"c":1}))]"#]].assert_eq(&named(&all.extensions));
    expect![[r#"[("e", RawValue({}))]"#]].assert_eq(&named(&all.experimental));
}

#[test]
fn many_servers_as_one() {
    expect![[r#"{"tools":{"listChanged":true}}"#]].assert_eq(&merged_capabilities(&[]));
    expect![[r#"{"tools":{"listChanged":true},"prompts":{}}"#]]
        .assert_eq(&merged_capabilities(&["{}", r#"{"prompts":{},"tasks":{}}"#]));
    let one = r#"{"resources":{"subscribe":true},"logging":{},"extensions":{"a/x":{"v": 1},"a/y":{}},"experimental":{"e":{}}}"#;
    let two = r#"{"resources":{"listChanged":true},"completions":{},"extensions":{"a/x":{"v":1},"a/y":{"z":1}}}"#;
    expect![[r#"{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{},"extensions":{"a/x":{"v": 1},"a/y":{}},"experimental":{"e":{}}}"#]].assert_eq(&merged_capabilities(&[one]));
    expect![[r#"{"tools":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"logging":{},"completions":{},"extensions":{"a/x":{"v": 1}}}"#]].assert_eq(&merged_capabilities(&[one, two]));
}

#[test]
fn tasks_do_not_cross() {
    let both =
        r#"{"tools":{},"tasks":{},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}}}"#;
    let only = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
    assert_eq!(capabilities_for(OLD, OLD, both), both);
    expect![[r#"{"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{},"a/b":{}}}"#]]
        .assert_eq(&capabilities_for(NEW, NEW, both));
    expect![[r#"{"tools":{},"extensions":{"a/b":{}}}"#]]
        .assert_eq(&capabilities_for(NEW, OLD, both));
    expect![[r#"{"tools":{},"extensions":{"a/b":{}}}"#]]
        .assert_eq(&capabilities_for(OLD, NEW, both));
    expect!["{}"].assert_eq(&capabilities_for(OLD, NEW, only));
    assert!(matches!(capabilities_for(NEW, OLD, r#"{"tools":{}}"#), Cow::Borrowed(_)));
    assert_eq!(capabilities_for(NEW, OLD, "7"), "7");
}
