//! Too much, too late, and not at all.

use expect_test::expect;

use super::*;

async fn limited(stage: &Stage, message_bytes_max: u64) -> Link {
    let limits = Limits { message_bytes_max, ..Limits::standard() };
    let link = Link::http(parts_with("notes", &stage.origin(), &[], limits));
    link.speak(Version::V2026_07_28);
    link
}

const TOO_LARGE: &str = "the server's answer is larger than the limit";

#[tokio::test]
async fn a_body_of_json_has_a_limit() {
    let mut stage = Stage::start().await;
    let link = limited(&stage, 30).await;
    let (_, message) = answered(&link, &mut stage, async |asked| {
        asked.json(200, &format!("{{\"a\":\"{}\"}}", "x".repeat(22))).await;
    })
    .await;
    assert_eq!(message.unwrap().len(), 30);
    let (_, message) = answered(&link, &mut stage, async |asked| {
        asked.json(200, &format!("{{\"a\":\"{}\"}}", "x".repeat(23))).await;
    })
    .await;
    assert_eq!(message.unwrap_err(), TOO_LARGE);
    stage.connections.until_open(0).await;
}

#[tokio::test]
async fn an_event_has_a_limit_and_their_sum_has_none() {
    let mut stage = Stage::start().await;
    let link = limited(&stage, 100).await;
    let (mut carrier, pipe) = streaming(&link, &mut stage).await;
    let event = format!("data: {{\"a\":\"{}\"}}\n\n", "x".repeat(80));
    for _ in 0..50 {
        pipe.write(event.as_bytes()).await;
        assert_eq!(next(&mut carrier).await.unwrap().len(), 88);
    }
    // A line that does not end, and an event that does not.
    pipe.write("x".repeat(101).as_bytes()).await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), TOO_LARGE);
    pipe.abandoned().await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
    let (mut carrier, pipe) = streaming(&link, &mut stage).await;
    pipe.write("data: 1234567\n".repeat(20).as_bytes()).await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), TOO_LARGE);
    pipe.abandoned().await;
}

#[tokio::test]
async fn a_response_has_a_deadline() {
    let mut stage = Stage::start().await;
    let link = modern(&stage);
    let soon = || {
        let deadline = Some(within(Duration::from_millis(200)));
        LinkRequest { deadline, ..request("{}", "tools/call") }
    };
    let late = Failure::TimedOut.to_string();
    // Without a head.
    let mut carrier = link.request(soon()).await.unwrap();
    let (message, asked) = tokio::join!(next(&mut carrier), stage.next());
    assert_eq!(message.unwrap_err(), late);
    asked.abandoned().await;
    // With a head, and a body of JSON that does not come.
    let mut carrier = link.request(soon()).await.unwrap();
    let (message, pipe) = tokio::join!(next(&mut carrier), async {
        stage.next().await.begin(200, &[("content-type", "application/json")])
    });
    assert_eq!(message.unwrap_err(), late);
    pipe.abandoned().await;
    // With a stream that goes on and has no response.
    let mut carrier = link.request(soon()).await.unwrap();
    let (message, pipe) = tokio::join!(
        async {
            loop {
                if let Err(error) = next(&mut carrier).await {
                    break error;
                }
            }
        },
        async {
            let pipe = stage.next().await.events();
            pipe.write(b"data: {}\n\n").await;
            pipe
        }
    );
    assert_eq!(message, late);
    pipe.abandoned().await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
}

#[tokio::test]
async fn a_subscription_has_no_deadline_and_its_beginning_has() {
    let mut stage = Stage::start().await;
    let limits = Limits { server_connect_ms_max: 200, ..Limits::standard() };
    let link = Link::http(parts_with("notes", &stage.origin(), &[], limits));
    link.speak(Version::V2026_07_28);
    let listen = || LinkRequest { deadline: None, ..request("{}", "subscriptions/listen") };
    let mut carrier = link.request(listen()).await.unwrap();
    let (message, asked) = tokio::join!(next(&mut carrier), stage.next());
    assert_eq!(message.unwrap_err(), Failure::TimedOut.to_string());
    asked.abandoned().await;
    let mut carrier = link.request(listen()).await.unwrap();
    let (message, pipe) = tokio::join!(next(&mut carrier), async {
        let pipe = stage.next().await.events();
        tokio::time::sleep(Duration::from_millis(250)).await;
        pipe.write(b"data: {\"a\":1}\n\n").await;
        pipe
    });
    assert_eq!(message, Ok(r#"{"a":1}"#.to_owned()));
    drop(pipe);
    assert_eq!(next(&mut carrier).await.unwrap_err(), ENDED);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let stage = Stage::start().await;
    let mut parts = parts(&stage);
    // A port that nobody listens on any more.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://127.0.0.1:{}", free.local_addr().unwrap().port());
    parts.origin = Origin::parse(&origin).unwrap();
    drop(free);
    let link = Link::http(parts);
    let mut carrier = ask(&link).await;
    assert_eq!(next(&mut carrier).await.unwrap_err(), Failure::Unreachable.to_string());
    let deadline = within(PATIENCE);
    let posted = link.post(LinkPost { message: "{}", method: None, deadline }).await;
    assert_eq!(posted, Err(LinkError::Failure(Failure::Unreachable)));
}

#[tokio::test]
async fn a_post_is_taken_or_refused() {
    let mut stage = Stage::start().await;
    let link = legacy(&mut stage, Version::V2025_11_25).await;
    let cases: &[(u16, Result<(), LinkError>)] = &[
        (200, Ok(())),
        (202, Ok(())),
        (204, Ok(())),
        (302, Err(LinkError::Failure(Failure::Redirected))),
        (400, Err(LinkError::Status { status: 400 })),
        (401, Err(LinkError::Rejected { status: 401 })),
        (404, Err(LinkError::SessionLost)),
        (503, Err(LinkError::Status { status: 503 })),
    ];
    for (status, expected) in cases {
        let deadline = within(PATIENCE);
        let post = LinkPost { message: "{}", method: None, deadline };
        let (posted, ()) = tokio::join!(link.post(post), async {
            let body: &[u8] = if *status == 204 { b"" } else { b"whatever" };
            stage.next().await.answer(*status, &[], body).await;
        });
        assert_eq!(&posted, expected, "{status}");
    }
    let deadline = within(Duration::from_millis(200));
    let post = LinkPost { message: "{}", method: None, deadline };
    let (posted, asked) = tokio::join!(link.post(post), stage.next());
    assert_eq!(posted, Err(LinkError::Failure(Failure::TimedOut)));
    asked.abandoned().await;
}

#[test]
fn failures_have_the_words_of_the_core() {
    let told = |error: LinkError| Failure::from(error).to_string();
    assert_eq!(told(LinkError::SessionLost), ENDED);
    assert_eq!(told(LinkError::Rejected { status: 403 }), Failure::CredentialRejected.to_string());
    expect!["the server's answer cannot be used: its HTTP status is 500"]
        .assert_eq(&told(LinkError::Status { status: 500 }));
}
