//! Counting values in a text.

use super::values_at_most;

#[test]
fn the_limit_holds_at_the_limit_and_one_past_it() {
    for (text, values) in [
        ("[1,2,3]", 4),
        ("[[1],[1]]", 5),
        (r#"{"a":1,"b":[2]}"#, 4),
        (r#"["a,[{","\",,,,"]"#, 3),
        (r#"["\\",1]"#, 3),
    ] {
        assert!(values_at_most(text, values), "{text}");
        assert!(!values_at_most(text, values - 1), "{text}");
    }
}

#[test]
fn short_texts_pass_unread() {
    for text in ["", "[", "\"", "[,,,,"] {
        assert!(values_at_most(text, 1000), "{text}");
    }
}
