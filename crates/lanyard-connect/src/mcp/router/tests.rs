//! Where each kind of message goes.

use expect_test::{Expect, expect};

use super::*;

/// A router with a call that has a token of its own, another that kept the client's, a
/// subscription and a question of ours: 1, 2, 3 and 4.
fn busy() -> (Router, Vec<Inbound>) {
    let router = Router::new(&Limits::standard());
    let begin = |purpose, token| router.begin(router.next_id(), purpose, token).unwrap();
    let inbound = vec![
        begin(Purpose::Call, Token::Ours(r#""mine""#.to_owned())),
        begin(Purpose::Call, Token::Kept),
        begin(Purpose::Subscription, Token::None),
        begin(Purpose::Own, Token::None),
    ];
    (router, inbound)
}

fn words(destination: &Destination) -> String {
    match destination {
        Destination::Home(item) => format!("home: {}", item_words(item)),
        Destination::Exchange(id, _, item) => format!("{id}: {}", item_words(item)),
        Destination::Inbox(Unrelated::Notification(message)) => format!("inbox: {message}"),
        Destination::Inbox(Unrelated::Request(request)) => format!("inbox asks {}", request.method),
        Destination::Inbox(Unrelated::Ended) => "inbox: the end".to_owned(),
        Destination::Ping(id) => format!("ping {id}"),
        Destination::Nobody => "nobody".to_owned(),
    }
}

fn item_words(item: &Item) -> String {
    match item {
        Ok(Step::Notification(message)) => message.clone(),
        Ok(Step::Request(request)) => format!("asks {}", request.method),
        Ok(Step::Pause(wait)) => format!("pauses for {wait:?}"),
        Ok(Step::Done(Reply::Result(result))) => format!("result {result}"),
        Ok(Step::Done(Reply::Error(error))) => format!("error {error}"),
        Err(failure) => failure.code().to_owned(),
    }
}

fn place(router: &Router, home: Option<i64>, message: &str) -> String {
    match router.route(message, home, true) {
        Ok(places) => places.iter().map(words).collect::<Vec<_>>().join("\n"),
        Err(_) => "not a message".to_owned(),
    }
}

#[track_caller]
fn check(home: Option<i64>, message: &str, expected: &Expect) {
    let (router, _inbound) = busy();
    expected.assert_eq(&place(&router, home, message));
}

fn notification(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}

#[test]
fn an_answer_goes_to_whom_it_names_and_once() {
    let (router, _inbound) = busy();
    let answer = r#"{"jsonrpc":"2.0","id":2,"result":{"x":1e2}}"#;
    expect![[r#"2: result {"x":1e2}"#]].assert_eq(&place(&router, None, answer));
    expect!["nobody"].assert_eq(&place(&router, None, answer));
    for stranger in ["5", "\"1\"", "1.0", "-1", "99999999999999999999"] {
        let stray = format!(r#"{{"jsonrpc":"2.0","id":{stranger},"result":{{}}}}"#);
        let place = place(&router, None, &stray);
        assert!(matches!(place.as_str(), "nobody" | "not a message"), "{stranger}: {place}");
    }
    let unreadable = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}"#;
    expect!["nobody"].assert_eq(&place(&router, None, unreadable));
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#;
    expect![[r#"1: error {"code":-1,"message":"no"}"#]].assert_eq(&place(&router, None, error));
}

#[test]
fn a_carrier_brings_the_answer_of_its_own_request_only() {
    check(Some(1), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, &expect!["home: result {}"]);
    check(Some(1), r#"{"jsonrpc":"2.0","id":2,"result":{}}"#, &expect!["nobody"]);
}

#[test]
fn an_answer_that_breaks_the_rules_fails_its_exchange_at_once() {
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#, "[".repeat(99), "]".repeat(99));
    check(None, &deep, &expect!["1: answer_unusable"]);
    check(Some(1), &deep, &expect!["home: answer_unusable"]);
    check(Some(2), &deep, &expect!["not a message"]);
    let doubled = r#"{"jsonrpc":"2.0","id":2,"result":{"a":1,"a":2}}"#;
    check(None, doubled, &expect!["2: answer_unusable"]);
    check(None, r#"{"jsonrpc":"2.0","id":2,"method":"x","method":"y"}"#, &expect!["not a message"]);
    check(None, r#"{"id":2}"#, &expect!["2: answer_unusable"]);
    check(None, r#"{"level":30,"msg":"hello"}"#, &expect!["not a message"]);
    check(None, "[1,2", &expect!["not a message"]);
}

#[test]
fn progress_goes_by_its_token() {
    let progress = |token: &str| {
        notification(
            "notifications/progress",
            &format!(r#"{{"progressToken":{token},"progress":1}}"#),
        )
    };
    let restored = expect![[
        r#"1: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}}"#
    ]];
    check(None, &progress("1"), &restored);
    // It may come by another way than the answer.
    check(Some(2), &progress("1"), &restored);
    for token in ["2", "3", "7", r#""mine""#, "null"] {
        check(None, &progress(token), &expect!["nobody"]);
        check(Some(1), &progress(token), &expect!["nobody"]);
    }
    // Where the token is the client's own, its carrier is what relates it.
    check(
        Some(2),
        &progress(r#""theirs""#),
        &expect![[
            r#"home: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"theirs","progress":1}}"#
        ]],
    );
}

#[test]
fn what_names_no_request_is_about_the_newest_call() {
    let asks = r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{}}"#;
    let says = notification("notifications/message", r#"{"level":"info","data":1}"#);
    let changed = notification("notifications/tools/list_changed", "{}");
    check(None, asks, &expect!["2: asks elicitation/create"]);
    check(Some(2), asks, &expect!["home: asks elicitation/create"]);
    let (router, _inbound) = busy();
    router.remove(2);
    expect!["1: asks elicitation/create"].assert_eq(&place(&router, None, asks));
    expect![[r#"1: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#]]
        .assert_eq(&place(&router, None, &says));
    expect![[
        r#"inbox: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}"#
    ]]
    .assert_eq(&place(&router, None, &changed));
    router.remove(1);
    expect!["inbox asks elicitation/create"].assert_eq(&place(&router, None, asks));
    expect![[r#"inbox: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#]]
        .assert_eq(&place(&router, None, &says));
    check(None, r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#, &expect![[r#"ping "p""#]]);
    check(Some(1), r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#, &expect!["ping 8"]);
}

#[test]
fn a_question_that_is_withdrawn_is_withdrawn_where_it_was_asked() {
    let (router, _inbound) = busy();
    place(&router, Some(2), r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#);
    let withdrawn = notification("notifications/cancelled", r#"{"requestId":"q"}"#);
    expect![[
        r#"2: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#
    ]]
    .assert_eq(&place(&router, None, &withdrawn));
    assert!(router.answered(2, &Id::from_text("q")));
    assert!(!router.answered(2, &Id::from_text("q")));
    expect![[
        r#"inbox: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#
    ]]
    .assert_eq(&place(&router, None, &withdrawn));
}

#[test]
fn a_question_can_be_answered_after_the_answer_that_came_behind_it() {
    let (router, _inbound) = busy();
    place(&router, None, r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#);
    place(&router, None, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
    assert!(router.answered(2, &Id::from_text("q")));
    // Not when the exchange is gone, of which nobody is left who could.
    place(&router, Some(1), r#"{"jsonrpc":"2.0","id":"r","method":"roots/list"}"#);
    router.remove(1);
    assert!(!router.answered(1, &Id::from_text("r")));
}

#[test]
fn a_subscription_hears_what_names_it_and_its_end() {
    let named = |id: &str| {
        let meta = format!(r#"{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
        notification("notifications/tools/list_changed", &meta)
    };
    check(
        None,
        &named("3"),
        &expect![[
            r#"3: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":3}}}"#
        ]],
    );
    check(
        None,
        &named("5"),
        &expect![[
            r#"inbox: {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":5}}}"#
        ]],
    );
    let over = notification("notifications/cancelled", r#"{"requestId":3}"#);
    check(None, &over, &expect![[r#"3: result {"resultType":"complete"}"#]]);
    check(Some(3), &over, &expect![[r#"home: result {"resultType":"complete"}"#]]);
    // A call does not end like this: it is ours to cancel.
    let call = notification("notifications/cancelled", r#"{"requestId":1}"#);
    check(
        None,
        &call,
        &expect![[
            r#"inbox: {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#
        ]],
    );
}

#[test]
fn a_batch_is_each_of_its_messages() {
    let batch = r#"[{"jsonrpc":"2.0","id":2,"result":2},{"jsonrpc":"2.0","id":1,"result":1},{"no":1},{"jsonrpc":"2.0","id":1,"result":1}]"#;
    check(
        None,
        batch,
        &expect![[r#"
        2: result 2
        1: result 1
        nobody
        nobody"#]],
    );
    let (router, _inbound) = busy();
    assert!(router.route(batch, None, false).is_err());
}

#[test]
fn after_its_end_nothing_begins() {
    let (router, mut inbound) = busy();
    assert!(router.lose() && !router.lose() && !router.is_open());
    assert_eq!(router.begin(9, Purpose::Call, Token::None).unwrap_err(), Failure::ServerEnded);
    // What runs still gets its answer.
    expect!["2: result 2"].assert_eq(&place(
        &router,
        None,
        r#"{"jsonrpc":"2.0","id":2,"result":2}"#,
    ));
    assert!(router.end(&Failure::Cancelled) && !router.end(&Failure::ServerEnded));
    assert_eq!(router.ended(), Some(Failure::Cancelled));
    assert_eq!(router.begin(9, Purpose::Call, Token::None).unwrap_err(), Failure::Cancelled);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(inbound[0].next()).unwrap_err(), Failure::Cancelled);
    assert!(router.is_idle());
}
