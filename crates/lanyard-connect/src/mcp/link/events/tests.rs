//! Bodies that are messages, and those that are none.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(body: &[u8], batches: Batches, expected: Expect) {
    let actual = match messages(body.to_vec(), batches) {
        Ok(messages) => messages.iter().map(|message| format!("<{message}>")).collect(),
        Err(failure) => failure.to_string(),
    };
    expected.assert_eq(&actual);
}

const ONE: Batches = Batches { allowed: false, messages_max: 3 };
const SEVERAL: Batches = Batches { allowed: true, messages_max: 3 };

#[test]
fn what_is_no_message_is_refused() {
    for body in [&b""[..], b" \r\n", b"null", b"\"{\"", b"<html>", b"42"] {
        check(
            body,
            SEVERAL,
            expect!["the server's answer cannot be used: it is no message of JSON-RPC"],
        );
    }
    check(
        b"{\"a\":\"\xff\"}",
        SEVERAL,
        expect!["the server's answer cannot be used: it is not valid UTF-8"],
    );
}

#[test]
fn a_message_stays_as_it_is() {
    check(
        b" {\"a\" : 1.0e5}\n",
        ONE,
        expect![[r#"
        < {"a" : 1.0e5}
        >"#]],
    );
}

#[test]
fn a_batch_comes_apart_where_there_are_batches() {
    check(
        b"[{}]",
        ONE,
        expect![
            "the server's answer cannot be used: it is a batch, which its protocol version does not have"
        ],
    );
    check(b" [ {\"a\": 1} , {\"b\":[2]} ]", SEVERAL, expect![[r#"<{"a": 1}><{"b":[2]}>"#]]);
    check(b"[]", SEVERAL, expect![""]);
    check(
        b"[{},{},{},{}]",
        SEVERAL,
        expect!["the server's answer cannot be used: it is a batch of too many messages"],
    );
    check(
        b"[{},1]",
        SEVERAL,
        expect![
            "the server's answer cannot be used: it is a batch of something else than messages"
        ],
    );
    check(b"[{}", SEVERAL, expect!["the server's answer cannot be used: it is not JSON"]);
}
