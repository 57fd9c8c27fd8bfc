//! Answers to a request: JSON, event streams, refusals.

use expect_test::{Expect, expect};

use super::*;

/// What an answer comes to.
async fn check(version: Version, status: u16, content: &str, body: &[u8], expected: Expect) {
    let mut stage = Stage::start().await;
    let link = match version.is_modern() {
        true => modern(&stage),
        false => legacy(&mut stage, version).await,
    };
    let (mut carrier, first) = answered(&link, &mut stage, async |asked| {
        let headers = [("content-type", content), ("location", "/elsewhere")];
        asked.answer(status, &headers, body).await;
    })
    .await;
    let mut lines = Vec::new();
    let mut message = first;
    while let Ok(text) = &message {
        lines.push(text.clone());
        message = next(&mut carrier).await;
    }
    lines.extend(message.err());
    expected.assert_eq(&lines.join("\n"));
    // Nothing is sent again, nor followed.
    assert!(stage.is_quiet());
}

const MODERN: Version = Version::V2026_07_28;
const LEGACY: Version = Version::V2025_11_25;
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

#[tokio::test]
async fn a_refusal_says_what_it_is() {
    let error = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"no"}}"#;
    for version in [MODERN, LEGACY] {
        check(
            version,
            307,
            JSON,
            error,
            expect!["the server answered with a redirect, which is not followed"],
        )
        .await;
        check(
            version,
            401,
            JSON,
            error,
            expect!["the server refused the credential with HTTP status 401"],
        )
        .await;
        check(
            version,
            403,
            JSON,
            error,
            expect!["the server refused the credential with HTTP status 403"],
        )
        .await;
        check(version, 400, JSON, b"oops", expect!["the server answered with HTTP status 400"])
            .await;
        check(
            version,
            400,
            "text/html",
            error,
            expect!["the server answered with HTTP status 400"],
        )
        .await;
        check(version, 500, JSON, b"", expect!["the server answered with HTTP status 500"]).await;
    }
    check(LEGACY, 404, JSON, error, expect!["the server does not know the session any more"]).await;
    check(LEGACY, 404, "text/html", b"", expect!["the server does not know the session any more"])
        .await;
    check(MODERN, 404, "text/html", b"", expect!["the server answered with HTTP status 404"]).await;
}

