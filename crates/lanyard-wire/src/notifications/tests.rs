//! Tests of `notifications`.

use expect_test::{Expect, expect};

use super::{list_changed, progress, resource_updated, subscriptions_acknowledged};
use crate::{ChangedList, Id, ListenParams};

#[track_caller]
fn check(message: Vec<u8>, expected: Expect) {
    expected.assert_eq(&String::from_utf8(message).unwrap());
}

#[test]
fn notifications() {
    check(
        list_changed(ChangedList::Tools, None),
        expect![[r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#]],
    );
    check(
        list_changed(ChangedList::Tools, Some(&Id::from_number(7))),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#
        ]],
    );
    let accepted = ListenParams { tools_list_changed: true, ..ListenParams::default() };
    check(
        subscriptions_acknowledged(&Id::from_text("a"), &accepted),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"a"},"notifications":{"toolsListChanged":true}}}"#
        ]],
    );
    check(
        subscriptions_acknowledged(&Id::from_text("a"), &ListenParams::default()),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"a"},"notifications":{}}}"#
        ]],
    );
    check(
        progress(&Id::from_number(1), 3, None, None),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":3}}"#
        ]],
    );
    check(
        progress(&Id::from_text("t"), 3, Some(9), Some("a\"b")),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":3,"total":9,"message":"a\"b"}}"#
        ]],
    );
}

#[test]
fn prompts_and_resources_changed() {
    let id = Id::from_number(7);
    check(
        list_changed(ChangedList::Prompts, None),
        expect![[r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#]],
    );
    check(
        list_changed(ChangedList::Resources, Some(&id)),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/resources/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}}"#
        ]],
    );
    check(
        resource_updated("a\"", None),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a\""}}"#
        ]],
    );
    check(
        resource_updated("a", Some(&id)),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"uri":"a"}}"#
        ]],
    );
}
