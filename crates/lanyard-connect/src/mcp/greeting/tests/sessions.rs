//! Sessions over HTTP: what is remembered, what is lost, and how a request is cancelled.

use expect_test::expect;

use super::*;

/// A session with a server that answers so, and the server.
async fn open(answers: &[(&str, Answer)]) -> (Sessions, Stage, Lease) {
    let mut stage = Stage::start().await;
    let sessions = sessions();
    let lease = again(&sessions, &mut stage, answers).await;
    (sessions, stage, lease)
}

async fn again(sessions: &Sessions, stage: &mut Stage, answers: &[(&str, Answer)]) -> Lease {
    let opening = opening(&stage.origin(), "http", EraChoice::Auto);
    let (key, log) = (key(), Mutex::default());
    tokio::select! {
        lease = sessions.lease(&key, opening) => lease.unwrap(),
        never = serve(stage, answers, &log) => match never {},
    }
}

/// A legacy session with an id, and its GET stream.
async fn begun() -> (Sessions, Stage, Lease, Pipe) {
    let mut stage = Stage::start().await;
    let sessions = sessions();
    let opening = opening(&stage.origin(), "http", EraChoice::Legacy);
    let key = key();
    let serving = async {
        let asked = stage.next().await;
        let id = id(&asked);
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{LEGACY}}}"#);
        let headers = [("content-type", "application/json"), ("mcp-session-id", "s-1")];
        asked.answer(200, &headers, body.as_bytes()).await;
        let asked = stage.next().await;
        assert_eq!(method(&asked), "notifications/initialized");
        assert_eq!(asked.header("mcp-session-id"), Some("s-1"));
        asked.answer(202, &[], b"").await;
        let asked = stage.next().await;
        assert_eq!(asked.method, "GET");
        asked.events()
    };
    let (lease, stream) = tokio::join!(sessions.lease(&key, opening), serving);
    (sessions, stage, lease.unwrap(), stream)
}

fn call() -> Outgoing<'static> {
    Outgoing {
        method: "tools/call",
        params: Some(r#"{"name":"x","_meta":{"progressToken":"p"}}"#.to_owned()),
        param_headers: vec![],
        deadline: Instant::now().checked_add(PATIENCE),
    }
}

