//! Tests of `decode`.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{DecodeLimits, Incoming, decode};
use crate::{
    Id, Kind, Message, Reply, WireError, encode_batch, encode_error, encode_notification,
    encode_request, encode_result,
};

const LIMITS: DecodeLimits = DecodeLimits { depth_max: 8, batch_messages_max: 3, id_bytes_max: 12 };

fn one(body: &[u8]) -> Result<Message<'_>, WireError> {
    match decode(body, &LIMITS) {
        Ok(Incoming::One(message)) => Ok(message),
        Ok(Incoming::Batch(_)) => panic!("a batch"),
        Err(error) => Err(error),
    }
}

fn show(message: &Result<Message<'_>, WireError>) -> String {
    let id = |id: Option<&Id<'_>>| id.map_or("no id".to_owned(), Id::to_string);
    match message {
        Ok(message) => {
            let params = message.params().map_or("none", |params| params.get());
            let what = match &message.kind {
                Kind::Request { method, params: _ } => format!("request {method} {params}"),
                Kind::Notification { method, params: _ } => {
                    format!("notification {method} {params}")
                }
                Kind::Response { reply: Reply::Result(raw) } => format!("result {raw}"),
                Kind::Response { reply: Reply::Error(raw) } => format!("error {raw}"),
            };
            format!("{}: {what}", id(message.id.as_ref()))
        }
        Err(error) => {
            assert_eq!(error.status, 400);
            format!("{}: {} {error}", id(error.id.as_ref()), error.code)
        }
    }
}

#[track_caller]
fn check(body: impl AsRef<[u8]>, expected: Expect) {
    let actual = match decode(body.as_ref(), &LIMITS) {
        Ok(Incoming::One(message)) => show(&Ok(message)),
        Ok(Incoming::Batch(messages)) => {
            let shown: Vec<_> = messages.iter().map(show).collect();
            format!("batch of {}\n{}", shown.len(), shown.join("\n"))
        }
        Err(error) => show(&Err(error)),
    };
    expected.assert_eq(&actual);
}

#[test]
fn what_is_no_json_is_refused() {
    check(b"", expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 0)"]);
    check(b"   ", expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 3)"]);
    check(
        b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}",
        expect!["no id: -32700 Parse error: the body is not valid UTF-8"],
    );
    check(
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"method\":\"a\"}",
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 1)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"a"} x"#,
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 32)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"a"}{"a":1}"#,
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 31)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"a","params":{"a":01}}"#,
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 46)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"a","params":{"a":NaN}}"#,
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 45)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"a","params":{"a":1,}}"#,
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 47)"],
    );
    check(
        "{\"jsonrpc\":\"2.0\",\"method\":\"a\u{1}\"}",
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 28)"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"\ud800"}"#,
        expect!["no id: -32700 Parse error: a string holds half of a surrogate pair"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":"\udc00"}}"#,
        expect!["no id: -32700 Parse error: a string holds half of a surrogate pair"],
    );
}

