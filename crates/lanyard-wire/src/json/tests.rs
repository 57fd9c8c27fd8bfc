//! Tests of `json`.

use proptest::prelude::*;

use super::{Object, quoted, text};

#[test]
fn a_text_that_is_no_string_is_none() {
    for raw in ["null", "12", "{}", "[]", "true"] {
        assert_eq!(text(raw), None, "{raw}");
    }
    assert_eq!(text(r#""""#).as_deref(), Some(""));
    assert_eq!(text(r#""tools\/list""#).as_deref(), Some("tools/list"));
    assert_eq!(text(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
}

#[test]
fn members_stand_in_the_order_they_were_added() {
    assert_eq!(Object::new().end(), "{}");
    let object = Object::new()
        .raw("number", "1e2")
        .raw_if("absent", None)
        .text_if("none", None)
        .text("text", "a\"b\\c\n\r\t\u{1}\u{1f}é")
        .list("list", [1, 2], |out, number| out.push_str(&number.to_string()))
        .list("empty", [0_u8; 0], |_, _| {})
        .end();
    assert_eq!(
        object,
        r#"{"number":1e2,"text":"a\"b\\c\n\r\t\u0001\u001fé","list":[1,2],"empty":[]}"#
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(original in any::<String>()) {
        let written = quoted(&original);
        prop_assert_eq!(text(&written).unwrap(), original.as_str());
        prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), original);
    }
}
