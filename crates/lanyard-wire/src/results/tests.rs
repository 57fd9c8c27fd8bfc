//! Tests of `results`.

use std::borrow::Cow;

use expect_test::{Expect, expect};

use super::{
    CallResult, Capabilities, Content, DiscoverResult, EmptyResult, Implementation,
    InitializeResult, ListenResult, Lists, RawList, Stamp, ToolEntry, ToolsList,
};
use crate::{Id, Version};

/// The result for each version, versions that get the same text on one line.
#[track_caller]
fn check(to_json: impl Fn(Stamp<'_>) -> String, expected: Expect) {
    let server = Implementation {
        name: "lanyard".into(),
        title: Some("Lanyard".into()),
        version: "0.1.0".into(),
    };
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for version in Version::ALL {
        let json = to_json(Stamp { version, server: &server });
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
        match lines.last_mut() {
            Some((last, versions)) if *last == json => versions.push(version.as_str()),
            _ => lines.push((json, vec![version.as_str()])),
        }
    }
    let lines: Vec<_> = lines
        .into_iter()
        .map(|(json, versions)| format!("{}:\n    {json}", versions.join(" ")))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn initialize() {
    let result =
        InitializeResult { capabilities: Capabilities::TOOLS, instructions: Some("a\nb".into()) };
    check(
        |stamp| result.to_json(stamp),
        expect![[r#"
        2024-11-05:
            {"protocolVersion":"2024-11-05","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"lanyard","version":"0.1.0"},"instructions":"a\nb"}
        2025-03-26:
            {"protocolVersion":"2025-03-26","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"lanyard","version":"0.1.0"},"instructions":"a\nb"}
        2025-06-18:
            {"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"},"instructions":"a\nb"}
        2025-11-25:
            {"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"},"instructions":"a\nb"}
        2026-07-28:
            {"protocolVersion":"2026-07-28","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"},"instructions":"a\nb"}"#]],
    );
}

#[test]
fn discover() {
    let capabilities = Capabilities {
        tools: Lists::Announced,
        prompts: Lists::Quiet,
        resources: Lists::None,
        logging: true,
        completions: true,
    };
    check(
        |stamp| {
            DiscoverResult { capabilities, instructions: None, ttl_ms: 5000 }
                .to_json(Stamp { version: Version::V2026_07_28, ..stamp })
        },
        expect![[r#"
            2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28:
                {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"prompts":{},"logging":{},"completions":{}},"ttlMs":5000,"cacheScope":"private"}"#]],
    );
    check(
        |stamp| capabilities.to_json(stamp.version),
        expect![[r#"
        2024-11-05:
            {"tools":{"listChanged":true},"prompts":{},"logging":{}}
        2025-03-26 2025-06-18 2025-11-25 2026-07-28:
            {"tools":{"listChanged":true},"prompts":{},"logging":{},"completions":{}}"#]],
    );
}

#[test]
fn tools() {
    let entry = |output: Option<&'static str>| ToolEntry {
        name: "a".into(),
        title: Some("A".into()),
        description: Some("does \"a\"".into()),
        input_schema: r#"{"type":"object", "x":1.0}"#.into(),
        output_schema: output.map(Cow::Borrowed),
        annotations: Some(r#"{"readOnlyHint":true}"#.into()),
    };
    let list = |tools: &[ToolEntry<'_>], next_cursor, stamp: Stamp<'_>| {
        ToolsList { tools, next_cursor, ttl_ms: 0 }.to_json(stamp)
    };
    check(
        |stamp| list(&[], None, stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"tools":[]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"tools":[],"ttlMs":0,"cacheScope":"private"}"#]],
    );
    check(
        |stamp| list(&[entry(None)], Some("c\""), stamp),
        expect![[r#"
        2024-11-05:
            {"tools":[{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0}}],"nextCursor":"c\""}
        2025-03-26:
            {"tools":[{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}}],"nextCursor":"c\""}
        2025-06-18 2025-11-25:
            {"tools":[{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}}],"nextCursor":"c\""}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"tools":[{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}}],"nextCursor":"c\"","ttlMs":0,"cacheScope":"private"}"#]],
    );
    // A legacy client rejects the whole list over a schema that does not describe an object.
    let schemas = [
        entry(Some(r#"{"type":"object"}"#)),
        entry(Some(r#"{"type":"array"}"#)),
        entry(Some("true")),
    ];
    check(
        |stamp| list(&schemas, None, stamp),
        expect![[r#"
        2024-11-05:
            {"tools":[{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0}},{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0}},{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0}}]}
        2025-03-26:
            {"tools":[{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}},{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}},{"name":"a","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}}]}
        2025-06-18 2025-11-25:
            {"tools":[{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}},{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"annotations":{"readOnlyHint":true}}]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"tools":[{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"outputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}},{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"outputSchema":{"type":"array"},"annotations":{"readOnlyHint":true}},{"name":"a","title":"A","description":"does \"a\"","inputSchema":{"type":"object", "x":1.0},"outputSchema":true,"annotations":{"readOnlyHint":true}}],"ttlMs":0,"cacheScope":"private"}"#]],
    );
}

#[test]
fn lists() {
    let list = RawList { key: "prompts", next_cursor: None, ttl_ms: 60_000 };
    check(
        |stamp| list.to_json(stamp, [""; 0]),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"prompts":[]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"prompts":[],"ttlMs":60000,"cacheScope":"private"}"#]],
    );
    check(
        |stamp| list.to_json(stamp, ["{\"a\":1e2}", "{}"]),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"prompts":[{"a":1e2},{}]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"prompts":[{"a":1e2},{}],"ttlMs":60000,"cacheScope":"private"}"#]],
    );
}

#[test]
fn calls() {
    check(
        |stamp| CallResult::error("no \u{1}").to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"content":[{"type":"text","text":"no \u0001"}],"isError":true}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"content":[{"type":"text","text":"no \u0001"}],"isError":true}"#]],
    );
    let result = |structured: Option<&'static str>| CallResult {
        content: vec![
            Content::Text("a".into()),
            Content::Image { data_base64: "AA==".into(), mime: "image/png".into() },
        ],
        structured: structured.map(Cow::Borrowed),
        is_error: false,
    };
    check(
        |stamp| result(None).to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}]}"#]],
    );
    check(
        |stamp| result(Some("{\"n\":12345678901234567890123}")).to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26:
            {"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}]}
        2025-06-18 2025-11-25:
            {"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}],"structuredContent":{"n":12345678901234567890123}}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}],"structuredContent":{"n":12345678901234567890123}}"#]],
    );
    check(
        |stamp| result(Some("[1.0]")).to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}]}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}},"content":[{"type":"text","text":"a"},{"type":"image","data":"AA==","mimeType":"image/png"}],"structuredContent":[1.0]}"#]],
    );
}

#[test]
fn empty_results() {
    check(
        |stamp| EmptyResult.to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}}}"#]],
    );
    let id = Id::from_text("l");
    check(
        |stamp| ListenResult { subscription: &id }.to_json(stamp),
        expect![[r#"
        2024-11-05 2025-03-26 2025-06-18 2025-11-25:
            {}
        2026-07-28:
            {"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":"l","io.modelcontextprotocol/serverInfo":{"name":"lanyard","title":"Lanyard","version":"0.1.0"}}}"#]],
    );
}
