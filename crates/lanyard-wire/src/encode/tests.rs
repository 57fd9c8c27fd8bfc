//! Tests of `encode`.

use super::{encode_batch, encode_notification, encode_request, encode_result};
use crate::Id;

#[test]
fn messages_are_spliced_from_what_is_json_already() {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(
        text(encode_result(&Id::from_number(-1), "{\"a\": 1.0}")),
        r#"{"jsonrpc":"2.0","id":-1,"result":{"a": 1.0}}"#
    );
    assert_eq!(
        text(encode_request(&Id::from_text("a\n"), "tools/list", None)),
        r#"{"jsonrpc":"2.0","id":"a\n","method":"tools/list"}"#
    );
    assert_eq!(
        text(encode_notification("a\"b", Some("{}"))),
        r#"{"jsonrpc":"2.0","method":"a\"b","params":{}}"#
    );
    assert_eq!(text(encode_batch(&[])), "[]");
    assert_eq!(text(encode_batch(&[b"{}".to_vec(), b"1".to_vec()])), "[{},1]");
}
