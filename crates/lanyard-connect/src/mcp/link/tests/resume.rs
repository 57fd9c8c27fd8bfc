//! Streams that end before the response.

use expect_test::expect;

use super::*;

const RETRY: &str = "retry: 50\n";

/// A request in a session whose stream gave an event with an id.
async fn begun(stage: &mut Stage) -> (Link, Carrier, Pipe) {
    let link = legacy(stage, Version::V2025_11_25).await;
    let (mut carrier, pipe) = streaming(&link, stage).await;
    pipe.write(format!("{RETRY}id: event-1\ndata: {{\"a\":1}}\n\n").as_bytes()).await;
    assert_eq!(next(&mut carrier).await, Ok(r#"{"a":1}"#.to_owned()));
    (link, carrier, pipe)
}

/// What a request to go on says.
fn place(asked: &Asked) -> String {
    let header = |name| asked.header(name).unwrap_or("none");
    format!(
        "{} after {}, {}, {}, {}",
        asked.method,
        header("last-event-id"),
        header("mcp-session-id"),
        header("mcp-protocol-version"),
        header("accept"),
    )
}

#[tokio::test]
async fn without_an_id_there_is_no_place_to_go_on_from() {
    for broken in [false, true] {
        let mut stage = Stage::start().await;
        let link = legacy(&mut stage, Version::V2025_11_25).await;
        let (mut carrier, pipe) = streaming(&link, &mut stage).await;
        match broken {
            true => pipe.break_off().await,
            false => drop(pipe),
        }
        assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
        assert!(stage.is_quiet());
    }
}

#[tokio::test]
async fn a_stateless_server_is_never_asked_to_go_on() {
    for broken in [false, true] {
        let mut stage = Stage::start().await;
        let link = modern(&stage);
        let (mut carrier, pipe) = streaming(&link, &mut stage).await;
        pipe.write(format!("{RETRY}id: event-1\ndata: {{}}\n\n").as_bytes()).await;
        assert_eq!(next(&mut carrier).await, Ok("{}".to_owned()));
        match broken {
            true => pipe.break_off().await,
            false => drop(pipe),
        }
        assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
        assert!(stage.is_quiet());
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_complete() {
    for broken in [false, true] {
        let mut stage = Stage::start().await;
        let (_link, mut carrier, pipe) = begun(&mut stage).await;
        pipe.write(b"id: event-2\ndata: {\"half\"").await;
        match broken {
            true => pipe.break_off().await,
            false => drop(pipe),
        }
        let (message, pipe) = tokio::join!(next(&mut carrier), async {
            let asked = stage.next().await;
            expect!["GET after event-1, session-1, 2025-11-25, text/event-stream"]
                .assert_eq(&place(&asked));
            assert_eq!(asked.header("authorization"), Some("Bearer tst_notes_2"));
            let pipe = asked.events();
            pipe.write(b"id: event-2\ndata: {\"b\":2}\n\n").await;
            pipe
        });
        assert_eq!(message, Ok(r#"{"b":2}"#.to_owned()));
        // And once more.
        drop(pipe);
        let (message, ()) = tokio::join!(next(&mut carrier), async {
            let asked = stage.next().await;
            assert_eq!(asked.header("last-event-id"), Some("event-2"));
            asked.events().write(b"data: {\"c\":3}\n\n").await;
        });
        assert_eq!(message, Ok(r#"{"c":3}"#.to_owned()));
    }
}

#[tokio::test]
async fn an_event_without_data_tells_its_id() {
    let mut stage = Stage::start().await;
    let link = legacy(&mut stage, Version::V2025_11_25).await;
    let mut carrier = ask(&link).await;
    let (message, ()) = tokio::join!(next(&mut carrier), async {
        let body = format!("id: primed\n{RETRY}data:\n\n");
        stage.next().await.events().write(body.as_bytes()).await;
        let asked = stage.next().await;
        assert_eq!(asked.header("last-event-id"), Some("primed"));
        asked.events().write(b"data: {\"a\":1}\n\n").await;
    });
    assert_eq!(message, Ok(r#"{"a":1}"#.to_owned()));
}

#[tokio::test]
async fn going_on_is_tried_again_while_it_may_work() {
    let mut stage = Stage::start().await;
    let (_link, mut carrier, pipe) = begun(&mut stage).await;
    drop(pipe);
    let (message, ()) = tokio::join!(next(&mut carrier), async {
        stage.next().await.answer(503, &[], b"").await;
        stage.next().await.answer(429, &[], b"").await;
        drop(stage.next().await.events());
        let asked = stage.next().await;
        assert_eq!(asked.header("last-event-id"), Some("event-1"));
        asked.events().write(b"data: {\"b\":2}\n\n").await;
    });
    assert_eq!(message, Ok(r#"{"b":2}"#.to_owned()));
}

#[tokio::test]
async fn going_on_ends_where_it_cannot_work() {
    for (status, expected) in
        [(404, LOST), (400, ENDED), (405, ENDED), (501, ENDED), (302, ENDED), (200, ENDED)]
    {
        let mut stage = Stage::start().await;
        let (_link, mut carrier, pipe) = begun(&mut stage).await;
        drop(pipe);
        let (message, ()) = tokio::join!(next(&mut carrier), async {
            stage.next().await.json(status, "{}").await;
        });
        assert_eq!(message.unwrap_err(), expected, "{status}");
        assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
        assert!(stage.is_quiet());
    }
}

#[tokio::test]
async fn going_on_ends_at_the_deadline() {
    let mut stage = Stage::start().await;
    let link = legacy(&mut stage, Version::V2025_11_25).await;
    let deadline = Some(within(Duration::from_millis(400)));
    let request = LinkRequest { deadline, ..request("{}", "tools/call") };
    let mut carrier = link.request(request).await.unwrap();
    let playing = async {
        loop {
            let body = format!("id: event-1\n{RETRY}data:\n\n");
            stage.next().await.events().write(body.as_bytes()).await;
        }
    };
    tokio::select! {
        message = next(&mut carrier) => {
            assert_eq!(message.unwrap_err(), Failure::TimedOut.to_string());
        }
        () = playing => {}
    }
}

#[tokio::test]
async fn a_carrier_that_is_dropped_does_not_go_on() {
    let mut stage = Stage::start().await;
    let (_link, mut carrier, pipe) = begun(&mut stage).await;
    drop(pipe);
    tokio::select! {
        message = next(&mut carrier) => panic!("{message:?}"),
        asked = stage.next() => {
            drop(carrier);
            asked.abandoned().await;
        }
    }
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_server_that_ends_its_stream_wants_a_pause_and_one_that_breaks_it_does_not() {
    for broken in [false, true] {
        let mut stage = Stage::start().await;
        let (_link, mut carrier, pipe) = begun(&mut stage).await;
        match broken {
            true => pipe.break_off().await,
            false => drop(pipe),
        }
        let going_on = async {
            stage.next().await.events().write(b"data: {\"b\":2}\n\n").await;
        };
        let arrived = timeout(PATIENCE, carrier.next());
        let first = if broken {
            let (first, ()) = tokio::join!(arrived, going_on);
            first.unwrap()
        } else {
            assert_eq!(arrived.await.unwrap(), Ok(Arrival::Pause(Duration::from_millis(50))));
            tokio::join!(carrier.next(), going_on).0
        };
        assert_eq!(first, Ok(Arrival::Message(r#"{"b":2}"#.to_owned())));
    }
}
