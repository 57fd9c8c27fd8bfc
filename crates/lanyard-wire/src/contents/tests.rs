//! Tests of `contents`.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Contents, text_block};

/// Every block with its type and text, and the result with all words in upper case.
#[track_caller]
fn check(method: &str, result: &str, expected: Expect) {
    let Some(contents) = Contents::read(method, result) else {
        return expected.assert_eq("none");
    };
    let mut shown = String::new();
    for block in contents.blocks() {
        shown += &format!("{:?} {:?}\n", block.kind(), block.text());
    }
    let blocks = contents.blocks().iter().map(|block| {
        block.with_words(|words| (words != "keep").then(|| words.to_ascii_uppercase()))
    });
    shown += &contents.with_blocks(blocks);
    expected.assert_eq(&shown);
}

#[test]
fn content_that_cannot_be_looked_at() {
    check("tools/call", "7", expect!["none"]);
    check("tools/call", r#"{"content":"text"}"#, expect!["none"]);
    check("tools/call", r#"{"content":["text"]}"#, expect!["none"]);
    check("tools/list", r#"{"content":[]}"#, expect!["none"]);
}

#[test]
fn answers_of_tools() {
    check(
        "tools/call",
        r#"{"structuredContent":{}}"#,
        expect![[r#"{"structuredContent":{},"content":[]}"#]],
    );
    check(
        "tools/call",
        r#"{"content":[ {"type":"text","text":"a\u0062\n","_meta":{"x":1e2}},{"type":"image","data":"aa","mimeType":"i"},{"type":"text","text":"keep" }],"isError":false,"x":1}"#,
        expect![[r#"
            Some("text") Some("ab\n")
            Some("image") None
            Some("text") Some("keep")
            {"content":[{"type":"text","text":"AB\n","_meta":{"x":1e2}},{"type":"image","data":"aa","mimeType":"i"},{"type":"text","text":"keep" }],"isError":false,"x":1}"#]],
    );
    check(
        "tools/call",
        r#"{"content":[{"type":"resource","resource":{"uri":"u","text":"inner"}},{"type":"resource_link","uri":"u","name":"n","title":"t","description":"d"},{"type":"new","text":"t"}]}"#,
        expect![[r#"
            Some("resource") None
            Some("resource_link") None
            Some("new") None
            {"content":[{"type":"resource","resource":{"uri":"u","text":"INNER"}},{"type":"resource_link","uri":"u","name":"N","title":"T","description":"D"},{"type":"new","text":"T"}]}"#]],
    );
}

#[test]
fn resources_and_prompts() {
    check(
        "resources/read",
        r#"{"contents":[{"uri":"u","text":"a"},{"uri":"v","blob":"aa"}],"ttlMs":1}"#,
        expect![[r#"
            None Some("a")
            None None
            {"contents":[{"uri":"u","text":"A"},{"uri":"v","blob":"aa"}],"ttlMs":1}"#]],
    );
    check(
        "prompts/get",
        r#"{"description":"d","messages":[{"role":"user","content":{"type":"text","text":"a"}},{"role":"user","content":{"type":"resource","resource":{"text":"b"}}},{"role":"user"}]}"#,
        expect![[r#"
            Some("text") Some("a")
            Some("resource") None
            None None
            {"description":"d","messages":[{"role":"user","content":{"type":"text","text":"A"}},{"role":"user","content":{"type":"resource","resource":{"text":"B"}}},{"role":"user"}]}"#]],
    );
}

#[test]
fn something_around_content() {
    let result = r#"{"content":[{"type":"text","text":"a"}],"isError":true}"#;
    let contents = Contents::read("tools/call", result).unwrap();
    let changed = contents.blocks()[0].with_text("b\"");
    let wrapped = contents.with_blocks([text_block("<"), changed, text_block(">")]);
    expect![[r#"{"content":[{"type":"text","text":"<"},{"type":"text","text":"b\""},{"type":"text","text":">"}],"isError":true}"#]].assert_eq(&wrapped);
    let message = r#"{"messages":[{"role":"user","content":{"type":"text","text":"a"}}]}"#;
    let contents = Contents::read("prompts/get", message).unwrap();
    expect![[r#"{"role":"user","content":{"type":"text","text":"b"}}"#]]
        .assert_eq(&contents.blocks()[0].with_text("b"));
}

proptest! {
    #[test]
    fn rebuilding_what_was_read_changes_nothing(
        texts in prop::collection::vec("[ -~é\n]{0,8}", 0..4),
        number: i64,
    ) {
        let blocks: Vec<String> = texts.iter().map(|text| text_block(text)).collect();
        let result = format!("{{\"x\" : {number}e0,\"content\":[{}],\"y\":[ ]}}", blocks.join(","));
        let contents = Contents::read("tools/call", &result).unwrap();
        let read: Vec<_> = contents.blocks().iter().map(|block| block.text().unwrap()).collect();
        prop_assert_eq!(&read, &texts);
        let same = contents.blocks().iter().map(|block| block.with_words(|_| None));
        prop_assert_eq!(contents.with_blocks(same), result.as_str());
        let same = contents.blocks().iter().zip(&texts).map(|(block, text)| block.with_text(text));
        prop_assert_eq!(contents.with_blocks(same), result.as_str());
    }

    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_metresulcontyp ]{0,24}", inner: bool) {
        let text = if inner { format!("{{\"content\":[{{{text}}}]}}") } else { text };
        if let Some(contents) = Contents::read("tools/call", &text) {
            for block in contents.blocks() {
                drop((block.kind(), block.text(), block.with_words(|_| Some(String::new()))));
            }
        }
    }
}