#[test]
fn what_is_no_message_is_refused() {
    check("1", expect!["no id: -32600 Invalid request: a message is a JSON object"]);
    check(r#""a""#, expect!["no id: -32600 Invalid request: a message is a JSON object"]);
    check("null", expect!["no id: -32600 Invalid request: a message is a JSON object"]);
    check("{}", expect![[r#"no id: -32600 Invalid request: `jsonrpc` must be "2.0""#]]);
    check(
        r#"{"id":1,"method":"a"}"#,
        expect![[r#"1: -32600 Invalid request: `jsonrpc` must be "2.0""#]],
    );
    check(
        r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#,
        expect![[r#"1: -32600 Invalid request: `jsonrpc` must be "2.0""#]],
    );
    check(
        r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#,
        expect![[r#"1: -32600 Invalid request: `jsonrpc` must be "2.0""#]],
    );
    check(
        r#"{"jsonrpc":null,"id":1,"method":"a"}"#,
        expect![[r#"1: -32600 Invalid request: `jsonrpc` must be "2.0""#]],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1}"#,
        expect!["1: -32600 Invalid request: a message needs `method`, `result` or `error`"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":1}"#,
        expect!["1: -32600 Invalid request: `method` must be a string"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":null}"#,
        expect!["1: -32600 Invalid request: `method` must be a string"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}"#,
        expect!["1: -32600 Invalid request: `params` must be an object"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":"b"}"#,
        expect!["1: -32600 Invalid request: `params` must be an object"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        expect![
            "1: -32600 Invalid request: a message has only one of `method`, `result` and `error`"
        ],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","error":{}}"#,
        expect![
            "1: -32600 Invalid request: a message has only one of `method`, `result` and `error`"
        ],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        expect![
            "1: -32600 Invalid request: a message has only one of `method`, `result` and `error`"
        ],
    );
    check(
        r#"{"jsonrpc":"2.0","result":{}}"#,
        expect!["no id: -32600 Invalid request: a result needs an id"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"error":"bad"}"#,
        expect!["1: -32600 Invalid request: `error` must be an object"],
    );
}

#[test]
fn ids_that_cannot_be_echoed_are_refused() {
    check(
        r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1.0,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1.5,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1e2,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":[1],"method":"a"}"#,
        expect!["no id: -32600 Invalid request: an id is a string or an integer"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1234567890123,"method":"a"}"#,
        expect!["no id: -32600 Invalid request: the id is longer than 12 bytes"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":"12345678901","method":"a"}"#,
        expect!["no id: -32600 Invalid request: the id is longer than 12 bytes"],
    );
}

#[test]
fn what_two_readers_would_read_differently_is_refused() {
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
        expect!["no id: -32600 Invalid request: duplicate key `method`"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"b"}"#,
        expect!["no id: -32600 Invalid request: duplicate key `id`"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#,
        expect!["no id: -32600 Invalid request: duplicate key `method`"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"x":1,"x":2}}}"#,
        expect!["no id: -32600 Invalid request: duplicate key `x`"],
    );
    check(
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":{"$serde_json::private::RawValue":"1"}}}"#,
        expect!["no id: -32600 Invalid request: a key begins with a reserved prefix"],
    );
}

#[test]
fn nesting_is_bounded_before_anything_recurses() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let body = |levels| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"a":{}}}}}"#, nested(levels))
    };
    check(
        body(7),
        expect![
            "no id: -32600 Invalid request: arrays and objects are nested deeper than 8 levels"
        ],
    );
    check(
        nested(1_000_000),
        expect![
            "no id: -32600 Invalid request: arrays and objects are nested deeper than 8 levels"
        ],
    );
    check(
        r#"{"a":"#.repeat(1_000_000),
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 5000000)"],
    );
    check(
        "[".repeat(4_000_000),
        expect!["no id: -32700 Parse error: the body is not JSON (line 1, column 4000000)"],
    );
    assert!(one(body(6).as_bytes()).is_ok());
}

#[test]
fn batches() {
    check("[]", expect!["no id: -32600 Invalid request: the batch is empty"]);
    check("[ ]", expect!["no id: -32600 Invalid request: the batch is empty"]);
    check("[1,2,3,4]", expect!["no id: -32600 Invalid request: a batch holds at most 3 messages"]);
    check(
        "[[],1,null]",
        expect![[r#"
        batch of 3
        no id: -32600 Invalid request: a message is a JSON object
        no id: -32600 Invalid request: a message is a JSON object
        no id: -32600 Invalid request: a message is a JSON object"#]],
    );
    check(
        r#"[{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","id":2},{"jsonrpc":"2.0","method":"b","params":{"x":[1,2,3,4,5]}}]"#,
        expect![[r#"
            batch of 3
            1: request a none
            2: -32600 Invalid request: a message needs `method`, `result` or `error`
            no id: notification b {"x":[1,2,3,4,5]}"#]],
    );
}

#[test]
fn messages() {
    check(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, expect!["1: request ping none"]);
    check(
        r#"{"jsonrpc":"2.0","id":"","method":"tools\/list","params":{}}"#,
        expect![[r#""": request tools/list {}"#]],
    );
    check(r#"{"jsonrpc":"2.0","id":-1,"method":"a","params":null}"#, expect!["-1: request a none"]);
    check(
        r#"{"\u006asonrpc":"2.0","id":123456789012,"m\u0065thod":"a"}"#,
        expect!["123456789012: request a none"],
    );
    check(
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
        expect!["no id: notification notifications/cancelled none"],
    );
    check(r#"{"jsonrpc":"2.0","id":1,"result":null}"#, expect!["1: result null"]);
    check(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1}}"#, expect![[r#"1: error {"code":1}"#]]);
    check(r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, expect!["no id: error {}"]);
    check(r#"{"jsonrpc":"2.0","error":{}}"#, expect!["no id: error {}"]);
}

/// One row for each message that typed models are known to lose something of.
#[test]
fn every_byte_of_a_message_survives() {
    let inner: &[&str] = &[
        r#"{"tools":[{"name":"a","inputSchema":{},"execution":{"taskSupport":"optional"},"x-vendor":[1],"annotations":{"new":1}}],"nextCursor":null,"more":1}"#,
        r#"{"name":"a","arguments":{},"task":{"ttl":1},"x-vendor":{"a":[]},"_meta":{"k":"v"}}"#,
        r#"{"content":[{"type":"text","text":"a","extra":1,"annotations":{"x":2}}],"extra":{}}"#,
        r#"{"structuredContent":{"a":1}}"#,
        r#"{"content":[{"type":"hologram","data":"x"}]}"#,
        r#"{"resultType":"new","tools":[],"field":1}"#,
        r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"requestedSchema":{"properties":{"x":{"format":"new"}}},"extra":1}}},"requestState":"s"}"#,
        r#"{"capabilities":{"tasks":{},"new":{}},"serverInfo":{"name":"a","version":"1","extra":[]}}"#,
        r#"{"arguments":{"a":12345678901234567890123,"b":1e2,"c":1.0,"d":-0,"e":0.10,"f":1E+400}}"#,
        "{ \"spaces\" :\t[ 1 ,2 ],\r\n\"escapes\":\"\\u0061\\/\\ud83d\\ude00\",\"text\":\"é😀\u{2028}\" }",
    ];
    for inner in inner {
        let request = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":{inner},\"x\":[1.0] }}"
        );
        let message = one(request.as_bytes()).unwrap();
        assert_eq!(message.raw.get(), request);
        assert_eq!(message.params().unwrap().get(), *inner);
        for member in ["result", "error"] {
            let response =
                format!("{{\"id\":1,\"jsonrpc\":\"2.0\",\"x\":1e2,\"{member}\" : {inner}}}");
            let padded = format!(" \r\n{response}\t ");
            let message = one(padded.as_bytes()).unwrap();
            assert_eq!(message.raw.get(), response);
            let (Kind::Response { reply: Reply::Result(raw) }
            | Kind::Response { reply: Reply::Error(raw) }) = message.kind
            else {
                panic!("no response")
            };
            assert_eq!(raw.get(), *inner);
        }
    }
}

fn any_id() -> impl Strategy<Value = Id<'static>> {
    prop_oneof![
        any::<i32>().prop_map(|n| Id::from_number(n.into())),
        "[ -~]{0,4}".prop_map(|t| { Id::from_text(&t) })
    ]
}

/// Some JSON object, with escapes, numbers of every form and white space.
fn any_object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("12345678901234567890123".to_owned()),
        Just("1e2".to_owned()),
        Just("1.0".to_owned()),
        Just("\"\\u0061\"".to_owned()),
        Just("null".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("[ true ,\n{}]".to_owned()),
    ];
    prop::collection::btree_map("[a-z]{1,4}", leaf, 0..5).prop_map(|members| {
        let members: Vec<_> =
            members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", members.join(" ,"))
    })
}

proptest! {
    #[test]
    fn decode_after_encode_is_the_identity(
        id in any_id(),
        method in any::<String>(),
        object in any_object(),
        text in any::<String>(),
    ) {
        let body = encode_request(&id, &method, Some(&object));
        let message = one(&body).unwrap();
        prop_assert_eq!(message.id.as_ref().unwrap().as_raw(), id.as_raw());
        prop_assert_eq!(message.method().unwrap().as_str(), method.as_str());
        prop_assert_eq!(message.params().unwrap().get(), object.as_str());

        let body = encode_notification(&method, Some(&object));
        let message = one(&body).unwrap();
        prop_assert!(message.id.is_none());
        prop_assert_eq!(message.params().unwrap().get(), object.as_str());

        let body = encode_result(&id, &object);
        let message = one(&body).unwrap();
        let Kind::Response { reply: Reply::Result(result) } = message.kind else { panic!() };
        prop_assert_eq!(result.get(), object.as_str());
        prop_assert_eq!(message.id, Some(id.clone()));

        let error = WireError::invalid_params(text.clone()).with_data(object.clone());
        let body = encode_error(Some(&id), &error);
        let message = one(&body).unwrap();
        let Kind::Response { reply: Reply::Error(raw) } = message.kind else { panic!() };
        let value: serde_json::Value = serde_json::from_str(raw.get()).unwrap();
        prop_assert_eq!(value["message"].as_str(), Some(text.as_str()));
        let ends = raw.get().strip_suffix('}').is_some_and(|rest| rest.ends_with(&object));
        prop_assert!(ends);
    }

    #[test]
    fn a_batch_is_read_back(ids in prop::collection::vec(any_id(), 1..3)) {
        let answers: Vec<_> = ids.iter().map(|id| encode_result(id, "{}")).collect();
        let body = encode_batch(&answers);
        let Ok(Incoming::Batch(messages)) = decode(&body, &LIMITS) else { panic!() };
        let read: Vec<_> = messages.into_iter().map(|m| m.unwrap().id.unwrap()).collect();
        prop_assert_eq!(read, ids);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        crate::fuzz_decode(&bytes);
    }

    #[test]
    fn text_near_json_never_panics(text in r#"[{\[]?("(jsonrpc|id|method|params|_meta|a)"|"2.0"|[{}\[\]:,]|1e5|null|\\u[d8]{2}| ){0,24}[}\]]?"#) {
        crate::fuzz_decode(text.as_bytes());
    }
}
