//! Places, kinds and edits.

use super::{Edits, Node, NodeValue, mark_in_text, read};
use crate::fields::to_value;

#[track_caller]
fn tree(text: &str) -> Node {
    read(text).map_err(|problem| problem.message).unwrap().0
}

#[track_caller]
fn check_value(text: &str, json: &str) {
    assert_eq!(to_value(&tree(text)).to_string(), json, "{text}");
}

#[test]
fn plain_scalars_mean_what_yaml_1_2_says() {
    check_value("[~, null, NULL, '', \"null\"]", r#"[null,null,null,"","null"]"#);
    check_value("[true, False, yes, on, y]", r#"[true,false,"yes","on","y"]"#);
    check_value(
        "[1, -0, 1.50, 1e3, 12345678901234567890123]",
        "[1,-0,1.50,1e+3,12345678901234567890123]",
    );
    check_value("[.5, 5., +7, 0x1F, 0o17]", "[0.5,5,7,31,15]");
    check_value(
        "[010, 1_000, .inf, 2022-06-28, 1.2.3, '5', -, 1e]".replace(", -,", ",").as_str(),
        r#"["010","1_000",".inf","2022-06-28","1.2.3","5","1e"]"#,
    );
    check_value("[!!str 5, !!int '7', !!null '']", r#"["5",7,null]"#);
}

#[test]
fn keys_are_text_whatever_they_look_like() {
    check_value("1: a\ntrue: b\n", r#"{"1":"a","true":"b"}"#);
}

#[test]
fn aliases_and_merges_are_expanded() {
    check_value(
        "a: &x {k: 1}\nb: *x\nc: {<<: *x, l: 2}\nd: {k: 3, <<: [*x, {m: 4}]}\n",
        r#"{"a":{"k":1},"b":{"k":1},"c":{"l":2,"k":1},"d":{"k":3,"m":4}}"#,
    );
}

/// The place of the first `!` of the text that stands under the key `v`.
#[track_caller]
fn check_place(text: &str, line: u32, column: u32) {
    let root = tree(text);
    let NodeValue::Map(entries) = &root.value else { panic!("no object") };
    let node = &entries[0].value;
    let NodeValue::Scalar(scalar) = &node.value else { panic!("no scalar") };
    let mark = mark_in_text(text, node, scalar.text.find('!').unwrap());
    assert_eq!((mark.line, mark.column), (line, column), "{text}");
}

#[test]
fn places_within_texts_are_those_of_the_file() {
    check_place("v: ab!", 1, 6);
    check_place("v: 'ab!'", 1, 7);
    check_place("v: 'a''b!'", 1, 9);
    check_place("v: \"\\ta\\u00e9\\x41!\"", 1, 18);
    check_place("v: |\n  one\n  two!\n", 3, 6);
    check_place("v: |\n    one\n      two!\n", 3, 10);
    check_place("v: >-\n  one\n  two!\n", 3, 6);
    check_place("v: one\n  two!\n", 2, 6);
    check_place("v: \"one\n  two!\"\n", 2, 6);
    check_place("v: |\n  é!\n", 2, 4);
}

#[test]
fn edits_keep_the_lines_of_a_file() {
    let text = "a: old # note\nb: |\n  x\n  y\nc:\nd: {e: 'x'}\n";
    let root = tree(text);
    let NodeValue::Map(entries) = &root.value else { panic!("no object") };
    let NodeValue::Map(inner) = &entries[3].value.value else { panic!("no object") };
    let mut edits = Edits::default();
    for node in [&entries[0].value, &entries[1].value, &entries[2].value, &inner[0].value] {
        edits.replace(text, node, "new");
    }
    let edited = edits.apply(text);
    assert_eq!(edited, "a: \"new\" # note\nb: \"new\"\n\n\nc: \"new\"\nd: {e: \"new\"}\n");
}
