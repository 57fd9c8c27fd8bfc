//! Lists: what is refused as a whole, what is left out, what is kept.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

#[track_caller]
fn check(kind: Kind, pages: &[&str], expected: Expect) {
    let limits = Limits { catalog_items_max: 5, catalog_bytes_max: 400, ..Limits::standard() };
    let mut reader = ListReader::new(kind, &limits);
    let mut lines = Vec::new();
    for page in pages {
        match reader.page(page) {
            Ok(cursor) => lines.push(format!("next: {cursor:?}")),
            Err(error) => lines.push(format!("refused: {error}")),
        }
    }
    let (items, left_out) = reader.finish();
    lines.extend(items.iter().map(|item| format!("{}: {}", item.name, item.raw)));
    lines.extend(left_out.iter().map(|it| format!("left out `{}`: {}", it.name, it.reason)));
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn what_is_no_list_is_refused() {
    for page in ["", "[[]]", "{}", r#"{"tools":{}}"#, r#"{"prompts":[]}"#, r#"{"tools":null}"#] {
        check(
            Kind::Tool,
            &[page],
            expect!["refused: the answer to tools/list has no list `tools`"],
        );
    }
}

#[test]
fn a_list_has_limits() {
    let six = format!(r#"{{"tools":[{}]}}"#, [r#"{"name":"a"}"#; 6].join(","));
    check(
        Kind::Tool,
        &[&six],
        expect![[r#"
        refused: tools/list gives more than 5 items
        a: {"name":"a"}
        left out `a`: is listed twice; the first one counts
        left out `a`: is listed twice; the first one counts
        left out `a`: is listed twice; the first one counts
        left out `a`: is listed twice; the first one counts"#]],
    );
    let large = format!(r#"{{"prompts":[{{"name":"a","x":"{}"}}]}}"#, "x".repeat(400));
    check(Kind::Prompt, &[&large], expect!["refused: prompts/list gives more than 400 bytes"]);
    let page = r#"{"resources":[],"nextCursor":"p"}"#;
    check(
        Kind::Resource,
        &[page, page],
        expect![[r#"
        next: Some("p")
        refused: the pages of resources/list go in a circle"#]],
    );
}

#[test]
fn what_has_no_good_name_is_left_out() {
    check(
        Kind::Tool,
        &[
            r#"{"tools":[1,["x"],{},{"name":1},{"name":"a","name":"b"},{"name":"a b"},{"name":"ok"}]}"#,
        ],
        expect![[r#"
            refused: tools/list gives more than 5 items
            left out ``: is no object
            left out ``: is no object
            left out ``: `name` is missing or no string
            left out ``: `name` is missing or no string
            left out ``: is no object"#]],
    );
    check(
        Kind::Resource,
        &[r#"{"resources":[{"name":"x"},{"uri":""},{"uri":"a\u0000"},{"uri":"file:///a"}]}"#],
        expect![[r#"
            next: None
            file:///a: {"uri":"file:///a"}
            left out ``: `uri` is missing or no string
            left out ``: `uri` has no length from 1 to 8192 bytes
            left out `a\u{0}`: `uri` holds a control character"#]],
    );
}

#[test]
fn items_stay_as_they_were_written() {
    check(
        Kind::Tool,
        &[
            r#"{"tools":[ {"name" : "a", "n": 1.0e2} ],"nextCursor":"p2","x":1}"#,
            r#"{"tools":[{"name":"b"},{"name":"a"}],"nextCursor":""}"#,
        ],
        expect![[r#"
            next: Some("p2")
            next: None
            a: {"name" : "a", "n": 1.0e2}
            b: {"name":"b"}
            left out `a`: is listed twice; the first one counts"#]],
    );
    check(
        Kind::Template,
        &[r#"{"resourceTemplates":[{"uriTemplate":"db://{x}","name":"n"}],"nextCursor":null}"#],
        expect![[r#"
            next: None
            db://{x}: {"uriTemplate":"db://{x}","name":"n"}"#]],
    );
}

#[test]
fn a_kind_is_read_as_it_is_written() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::parse("Tool"), None);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"[\[\]{}",:a-z0-9 \\]{0,80}"#) {
        let mut reader = ListReader::new(Kind::Tool, &Limits::standard());
        let _page = reader.page(&text);
        let _page = reader.page(&format!(r#"{{"tools":[{text}]}}"#));
    }
}
