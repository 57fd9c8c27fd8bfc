//! What is asked of a server over HTTP to find out what it speaks, and what its answers mean.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use lanyard_core::{Failure, Limits, ServerName, TenantName};
use lanyard_mcp::Definition;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fixture::{Asked, PATIENCE, Pipe, Stage};
use crate::http::{PrivateAllowance, Roots, Upstream};
use crate::mcp::{
    ClientFacts, Credentials, EraChoice, Lease, Opened, Opening, Outgoing, Reply, SessionKey,
    Sessions, SessionsParts, Step, Target,
};

mod sessions;

const MODERN: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m"}}}"#;
const LEGACY: &str =
    r#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"l"}}"#;

/// How a server answers a method: a status, and a result or an error where there is one.
#[derive(Clone, Copy)]
enum Answer {
    Result(&'static str),
    Error(u16, &'static str),
    Status(u16),
    /// The answer never comes.
    Silence,
}

#[derive(Debug)]
struct Open;

impl Credentials for Open {
    fn request(&self) -> Result<Opened, Failure> {
        Ok(Opened { headers: vec![], target: "/mcp".to_owned() })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        Err(Failure::Bug)
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        (Cow::Borrowed(text), 0)
    }
}

fn sessions() -> Sessions {
    let (limits, tasks) = (Limits::standard(), TaskTracker::new());
    let http = Upstream::new(&limits, Roots::only(Vec::new()), tasks.clone()).unwrap();
    Sessions::new(SessionsParts { http, limits, tasks, shutdown: CancellationToken::new() })
}

fn key() -> SessionKey {
    SessionKey {
        tenant: TenantName::parse("acme").unwrap(),
        server: ServerName::parse("far").unwrap(),
        generation: 1,
        principal: None,
        credential: 0,
        client: [0; 32],
        owner: None,
    }
}

fn opening(origin: &str, kind: &str, era: EraChoice) -> Opening {
    let definition = format!(r#"{{"type":"{kind}","url":"{origin}/mcp"}}"#);
    Opening {
        target: Arc::new(Target {
            tenant: key().tenant,
            server: key().server,
            generation: 1,
            definition: Definition::parse(&definition).unwrap(),
            era,
            spoken: None,
            private: PrivateAllowance::none(),
            connect_max: PATIENCE,
            directory: std::path::PathBuf::new(),
        }),
        credentials: Arc::new(Open),
        client: ClientFacts {
            capabilities: r#"{"roots":{}}"#.to_owned(),
            info: r#"{"name":"test"}"#.to_owned(),
        },
        inbox: None,
    }
}

/// What a message over HTTP asks, or its HTTP method.
fn method(asked: &Asked) -> String {
    let message: serde_json::Value = serde_json::from_str(&asked.body).unwrap_or_default();
    message["method"].as_str().map_or_else(|| asked.method.clone(), str::to_owned)
}

fn id(asked: &Asked) -> String {
    let message: serde_json::Value = serde_json::from_str(&asked.body).unwrap_or_default();
    message["id"].to_string()
}

/// Answers what is asked, by its method, and takes note of it. Streams stay silent and open.
async fn serve(
    stage: &mut Stage,
    answers: &[(&str, Answer)],
    log: &Mutex<Vec<String>>,
) -> Infallible {
    let answers: HashMap<&str, Answer> = answers.iter().copied().collect();
    let mut open: Vec<Pipe> = Vec::new();
    let mut silent: Vec<Asked> = Vec::new();
    loop {
        let asked = stage.next().await;
        let method = method(&asked);
        // The stream of a session is opened whenever it suits.
        if method != "GET" || answers.contains_key("GET") {
            log.lock().unwrap().push(method.clone());
        }
        let id = id(&asked);
        match answers.get(method.as_str()) {
            Some(Answer::Result(result)) => {
                asked
                    .json(200, &format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
                    .await;
            }
            Some(Answer::Error(status, error)) => {
                let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
                asked.json(*status, &body).await;
            }
            Some(Answer::Status(status)) => asked.answer(*status, &[], b"").await,
            Some(Answer::Silence) => silent.push(asked),
            None if method == "GET" => open.push(asked.events()),
            None => asked.answer(202, &[], b"").await,
        }
    }
}

/// What is asked, and what comes of it.
async fn greet(
    sessions: &Sessions,
    stage: &mut Stage,
    opening: Opening,
    answers: &[(&str, Answer)],
) -> String {
    let log = Mutex::default();
    let key = key();
    let leased = tokio::select! {
        leased = sessions.lease(&key, opening) => leased,
        never = serve(stage, answers, &log) => match never {},
    };
    let came = match leased {
        Ok(lease) => {
            let facts = lease.facts();
            format!("{} {} {}", facts.version, facts.info, facts.capabilities)
        }
        Err(failure) => format!("{}: {failure}", failure.code()),
    };
    let log: Vec<String> = log.into_inner().unwrap();
    format!("{}\n{came}\n", log.join(", "))
}

async fn check(era: EraChoice, answers: &[(&str, Answer)], expected: Expect) {
    let mut stage = Stage::start().await;
    let opening = opening(&stage.origin(), "http", era);
    expected.assert_eq(&greet(&sessions(), &mut stage, opening, answers).await);
}

const REFUSED: Answer = Answer::Error(400, r#"{"code":-32600,"message":"no session"}"#);
const UNKNOWN: Answer = Answer::Error(200, r#"{"code":-32601,"message":"unknown"}"#);

#[tokio::test]
async fn an_outage_is_no_verdict() {
    let legacy = ("initialize", Answer::Result(LEGACY));
    for status in [500, 502, 503] {
        check(
            EraChoice::Auto,
            &[("server/discover", Answer::Status(status)), legacy],
            match status {
                500 => expect![[r#"
                    server/discover
                    answer_unusable: the server's answer cannot be used: its HTTP status is 500
                "#]],
                502 => expect![[r#"
                    server/discover
                    answer_unusable: the server's answer cannot be used: its HTTP status is 502
                "#]],
                _ => expect![[r#"
                    server/discover
                    answer_unusable: the server's answer cannot be used: its HTTP status is 503
                "#]],
            },
        )
        .await;
    }
    let mut stage = Stage::start().await;
    let mut late = opening(&stage.origin(), "http", EraChoice::Auto);
    if let Some(target) = Arc::get_mut(&mut late.target) {
        target.connect_max = std::time::Duration::from_millis(100);
    }
    let answers = [("server/discover", Answer::Silence), legacy];
    expect![[r#"
        server/discover
        timed_out: the server did not answer in time; the call may have taken effect
    "#]]
    .assert_eq(&greet(&sessions(), &mut stage, late, &answers).await);
    let nobody = opening("http://127.0.0.1:1", "http", EraChoice::Auto);
    expect![[r#"

        unreachable: the server cannot be reached
    "#]]
    .assert_eq(&greet(&sessions(), &mut stage, nobody, &[]).await);
}

#[tokio::test]
async fn a_refused_credential_is_no_verdict() {
    for status in [401, 403] {
        check(
            EraChoice::Auto,
            &[("server/discover", Answer::Status(status)), ("initialize", Answer::Result(LEGACY))],
            expect![[r#"
                server/discover
                credential_rejected: the server refused the credential; an operator can set another
            "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn a_stateless_server_says_so() {
    check(
        EraChoice::Auto,
        &[("server/discover", Answer::Result(MODERN))],
        expect![[r#"
        server/discover
        2026-07-28 {"name":"m"} {"tools":{}}
    "#]],
    )
    .await;
    let stubborn = Answer::Error(
        400,
        r#"{"code":-32022,"message":"","data":{"supported":["2026-07-28"],"requested":"x"}}"#,
    );
    check(EraChoice::Modern, &[("server/discover", stubborn)], expect![[r#"
        server/discover, server/discover
        answer_unusable: the server's answer cannot be used: it asks for a protocol version and does not speak it
    "#]])
    .await;
    for code in ["-32020", "-32021"] {
        let error: &'static str =
            Box::leak(format!(r#"{{"code":{code},"message":""}}"#).into_boxed_str());
        check(
            EraChoice::Auto,
            &[
                ("server/discover", Answer::Error(400, error)),
                ("initialize", Answer::Result(LEGACY)),
            ],
            expect![[r#"
                server/discover
                answer_unusable: the server's answer cannot be used: it speaks 2026-07-28 and refused the greeting
            "#]],
        )
        .await;
    }
}

#[tokio::test]
async fn what_does_not_know_the_question_is_greeted_in_the_older_way() {
    let other = r#"{"supportedVersions":["2025-11-25"],"capabilities":{}}"#;
    let old = r#"{"code":-32022,"message":"","data":{"supported":["2025-11-25"]}}"#;
    for answer in [
        REFUSED,
        UNKNOWN,
        Answer::Result(other),
        Answer::Error(400, old),
        Answer::Status(400),
        Answer::Status(404),
        Answer::Status(405),
        Answer::Status(422),
        Answer::Status(202),
        Answer::Status(200),
    ] {
        check(
            EraChoice::Auto,
            &[("server/discover", answer), ("initialize", Answer::Result(LEGACY))],
            expect![[r#"
                server/discover, initialize, notifications/initialized
                2025-06-18 {"name":"l"} {}
            "#]],
        )
        .await;
    }
    check(
        EraChoice::Legacy,
        &[("initialize", Answer::Result(LEGACY))],
        expect![[r#"
        initialize, notifications/initialized
        2025-06-18 {"name":"l"} {}
    "#]],
    )
    .await;
    check(
        EraChoice::Modern,
        &[("server/discover", UNKNOWN)],
        expect![[r#"
        server/discover
        answer_unusable: the server's answer cannot be used: it refused `server/discover`
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_server_of_ours_is_told_as_it_answered() {
    let page = Answer::Status(404);
    check(
        EraChoice::Auto,
        &[("server/discover", page), ("initialize", page), ("GET", page)],
        expect![[r#"
            server/discover, initialize, GET
            answer_unusable: the server's answer cannot be used: its HTTP status is 404
        "#]],
    )
    .await;
    // Only these three mean that an older server may be there.
    check(
        EraChoice::Auto,
        &[("server/discover", page), ("initialize", Answer::Status(429))],
        expect![[r#"
            server/discover, initialize
            answer_unusable: the server's answer cannot be used: its HTTP status is 429
        "#]],
    )
    .await;
    check(
        EraChoice::Auto,
        &[("server/discover", page), ("initialize", REFUSED)],
        expect![[r#"
            server/discover, initialize
            answer_unusable: the server's answer cannot be used: it refused `initialize`
        "#]],
    )
    .await;
    // Never the stateless version in answer to `initialize`.
    let wrong = r#"{"protocolVersion":"2026-07-28","capabilities":{}}"#;
    check(
        EraChoice::Auto,
        &[("server/discover", page), ("initialize", Answer::Result(wrong))],
        expect![[r#"
            server/discover, initialize
            answer_unusable: the server's answer cannot be used: it answered `initialize` with a protocol version that has none
        "#]],
    )
    .await;
}

/// Plays a server of HTTP+SSE: refuses what it is asked before its stream, and greets on it.
async fn play_sse(stage: &mut Stage, log: &Mutex<Vec<String>>) -> Pipe {
    let mut stream = None;
    loop {
        let asked = stage.next().await;
        let (method, id) = (method(&asked), id(&asked));
        log.lock().unwrap().push(format!("{method} {}", asked.target));
        match (method.as_str(), &stream) {
            ("GET", _) => {
                let pipe = asked.events();
                pipe.write(b"event: endpoint\ndata: /messages\n\n").await;
                stream = Some(pipe);
            }
            ("initialize", Some(pipe)) => {
                asked.answer(202, &[], b"").await;
                let answer = format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{{}}}}}}\n\n"
                );
                pipe.write(answer.as_bytes()).await;
            }
            ("notifications/initialized", Some(_)) => {
                asked.answer(202, &[], b"").await;
                return stream.unwrap();
            }
            _ => asked.answer(405, &[], b"").await,
        }
    }
}

#[tokio::test]
async fn a_server_of_2024_11_05_is_found_and_remembered() {
    for (kind, era, expected) in [
        (
            "http",
            EraChoice::Auto,
            expect![[r#"
            server/discover /mcp
            initialize /mcp
            GET /mcp
            initialize /messages
            notifications/initialized /messages"#]],
        ),
        (
            "http",
            EraChoice::Legacy,
            expect![[r#"
            initialize /mcp
            GET /mcp
            initialize /messages
            notifications/initialized /messages"#]],
        ),
        (
            "sse",
            EraChoice::Auto,
            expect![[r#"
            GET /mcp
            initialize /messages
            notifications/initialized /messages"#]],
        ),
    ] {
        let mut stage = Stage::start().await;
        let (sessions, key, log) = (sessions(), key(), Mutex::default());
        let opening = || opening(&stage.origin(), kind, era);
        let (first, second) = (opening(), opening());
        let (lease, _stream) =
            tokio::join!(sessions.lease(&key, first), play_sse(&mut stage, &log));
        assert_eq!(lease.unwrap().facts().version.as_str(), "2024-11-05");
        expected.assert_eq(&std::mem::take(&mut *log.lock().unwrap()).join("\n"));

        sessions.retire(|_| true);
        let (lease, _stream) =
            tokio::join!(sessions.lease(&key, second), play_sse(&mut stage, &log));
        drop(lease.unwrap());
        expect![[r#"
            GET /mcp
            initialize /messages
            notifications/initialized /messages"#]]
        .assert_eq(&log.into_inner().unwrap().join("\n"));
    }
}