#[tokio::test]
async fn a_refusal_with_an_error_is_the_response() {
    let error = br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}"#;
    for (version, status) in [(MODERN, 404), (MODERN, 400), (LEGACY, 400), (LEGACY, 500)] {
        check(
            version,
            status,
            JSON,
            error,
            expect![[r#"
                {"jsonrpc":"2.0","id":"ours","error":{"code":-32601,"message":"no"}}
                the server's answer cannot be used: it holds no response"#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_body_of_json_is_one_message() {
    check(
        MODERN,
        200,
        JSON,
        b"{\"id\" : 1}",
        expect![[r#"
        {"id" : 1}
        the server's answer cannot be used: it holds no response"#]],
    )
    .await;
    check(
        LEGACY,
        200,
        "Application/JSON; charset=utf-8",
        b"{}",
        expect![[r#"
        {}
        the server's answer cannot be used: it holds no response"#]],
    )
    .await;
    check(
        LEGACY,
        200,
        JSON,
        b"",
        expect!["the server's answer cannot be used: it is no message of JSON-RPC"],
    )
    .await;
    check(LEGACY, 200, JSON, b"[{}]", expect!["the server's answer cannot be used: it is a batch, which its protocol version does not have"]).await;
    check(
        Version::V2025_03_26,
        200,
        JSON,
        b"[{\"a\":1},{\"b\":2}]",
        expect![[r#"
        {"a":1}
        {"b":2}
        the server's answer cannot be used: it holds no response"#]],
    )
    .await;
}

#[tokio::test]
async fn another_kind_of_content_is_unusable() {
    check(
        MODERN,
        200,
        "text/html",
        b"<p>",
        expect!["the server's answer cannot be used: it is neither JSON nor an event stream"],
    )
    .await;
    check(
        MODERN,
        200,
        "text/event-streams",
        b"",
        expect!["the server's answer cannot be used: it is neither JSON nor an event stream"],
    )
    .await;
    check(
        LEGACY,
        202,
        "text/plain",
        b"",
        expect!["the server's answer cannot be used: the request was taken and not answered"],
    )
    .await;
    check(
        LEGACY,
        204,
        "text/plain",
        b"",
        expect!["the server's answer cannot be used: the request was taken and not answered"],
    )
    .await;
}

#[tokio::test]
async fn events_are_messages() {
    let body = b"\xef\xbb\xbf: hello\r\n\r\nevent: message\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n\
                 event: other\ndata: {\"b\":2}\n\ndata:\n\ndata: {\"c\":3}\rid: x\r\rdata: {\"d\":4}";
    check(
        MODERN,
        200,
        "text/event-stream;charset=utf-8",
        body,
        expect![[r#"
        {"a":
        1}
        {"c":3}
        the server ended before it answered; the call may have taken effect"#]],
    )
    .await;
    check(
        Version::V2025_03_26,
        200,
        EVENTS,
        b"data: [{\"a\":1},{\"b\":2}]\n\n",
        expect![[r#"
        {"a":1}
        {"b":2}
        the server ended before it answered; the call may have taken effect"#]],
    )
    .await;
    check(
        LEGACY,
        200,
        EVENTS,
        b"data: hello\n\n",
        expect!["the server's answer cannot be used: it is no message of JSON-RPC"],
    )
    .await;
    check(
        LEGACY,
        200,
        EVENTS,
        b"data: {\"\xff\"}\n\n",
        expect!["the server's answer cannot be used: it is not valid UTF-8"],
    )
    .await;
    check(
        LEGACY,
        200,
        EVENTS,
        b"",
        expect!["the server ended before it answered; the call may have taken effect"],
    )
    .await;
}

#[tokio::test]
async fn an_event_is_handed_on_when_it_is_complete() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    let (mut carrier, pipe) = streaming(&link, &mut stage).await;
    for count in 0..20 {
        pipe.write(format!("data: {{\"n\":{count}}}\n\n").as_bytes()).await;
        assert_eq!(next(&mut carrier).await, Ok(format!("{{\"n\":{count}}}")));
    }
    // In any pieces, also in the middle of a character and of a line break.
    let event = "id: 1\r\ndata: {\"a\":\"\u{1f980}\"}\r\n\r";
    for byte in event.as_bytes() {
        let early = timeout(Duration::from_millis(1), carrier.next()).await;
        assert!(early.is_err(), "{early:?}");
        pipe.write(&[*byte]).await;
    }
    assert_eq!(next(&mut carrier).await, Ok("{\"a\":\"\u{1f980}\"}".to_owned()));
}

#[tokio::test]
async fn a_finished_answer_leaves_its_connection_to_the_next() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    for _ in 0..3 {
        let (carrier, pipe) = streaming(&link, &mut stage).await;
        carrier.finish();
        drop(pipe);
        let (carrier, message) =
            answered(&link, &mut stage, async |asked| asked.json(200, "{}").await).await;
        message.unwrap();
        carrier.finish();
    }
    // How soon the end of a stream arrives is up to the machine.
    assert!(stage.connections.accepted() <= 4, "{}", stage.connections.accepted());
}

#[tokio::test]
async fn a_dropped_carrier_is_told_to_the_server() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    let mut carrier = ask(&link).await;
    tokio::select! {
        message = next(&mut carrier) => panic!("{message:?}"),
        asked = stage.next() => {
            drop(carrier);
            asked.abandoned().await;
        }
    }
    let (carrier, pipe) = streaming(&link, &mut stage).await;
    drop(carrier);
    pipe.abandoned().await;
    stage.connections.until_open(0).await;
}

#[tokio::test]
async fn a_carrier_that_is_not_polled_sends_nothing() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    drop(ask(&link).await);
    ask(&link).await.finish();
    let (_, message) = answered(&link, &mut stage, async |asked| asked.json(200, "{}").await).await;
    message.unwrap();
    assert!(stage.is_quiet());
}
