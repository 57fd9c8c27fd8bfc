//! The GET stream of a session.

use super::*;

async fn listening(stage: &mut Stage) -> (Link, Inbox) {
    let link = legacy(stage, Version::V2025_11_25).await;
    let inbox = link.listen().unwrap();
    (link, inbox)
}

#[tokio::test]
async fn a_stateless_server_has_no_stream_of_its_own() {
    let stage = Stage::start().await;
    assert!(modern(&stage).listen().is_none());
}

#[tokio::test]
async fn a_server_may_have_no_stream() {
    for (status, content) in [
        (405, "text/plain"),
        (400, "application/json"),
        (406, "text/plain"),
        (501, "text/plain"),
        (302, "text/plain"),
        (200, "application/json"),
    ] {
        let mut stage = Stage::start().await;
        let (_link, mut inbox) = listening(&mut stage).await;
        let (heard, ()) = tokio::join!(hear(&mut inbox), async {
            stage.next().await.answer(status, &[("content-type", content)], b"{}").await;
        });
        assert_eq!(heard, Ok(None), "{status}");
        assert_eq!(hear(&mut inbox).await, Ok(None));
        assert!(stage.is_quiet());
    }
}

#[tokio::test]
async fn a_lost_session_is_an_error() {
    let mut stage = Stage::start().await;
    let (_link, mut inbox) = listening(&mut stage).await;
    let (heard, ()) =
        tokio::join!(hear(&mut inbox), async { stage.next().await.answer(404, &[], b"").await });
    assert_eq!(heard, Err(LOST.to_owned()));
    assert_eq!(hear(&mut inbox).await, Ok(None));
}

#[tokio::test]
async fn the_stream_is_opened_again_after_its_last_event() {
    let mut stage = Stage::start().await;
    let (_link, mut inbox) = listening(&mut stage).await;
    let (heard, pipe) = tokio::join!(hear(&mut inbox), async {
        let asked = stage.next().await;
        assert_eq!((asked.method.as_str(), asked.body.as_str()), ("GET", ""));
        assert_eq!(asked.header("mcp-session-id"), Some("session-1"));
        assert_eq!(asked.header("mcp-protocol-version"), Some("2025-11-25"));
        assert_eq!(asked.header("last-event-id"), None);
        assert_eq!(asked.header("content-type"), None);
        let pipe = asked.events();
        pipe.write(b"retry: 50\nid: a-1\ndata: {\"a\":1}\n\ndata: {\"b\":2}\n\n").await;
        pipe
    });
    assert_eq!(heard, Ok(Some(r#"{"a":1}"#.to_owned())));
    assert_eq!(hear(&mut inbox).await, Ok(Some(r#"{"b":2}"#.to_owned())));
    drop(pipe);
    // Refusals that pass are no end.
    let (heard, pipe) = tokio::join!(hear(&mut inbox), async {
        stage.next().await.answer(503, &[], b"").await;
        stage.next().await.answer(401, &[], b"").await;
        stage.next().await.events().break_off().await;
        let asked = stage.next().await;
        assert_eq!(asked.header("last-event-id"), Some("a-1"));
        let pipe = asked.events();
        pipe.write(b"data: {\"c\":3}\n\n").await;
        pipe
    });
    assert_eq!(heard, Ok(Some(r#"{"c":3}"#.to_owned())));
    drop(pipe);
}

#[tokio::test]
async fn a_stream_with_something_else_than_messages_is_an_error() {
    let mut stage = Stage::start().await;
    let (_link, mut inbox) = listening(&mut stage).await;
    let (heard, pipe) = tokio::join!(hear(&mut inbox), async {
        let pipe = stage.next().await.events();
        pipe.write(b"data: hello\n\n").await;
        pipe
    });
    assert!(heard.unwrap_err().contains("no message of JSON-RPC"));
    pipe.abandoned().await;
    assert_eq!(hear(&mut inbox).await, Ok(None));
}

#[tokio::test]
async fn the_stream_ends_with_its_link() {
    let mut stage = Stage::start().await;
    let (link, mut inbox) = listening(&mut stage).await;
    let (heard, ()) = tokio::join!(hear(&mut inbox), async {
        let pipe = stage.next().await.events();
        let (stage, pipe) = (&mut stage, &pipe);
        tokio::join!(link.close(), async move {
            pipe.abandoned().await;
            stage.next().await.answer(200, &[], b"").await;
        });
    });
    assert_eq!(heard, Ok(None));
    assert_eq!(hear(&mut inbox).await, Ok(None));
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_closed() {
    let mut stage = Stage::start().await;
    let (_link, mut inbox) = listening(&mut stage).await;
    let pipe = tokio::select! {
        heard = hear(&mut inbox) => panic!("{heard:?}"),
        pipe = async { stage.next().await.events() } => pipe,
    };
    drop(inbox);
    pipe.abandoned().await;
}
