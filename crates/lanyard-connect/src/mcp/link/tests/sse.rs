//! HTTP+SSE.

use expect_test::expect;

use super::*;

/// Opens a link whose stream names this endpoint.
async fn opened(stage: &mut Stage, endpoint: &str) -> (Link, Pipe) {
    let parts = parts(stage);
    let (link, pipe) = tokio::join!(Link::sse(parts, within(PATIENCE)), async {
        let asked = stage.next().await;
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str()),
            ("GET", "/notes/mcp?key=tst_key")
        );
        assert_eq!(asked.header("accept"), Some("text/event-stream"));
        assert_eq!(asked.header("authorization"), Some("Bearer tst_notes_0"));
        let pipe = asked.events();
        pipe.write(format!(": hello\n\nevent: endpoint\ndata: {endpoint}\n\n").as_bytes()).await;
        pipe
    });
    (link.unwrap(), pipe)
}

/// What opening comes to when the stream is answered so.
async fn refused<A: AsyncFnOnce(Asked)>(answer: A) -> String {
    let mut stage = Stage::start().await;
    let deadline = within(Duration::from_millis(500));
    let (link, ()) = tokio::join!(Link::sse(parts(&stage), deadline), async {
        answer(stage.next().await).await;
    });
    assert!(stage.is_quiet());
    link.unwrap_err().to_string()
}

#[tokio::test]
async fn a_stream_without_a_usable_endpoint_is_refused() {
    let refused_events =
        async |body: &[u8]| refused(async |asked| asked.events().write(body).await).await;
    expect!["the server's answer cannot be used: its endpoint is at another origin"].assert_eq(
        &refused_events(b"event: endpoint\ndata: https://evil.example.com/messages\n\n").await,
    );
    expect!["the server's answer cannot be used: its endpoint is no URI"]
        .assert_eq(&refused_events(b"event: endpoint\ndata:\n\n").await);
    assert_eq!(refused_events(b"event: endpoint\ndata: /messages").await, ENDED);
    assert_eq!(refused_events(b"data: /messages\n\n").await, ENDED);
}

#[tokio::test]
async fn what_is_no_stream_is_refused() {
    let refused_with = async |status: u16, content: &str| {
        refused(async |asked| asked.answer(status, &[("content-type", content)], b"{}").await).await
    };
    expect!["the server's answer cannot be used: it is no event stream"]
        .assert_eq(&refused_with(200, "application/json").await);
    expect!["the server answered with HTTP status 404"]
        .assert_eq(&refused_with(404, "text/event-stream").await);
    expect!["the server refused the credential with HTTP status 401"]
        .assert_eq(&refused_with(401, "text/plain").await);
    assert_eq!(refused_with(302, "text/plain").await, Failure::Redirected.to_string());
    let late = refused(async |asked| asked.abandoned().await).await;
    assert_eq!(late, Failure::TimedOut.to_string());
    let silent = refused(async |asked| asked.events().abandoned().await).await;
    assert_eq!(silent, Failure::TimedOut.to_string());
}

#[tokio::test]
async fn messages_are_posted_to_the_endpoint_and_answered_on_the_stream() {
    let mut stage = Stage::start().await;
    let (link, pipe) = opened(&mut stage, "/messages?session=1").await;
    let mut inbox = link.listen().unwrap();
    assert!(link.listen().is_none());
    let mut carrier = ask(&link).await;
    let posting = async {
        let asked = stage.next().await;
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/messages?session=1"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        assert_eq!(asked.header("authorization"), Some("Bearer tst_notes_1"));
        assert_eq!(asked.header("mcp-protocol-version"), None);
        assert_eq!(asked.body, r#"{"id":"ours"}"#);
        // Some servers answer the post only after all that comes on the stream.
        pipe.write(b"event: message\ndata: {\"a\":1}\n\n").await;
        asked
    };
    let asked = tokio::select! {
        message = next(&mut carrier) => panic!("{message:?}"),
        asked = posting => asked,
    };
    assert_eq!(hear(&mut inbox).await, Ok(Some(r#"{"a":1}"#.to_owned())));
    asked.answer(202, &[], b"Accepted").await;
    let quiet = timeout(Duration::from_millis(100), carrier.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    carrier.finish();
    link.speak(Version::V2024_11_05);
    let deadline = within(PATIENCE);
    let post = LinkPost { message: "{}", method: Some("notifications/initialized"), deadline };
    let (posted, ()) = tokio::join!(link.post(post), async {
        let asked = stage.next().await;
        assert_eq!(asked.header("mcp-protocol-version"), Some("2024-11-05"));
        asked.answer(202, &[], b"").await;
    });
    posted.unwrap();
}

#[tokio::test]
async fn a_post_that_is_refused_is_an_error() {
    let mut stage = Stage::start().await;
    let (link, _pipe) = opened(&mut stage, "/messages?session=1").await;
    for (status, expected) in [
        (302, "the server answered with a redirect, which is not followed"),
        (400, "the server answered with HTTP status 400"),
        (401, "the server refused the credential with HTTP status 401"),
        (404, LOST),
        (500, "the server answered with HTTP status 500"),
    ] {
        let (_, message) =
            answered(&link, &mut stage, async |asked| asked.answer(status, &[], b"").await).await;
        assert_eq!(message.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_conversation() {
    for broken in [false, true] {
        let mut stage = Stage::start().await;
        let (link, pipe) = opened(&mut stage, "/messages").await;
        let mut inbox = link.listen().unwrap();
        match broken {
            true => pipe.break_off().await,
            false => drop(pipe),
        }
        assert_eq!(hear(&mut inbox).await, Err(ENDED.to_owned()));
        assert_eq!(hear(&mut inbox).await, Ok(None));
        assert!(stage.is_quiet());
    }
}

#[tokio::test]
async fn a_stream_of_something_else_is_an_error() {
    let mut stage = Stage::start().await;
    let (link, pipe) = opened(&mut stage, "/messages").await;
    let mut inbox = link.listen().unwrap();
    pipe.write(b"data: [{}]\n\n").await;
    let heard = hear(&mut inbox).await;
    assert!(heard.unwrap_err().contains("a batch"));
    pipe.abandoned().await;
}

#[tokio::test]
async fn a_closed_link_ends_its_stream_and_sends_nothing() {
    for taken in [false, true] {
        let mut stage = Stage::start().await;
        let (link, pipe) = opened(&mut stage, "/messages").await;
        let inbox = if taken { link.listen() } else { None };
        link.close().await;
        if let Some(mut inbox) = inbox {
            assert_eq!(hear(&mut inbox).await, Ok(None));
        }
        pipe.abandoned().await;
        let again = link.request(request("{}", "tools/call")).await.map(drop);
        assert_eq!(again, Err(LinkError::Failure(Failure::ServerEnded)));
        assert!(link.listen().is_none());
        assert!(stage.is_quiet());
    }
}