#[tokio::test]
async fn a_request_to_a_stateless_server_goes_as_it_is_and_is_cancelled_by_closing() {
    let (sessions, mut stage, lease) = open(&[("server/discover", Answer::Result(MODERN))]).await;
    let mut exchange = lease.request(call()).await.unwrap();
    let (step, (asked, pipe)) = tokio::join!(exchange.next(), async {
        let asked = stage.next().await;
        let seen = (asked.body.clone(), asked.header("mcp-name").map(str::to_owned));
        let pipe = asked.events();
        pipe.write(b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\"}}\n\n").await;
        (seen, pipe)
    });
    assert!(matches!(step, Ok(Step::Notification(message)) if message.contains(r#""p""#)));
    let (body, name) = asked;
    expect![[r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p"}}}"#]]
        .assert_eq(&body);
    assert_eq!(name.as_deref(), Some("x"));
    drop(exchange);
    pipe.abandoned().await;
    assert!(stage.is_quiet());
    // It holds nothing at the server: ending it says nothing.
    drop(lease);
    sessions.close().await;
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_request_in_a_session_is_cancelled_by_saying_so() {
    let (sessions, mut stage, lease, _stream) = begun().await;
    let mut exchange = lease.request(call()).await.unwrap();
    let (step, _pipe) = tokio::join!(exchange.next(), async {
        let asked = stage.next().await;
        assert!(asked.body.contains(r#""progressToken":2"#), "{}", asked.body);
        let pipe = asked.events();
        pipe.write(b"data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}\n\n").await;
        pipe
    });
    let Ok(Step::Request(request)) = step else { panic!("nothing was asked") };
    let answer = exchange.respond(&request.id, Reply::Result("{}".to_owned()));
    let (answered, ()) = tokio::join!(answer, async {
        let asked = stage.next().await;
        assert_eq!(asked.body, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
        asked.answer(202, &[], b"").await;
    });
    answered.unwrap();
    drop(exchange);
    let asked = stage.next().await;
    expect![[r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#]]
        .assert_eq(&asked.body);
    asked.answer(202, &[], b"").await;
    // One that was never asked for never left.
    drop(lease.request(call()).await.unwrap());
    drop(lease);
    sessions.retire(|_| true);
    let asked = stage.next().await;
    assert_eq!((asked.method.as_str(), asked.header("mcp-session-id")), ("DELETE", Some("s-1")));
}

#[tokio::test]
async fn what_comes_on_the_stream_of_the_session_finds_its_exchange() {
    let (_sessions, mut stage, lease, stream) = begun().await;
    let mut exchange = lease.request(call()).await.unwrap();
    let (step, answering) = tokio::join!(exchange.next(), async {
        let asked = stage.next().await;
        stream.write(b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":2}}\n\n").await;
        asked
    });
    assert!(
        matches!(step, Ok(Step::Notification(message)) if message.contains(r#""progressToken":"p""#))
    );
    stream.write(b"data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\n").await;
    let step = exchange.next().await;
    assert!(matches!(step, Ok(Step::Request(request)) if request.method == "roots/list"));
    let (reply, ()) = tokio::join!(
        exchange.next(),
        answering.json(200, r#"{"jsonrpc":"2.0","id":2,"result":1}"#)
    );
    assert!(matches!(reply, Ok(Step::Done(Reply::Result(result))) if result == "1"));
}

#[tokio::test]
async fn a_lost_session_is_told_apart_and_what_runs_goes_on() {
    let (sessions, mut stage, lease, _stream) = begun().await;
    let mut running = lease.request(call()).await.unwrap();
    let (_, pipe) = tokio::join!(running.next(), async {
        let pipe = stage.next().await.events();
        pipe.write(b"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n").await;
        pipe
    });
    let mut lost = lease.request(call()).await.unwrap();
    let (failure, ()) =
        tokio::join!(lost.next(), async { stage.next().await.answer(404, &[], b"").await });
    assert_eq!(failure.unwrap_err(), Failure::ServerEnded);
    assert!(lost.session_was_lost() && !running.session_was_lost());
    assert!(!lease.is_open() && sessions.existing(&key()).is_none());
    pipe.write(b"data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":1}\n\n").await;
    assert!(matches!(running.next().await, Ok(Step::Done(_))));
    // The next lease begins another session, and the request may go out on that.
    let answers = [("server/discover", UNKNOWN), ("initialize", Answer::Result(LEGACY))];
    let other = again(&sessions, &mut stage, &answers).await;
    assert!(other.is_open());
    drop((running, lost, lease, other));
}

#[tokio::test]
async fn a_verdict_that_proves_wrong_is_forgotten() {
    let (sessions, mut stage, lease) = open(&[("server/discover", Answer::Result(MODERN))]).await;
    let unsupported = r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32022,"message":""}}"#;
    let mut exchange = lease.request(call()).await.unwrap();
    let (reply, ()) =
        tokio::join!(exchange.next(), async { stage.next().await.json(400, unsupported).await });
    assert!(matches!(reply, Ok(Step::Done(Reply::Error(_)))));
    assert!(!lease.is_open());
    drop((exchange, lease));
    let answers = [("server/discover", UNKNOWN), ("initialize", Answer::Result(LEGACY))];
    let lease = again(&sessions, &mut stage, &answers).await;
    assert_eq!(lease.facts().version.as_str(), "2025-06-18");
    drop(lease);
    // And what was found out now is asked first.
    sessions.retire(|_| true);
    let opening = opening(&stage.origin(), "http", EraChoice::Auto);
    expect![[r#"
        initialize, notifications/initialized
        2025-06-18 {"name":"l"} {}
    "#]]
    .assert_eq(&greet(&sessions, &mut stage, opening, &answers).await);
}

#[tokio::test]
async fn a_refused_credential_ends_the_call_and_not_the_session() {
    let (_sessions, mut stage, lease) = open(&[("server/discover", Answer::Result(MODERN))]).await;
    let mut exchange = lease.request(call()).await.unwrap();
    let (failure, ()) =
        tokio::join!(exchange.next(), async { stage.next().await.answer(401, &[], b"").await });
    assert_eq!(failure.unwrap_err(), Failure::CredentialRejected);
    assert!(lease.is_open());
}

#[tokio::test]
async fn a_probe_takes_an_unknown_question_for_an_answer() {
    let (_sessions, mut stage, lease) = open(&[("server/discover", Answer::Result(MODERN))]).await;
    let probe = async |stage: &mut Stage, answer: Answer| {
        let (log, answers) = (Mutex::default(), [("server/discover", answer)]);
        tokio::select! {
            probed = lease.probe(PATIENCE) => probed.map_err(|failure| failure.code()),
            never = serve(stage, &answers, &log) => match never {},
        }
    };
    assert_eq!(probe(&mut stage, Answer::Result(MODERN)).await, Ok(()));
    assert_eq!(probe(&mut stage, UNKNOWN).await, Ok(()));
    assert_eq!(probe(&mut stage, REFUSED).await, Err("answer_unusable"));
    assert_eq!(probe(&mut stage, Answer::Status(503)).await, Err("answer_unusable"));
    assert!(lease.is_open());
}

/// Answers `initialize` and `notifications/initialized`.
async fn greeted(stage: &mut Stage) {
    let asked = stage.next().await;
    let id = id(&asked);
    asked.json(200, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{LEGACY}}}"#)).await;
    stage.next().await.answer(202, &[], b"").await;
}

#[tokio::test]
async fn a_session_begins_when_its_stream_was_answered() {
    for status in [200, 405] {
        let mut stage = Stage::start().await;
        let sessions = sessions();
        let opening = opening(&stage.origin(), "http", EraChoice::Legacy);
        let key = key();
        let mut leasing = std::pin::pin!(sessions.lease(&key, opening));
        let asked = tokio::select! {
            leased = &mut leasing => panic!("{leased:?}"),
            asked = async { greeted(&mut stage).await; stage.next().await } => asked,
        };
        assert_eq!(asked.method, "GET");
        let _stream = match status {
            200 => Some(asked.events()),
            _ => {
                asked.answer(status, &[], b"").await;
                None
            }
        };
        leasing.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_begins_without_its_stream_where_that_is_never_answered() {
    let mut stage = Stage::start().await;
    let sessions = sessions();
    let opening = opening(&stage.origin(), "http", EraChoice::Legacy);
    let key = key();
    let serving = async {
        greeted(&mut stage).await;
        stage.next().await
    };
    let (lease, asked) = tokio::join!(sessions.lease(&key, opening), serving);
    lease.unwrap();
    assert_eq!(asked.method, "GET");
}
