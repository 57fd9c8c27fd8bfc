//! Tests of `listing`.

use std::borrow::Cow;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Item, ListPage, prompt_for, tool_for, tool_param_headers};
use crate::Version;

#[test]
fn pages() {
    let page = |result| {
        ListPage::read(result, "tools").map(|page| {
            let items: Vec<_> = page.items.iter().map(|raw| raw.get().to_owned()).collect();
            (items.join(" "), page.next_cursor.map(Cow::into_owned))
        })
    };
    for none in ["7", "{}", r#"{"tools":{}}"#, r#"{"tools":[],"nextCursor":7}"#] {
        assert_eq!(page(none), None, "{none}");
    }
    let read =
        |items: &str, cursor: Option<&str>| Some((items.to_owned(), cursor.map(str::to_owned)));
    assert_eq!(page(r#"{"tools":[ {"a" : 1e2} ,7]}"#), read(r#"{"a" : 1e2} 7"#, None));
    assert_eq!(page(r#"{"nextCursor":"\u0061","tools":[]}"#), read("", Some("a")));
    assert_eq!(page(r#"{"tools":[],"nextCursor":null}"#), read("", None));
    assert_eq!(page(r#"{"tools":[],"nextCursor":""}"#), read("", None));
}

#[test]
fn items() {
    let item = Item::read(
        r#"{"name":"a\u0062","uri":"u","uriTemplate":"t/{x}","title":7,"description":"d"}"#,
    );
    let expected = Item {
        name: Some("ab".into()),
        uri: Some("u".into()),
        uri_template: Some("t/{x}".into()),
        title: None,
        description: Some("d".into()),
    };
    assert_eq!(item, Some(expected));
    assert_eq!(Item::read("[]"), None);
}

/// The tool for each version that reads it, versions that get the same on one line.
#[track_caller]
fn check(definition: &str, name: Option<&str>, expected: Expect) {
    let mut lines: Vec<(String, String)> = Vec::new();
    for reader in Version::ALL {
        let tool = tool_for(reader, definition, name);
        match lines.last_mut() {
            Some((last, versions)) if *last == tool => write!(versions, " {reader}").unwrap(),
            _ => lines.push((tool, reader.to_string())),
        }
    }
    let lines: Vec<_> =
        lines.into_iter().map(|(tool, versions)| format!("{versions}:\n    {tool}")).collect();
    expected.assert_eq(&lines.join("\n"));
}

const FULL: &str = r#"{ "name":"own", "title":"T","inputSchema":{"type":"object"} ,"outputSchema":{"type":"array"},"annotations":{"readOnlyHint":true},"execution":{"taskSupport":"optional"},"icons":[],"x":1e2}"#;

#[test]
fn tools_for_each_version() {
    check(
        FULL,
        None,
        expect![[r#"
        2024-11-05:
            { "name":"own","inputSchema":{"type":"object"},"icons":[],"x":1e2}
        2025-03-26:
            { "name":"own","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"icons":[],"x":1e2}
        2025-06-18:
            { "name":"own", "title":"T","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"icons":[],"x":1e2}
        2025-11-25:
            { "name":"own", "title":"T","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true},"execution":{"taskSupport":"optional"},"icons":[],"x":1e2}
        2026-07-28:
            { "name":"own", "title":"T","inputSchema":{"type":"object"} ,"outputSchema":{"type":"array"},"annotations":{"readOnlyHint":true},"icons":[],"x":1e2}"#]],
    );
    check(
        r#"{"x":1,"name":"own"}"#,
        Some("s__\"own"),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28:
            {"x":1,"name":"s__\"own"}"#]],
    );
    check(
        r#"{"outputSchema":{"type":"object"}}"#,
        None,
        expect![[r#"
        2024-11-05 2025-03-26:
            {}
        2025-06-18 2025-11-25 2026-07-28:
            {"outputSchema":{"type":"object"}}"#]],
    );
    check(
        "7",
        Some("x"),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28:
            7"#]],
    );
}

#[test]
fn prompts_for_each_version() {
    let prompt = r#"{"name":"p","title":"T","arguments":[{"name":"a","title":"A"}]}"#;
    assert_eq!(prompt_for(Version::V2026_07_28, prompt, None), prompt);
    expect![[r#"{"name":"s__p","arguments":[{"name":"a","title":"A"}]}"#]].assert_eq(&prompt_for(
        Version::V2025_03_26,
        prompt,
        Some("s__p"),
    ));
    assert_eq!(prompt_for(Version::V2025_03_26, "7", Some("x")), "7");
}

#[test]
fn annotations_for_headers() {
    assert!(tool_param_headers("{}").unwrap().is_empty());
    let good = r#"{"inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}"#;
    assert!(!tool_param_headers(good).unwrap().is_empty());
    let bad = r#"{"inputSchema":{"items":{"type":"string","x-mcp-header":"A"}}}"#;
    assert!(tool_param_headers(bad).is_err());
}

proptest! {
    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_name ]{0,24}") {
        drop((ListPage::read(&text, "a"), Item::read(&text), tool_param_headers(&text)));
        drop(tool_for(Version::V2024_11_05, &text, Some(&text)));
    }
}
