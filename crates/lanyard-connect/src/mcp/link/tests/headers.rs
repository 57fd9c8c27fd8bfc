//! What requests carry.

use expect_test::expect;

use super::*;

/// The headers of a request that mean something here.
fn told(asked: &Asked) -> String {
    let known = ["accept", "content-type", "last-event-id", "authorization", "x-own"];
    let mut lines = vec![format!("{} {} {}", asked.method, asked.target, asked.body)];
    for (name, value) in &asked.headers {
        if known.contains(&name.as_str()) || name.as_str().starts_with("mcp-") {
            lines.push(format!("{name}: {}", value.to_str().unwrap()));
        }
    }
    lines[1..].sort();
    lines.join("\n")
}

async fn posted(link: &Link, stage: &mut Stage, request: LinkRequest<'_>) -> String {
    let mut carrier = link.request(request).await.unwrap();
    let (message, told) = tokio::join!(next(&mut carrier), async {
        let asked = stage.next().await;
        let told = told(&asked);
        asked.json(200, "{}").await;
        told
    });
    message.unwrap();
    told
}

#[tokio::test]
async fn a_session_is_told_once_it_began() {
    let mut stage = Stage::start().await;
    let link = Link::http(parts(&stage));
    let params = [("mcp-param-region".to_owned(), "eu".to_owned())];
    let mut carrier = link.request(request(r#"{"id":0}"#, "initialize")).await.unwrap();
    let (message, first) = tokio::join!(next(&mut carrier), async {
        let asked = stage.next().await;
        let told = told(&asked);
        let headers = [("content-type", "application/json"), ("mcp-session-id", "session-1")];
        asked.answer(200, &headers, b"{}").await;
        told
    });
    message.unwrap();
    expect![[r#"
        POST /notes/mcp?key=tst_key {"id":0}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_0
        content-type: application/json"#]]
    .assert_eq(&first);
    link.speak(Version::V2025_06_18);
    let call = LinkRequest {
        name: Some("add"),
        param_headers: &params,
        ..request(r#"{"id":1}"#, "tools/call")
    };
    expect![[r#"
        POST /notes/mcp?key=tst_key {"id":1}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_1
        content-type: application/json
        mcp-protocol-version: 2025-06-18
        mcp-session-id: session-1"#]]
    .assert_eq(&posted(&link, &mut stage, call).await);
    // Another session begins as if there had been none.
    let again = posted(&link, &mut stage, request(r#"{"id":2}"#, "initialize")).await;
    assert!(!again.contains("mcp-"), "{again}");
}

#[tokio::test]
async fn a_notification_and_a_response_are_told_like_requests() {
    let mut stage = Stage::start().await;
    let link = legacy(&mut stage, Version::V2025_11_25).await;
    let deadline = within(PATIENCE);
    let post = LinkPost { message: r#"{"a":1}"#, method: Some("notifications/x"), deadline };
    let (posted, told_legacy) = tokio::join!(link.post(post), async {
        let asked = stage.next().await;
        let told = told(&asked);
        asked.answer(202, &[], b"").await;
        told
    });
    posted.unwrap();
    expect![[r#"
        POST /notes/mcp?key=tst_key {"a":1}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_1
        content-type: application/json
        mcp-protocol-version: 2025-11-25
        mcp-session-id: session-1"#]]
    .assert_eq(&told_legacy);
    let link = modern(&stage);
    let (posted, told_modern) = tokio::join!(link.post(post), async {
        let asked = stage.next().await;
        let told = told(&asked);
        asked.answer(202, &[], b"").await;
        told
    });
    posted.unwrap();
    expect![[r#"
        POST /notes/mcp?key=tst_key {"a":1}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_0
        content-type: application/json
        mcp-method: notifications/x
        mcp-protocol-version: 2026-07-28"#]]
    .assert_eq(&told_modern);
}

#[tokio::test]
async fn a_stateless_server_is_told_what_the_message_says() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    let params = [("mcp-param-region".to_owned(), "eu".to_owned())];
    let call = LinkRequest {
        name: Some("caf\u{e9}"),
        param_headers: &params,
        ..request(r#"{"id":1}"#, "tools/call")
    };
    expect![[r#"
        POST /notes/mcp?key=tst_key {"id":1}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_0
        content-type: application/json
        mcp-method: tools/call
        mcp-name: =?base64?Y2Fmw6k=?=
        mcp-param-region: eu
        mcp-protocol-version: 2026-07-28"#]]
    .assert_eq(&posted(&link, &mut stage, call).await);
    // A session id is nothing here, even if the server sends one.
    let (_, message) = answered(&link, &mut stage, async |asked| {
        let headers = [("content-type", "application/json"), ("mcp-session-id", "session-1")];
        asked.answer(200, &headers, b"{}").await;
    })
    .await;
    message.unwrap();
    let plain = LinkRequest { name: Some("add"), ..request(r#"{"id":1}"#, "tools/call") };
    let plain = posted(&link, &mut stage, plain).await;
    assert!(plain.contains("mcp-name: add\n") && !plain.contains("session"), "{plain}");
}

#[tokio::test]
async fn credentials_do_not_take_part_in_the_protocol() {
    let mut stage = Stage::start().await;
    let extra = [
        ("Accept", "text/plain"),
        ("content-type", "text/plain"),
        ("mcp-session-id", "stolen"),
        ("MCP-Protocol-Version", "1999-01-01"),
        ("mcp-method", "other"),
        ("Mcp-Name", "other"),
        ("mcp-param-region", "us"),
        ("last-event-id", "7"),
        ("x-own", "kept"),
    ];
    let parts = parts_with("notes", &stage.origin(), &extra, Limits::standard());
    let link = Link::http(parts);
    link.speak(Version::V2026_07_28);
    let call = LinkRequest { name: Some("add"), ..request(r#"{"id":1}"#, "tools/call") };
    expect![[r#"
        POST /notes/mcp?key=tst_key {"id":1}
        accept: application/json, text/event-stream
        authorization: Bearer tst_notes_0
        content-type: application/json
        mcp-method: tools/call
        mcp-name: add
        mcp-protocol-version: 2026-07-28
        x-own: kept"#]]
    .assert_eq(&posted(&link, &mut stage, call).await);
}

#[tokio::test]
async fn a_session_id_is_visible_ascii() {
    for (id, ok) in [("a!~9", true), ("a b", false), ("\u{e9}", false), ("", false)] {
        let mut stage = Stage::start().await;
        let link = Link::http(parts(&stage));
        let mut carrier = link.request(request(r#"{"id":0}"#, "initialize")).await.unwrap();
        let (message, ()) = tokio::join!(next(&mut carrier), async {
            let headers = [("content-type", "application/json"), ("mcp-session-id", id)];
            stage.next().await.answer(200, &headers, b"{}").await;
        });
        match message {
            Ok(_) => assert!(ok, "{id}"),
            Err(problem) => {
                assert!(!ok, "{id}");
                expect!["the server's answer cannot be used: its session id is not visible ASCII"]
                    .assert_eq(&problem);
            }
        }
    }
}

#[tokio::test]
async fn a_session_is_ended_at_its_server() {
    let mut stage = Stage::start().await;
    for status in [200, 405, 404, 500] {
        let link = legacy(&mut stage, Version::V2025_11_25).await;
        let ((), told) = tokio::join!(link.close(), async {
            let asked = stage.next().await;
            let told = told(&asked);
            asked.answer(status, &[], b"").await;
            told
        });
        expect![[r#"
            DELETE /notes/mcp?key=tst_key 
            authorization: Bearer tst_notes_1
            mcp-protocol-version: 2025-11-25
            mcp-session-id: session-1"#]]
        .assert_eq(&told);
        // Nothing follows the end.
        link.close().await;
        let again = link.request(request("{}", "tools/call")).await.map(drop);
        assert_eq!(again, Err(LinkError::Failure(Failure::ServerEnded)));
        let deadline = within(PATIENCE);
        let again = link.post(LinkPost { message: "{}", method: None, deadline }).await;
        assert_eq!(again, Err(LinkError::Failure(Failure::ServerEnded)));
        assert!(stage.is_quiet());
    }
    modern(&stage).close().await;
    assert!(stage.is_quiet());
}
