//! The bridge between a client and a fake gateway.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{BridgeArgs, Pipes, endpoint, run_bridge};
use crate::agent::AgentEnv;
use crate::agent::fake::{Asked, Fake, Reply};
use crate::agent::issue::Exit;

const TOKEN: &str = "tst_token_for_billing";
const PATIENCE: Duration = Duration::from_secs(60);

static NOTICES: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn notice(text: &str) {
    NOTICES.lock().unwrap().push(text.to_owned());
}

/// A bridge as its client sees it.
struct Client {
    said: Option<mpsc::Sender<Vec<u8>>>,
    lines: mpsc::Receiver<Bytes>,
    ended: JoinSet<Exit>,
}

fn env(url: &str) -> AgentEnv {
    AgentEnv::from_pairs([
        ("LANYARD_URL".to_owned(), url.to_owned()),
        ("LANYARD_TOKEN".to_owned(), TOKEN.to_owned()),
    ])
}

const ARGS: BridgeArgs = BridgeArgs { server: None, user: None };

impl Client {
    fn of(url: &str) -> Self {
        let (said, input) = mpsc::channel(16);
        let (output, lines) = mpsc::channel(16);
        let env = env(url);
        let mut ended = JoinSet::new();
        ended.spawn(async move {
            let pipes = Pipes { input, output, stop: CancellationToken::new(), notice };
            run_bridge(&ARGS, &env, pipes).await
        });
        Self { said: Some(said), lines, ended }
    }

    async fn say(&self, text: &str) {
        self.said.as_ref().unwrap().send(format!("{text}\n").into_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.recv()).await.unwrap().expect("a line");
        String::from_utf8(line.to_vec()).unwrap().trim_end().to_owned()
    }

    async fn ask(&mut self, text: &str) -> String {
        self.say(text).await;
        self.hear().await
    }

    /// Closes the input and gives what still comes.
    async fn end(mut self) -> (Exit, Vec<String>) {
        self.said = None;
        let mut rest = Vec::new();
        while let Some(line) = timeout(PATIENCE, self.lines.recv()).await.unwrap() {
            rest.push(String::from_utf8(line.to_vec()).unwrap().trim_end().to_owned());
        }
        (self.ended.join_next().await.unwrap().unwrap(), rest)
    }
}

/// Envelope of the version without sessions.
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn modern(id: u64, method: &str, more: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{META}{more}}}}}"#)
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn legacy(id: u64, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

#[track_caller]
fn logged(fake: &Fake, expected: Expect) {
    expected.assert_eq(&fake.log());
}

#[test]
fn where_messages_go() {
    let to = |server: Option<&str>, url: &str| {
        let args = BridgeArgs { server: server.map(|name| name.parse_name()), user: None };
        endpoint(&args, &env(url)).unwrap().to_string()
    };
    let base = "http://127.0.0.1:7410";
    assert_eq!(to(None, base), "HTTP http://127.0.0.1:7410/mcp");
    assert_eq!(
        to(None, &format!("{base}/servers/a/mcp")),
        "HTTP http://127.0.0.1:7410/servers/a/mcp"
    );
    assert_eq!(to(Some("b"), &format!("{base}/mcp")), "HTTP http://127.0.0.1:7410/servers/b/mcp");
    assert_eq!(to(Some("b"), "unix:/run/agent.sock"), "HTTP unix:/run/agent.sock/servers/b/mcp");
    assert!(endpoint(&ARGS, &env("ftp://x")).is_err());
    let here = AgentEnv::from_pairs([]);
    assert_eq!(endpoint(&ARGS, &here).unwrap().to_string(), "HTTP http://127.0.0.1:7410/mcp");
}

trait ParseName {
    fn parse_name(&self) -> lanyard_core::ServerName;
}

impl ParseName for str {
    fn parse_name(&self) -> lanyard_core::ServerName {
        lanyard_core::ServerName::parse(self).unwrap()
    }
}

#[tokio::test]
async fn nobody_is_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut client = Client::of(&url);
    let said = client.ask(INITIALIZE).await.replace(&url, "URL");
    expect![[r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"Lanyard: cannot reach URL: Connection refused (os error 111); start the gateway with `lanyard up`, or set LANYARD_URL to where it listens"}}"#]]
    .assert_eq(&said);
    assert!(client.ask(&modern(7, "ping", "")).await.contains(r#""id":7"#));
    assert_eq!(client.end().await, (Exit::Success, Vec::new()));
}

#[tokio::test]
async fn a_refusal_says_what_to_do_and_no_token() {
    let fake = Fake::start(|asked| match asked.method() {
        "a" => Some(Reply::text(401, &format!("{TOKEN} is no valid token"))),
        "b" => Some(Reply::text(404, "no such server")),
        "c" => Some(Reply::text(429, "too many calls")),
        "d" => Some(Reply::json(200, json!("no message"))),
        "e" => Some(Reply::stream("data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\n")),
        "f" => Some(Reply::HANG_UP),
        _ => Some(Reply::json(
            400,
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no"}}),
        )),
    })
    .await;
    let mut client = Client::of(&fake.url);
    let mut said = String::new();
    for (id, method) in (1..).zip(["a", "b", "c", "d", "e", "f", "g"]) {
        client.say(&legacy(id, method)).await;
        if method == "e" {
            assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","method":"n"}"#);
        }
        said.push_str(&client.hear().await);
        said.push('\n');
    }
    expect![[r#"
        {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Lanyard: the token was refused (HTTP 401): [masked] is no valid token; set LANYARD_TOKEN to a valid token; `lanyard agent add` and `lanyard agent rotate` print one"}}
        {"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"Lanyard: HTTP 404: no such server; an operator can grant access; `lanyard list` shows what this token may use"}}
        {"jsonrpc":"2.0","id":3,"error":{"code":-32603,"message":"Lanyard: HTTP 429: too many calls"}}
        {"jsonrpc":"2.0","id":4,"error":{"code":-32603,"message":"Lanyard: the answer is not valid MCP: no answer to the request"}}
        {"jsonrpc":"2.0","id":5,"error":{"code":-32603,"message":"Lanyard: the answer is not valid MCP: the stream ended before the answer; what was asked may have been done"}}
        {"jsonrpc":"2.0","id":6,"error":{"code":-32603,"message":"Lanyard: cannot reach URL: connection closed before message completed (what was asked may have been done); start the gateway with `lanyard up`, or set LANYARD_URL to where it listens"}}
        {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"no"}}
    "#]].assert_eq(&said.replace(&fake.url, "URL"));
    client.say(r#"{"jsonrpc":"2.0","method":"b"}"#).await;
    client.end().await;
    assert!(NOTICES.lock().unwrap().iter().any(|notice| notice.contains("no such server")));
}

#[tokio::test]
async fn what_cannot_be_read_is_not_sent() {
    let fake = Fake::start(|asked| Some(asked.result(json!({})))).await;
    let mut client = Client::of(&fake.url);
    for bad in ["x", "{}", r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"a"}"#] {
        assert!(client.ask(bad).await.contains(r#""id":null,"error""#), "{bad}");
    }
    assert_eq!(client.ask(&legacy(1, "a")).await, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    logged(
        &fake,
        expect![[r#"
        POST /mcp a
    "#]],
    );
}

#[tokio::test]
async fn messages_without_session_get_their_headers() {
    let fake = Fake::start(|asked| {
        let region = json!({"name": "zażółć", "inputSchema": {"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "region"}}}});
        Some(match asked.method() {
            "tools/list" => asked.result(json!({"tools": [region]})),
            "tools/call" => Reply::new(
                200,
                "application/json",
                "{ \"id\" : 2,\n \"jsonrpc\":\"2.0\", \"result\":{\"n\":12345678901234567890123, \"x\":1e2} }\n",
            ),
            _ => asked.result(json!({})),
        })
    })
    .await;
    let mut client = Client::of(&fake.url);
    client.ask(&modern(1, "tools/list", "")).await;
    let call = modern(2, "tools/call", r#","name":"zażółć","arguments":{"region":"ü","n":1.50}"#);
    assert_eq!(
        client.ask(&call).await,
        r#"{ "id" : 2,  "jsonrpc":"2.0", "result":{"n":12345678901234567890123, "x":1e2} }"#
    );
    client.ask(&modern(3, "resources/read", r#","uri":"a://b""#)).await;
    logged(
        &fake,
        expect![[r#"
        POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
        POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name==?base64?emHFvMOzxYLEhw==?= mcp-param-region==?base64?w7w=?=
        POST /mcp resources/read mcp-protocol-version=2026-07-28 mcp-method=resources/read mcp-name=a://b
    "#]],
    );
    assert_eq!(fake.asked()[0].headers["authorization"], format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn a_call_whose_headers_are_refused_is_made_again_with_better_ones() {
    let fake = Fake::start(|asked: &Asked| {
        let region = |name: &str| {
            json!({"name": name, "inputSchema": {"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "region"}}}})
        };
        Some(match asked.method() {
            "tools/list" if asked.body["params"].get("cursor").is_some() => {
                asked.result(json!({"tools": [region("b")]}))
            }
            "tools/list" => asked.result(json!({"tools": [region("a")], "nextCursor": "2"})),
            _ if asked.headers.contains_key("mcp-param-region") => asked.result(json!({})),
            _ => {
                asked.error(400, json!({"code": -32020, "message": "Mcp-Param-Region is missing"}))
            }
        })
    })
    .await;
    let mut client = Client::of(&fake.url);
    let call = modern(1, "tools/call", r#","name":"b","arguments":{"region":"eu"}"#);
    assert_eq!(client.ask(&call).await, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    let call = modern(2, "tools/call", r#","name":"c","arguments":{"region":"eu"}"#);
    assert!(client.ask(&call).await.contains("-32020"));
    logged(
        &fake,
        expect![[r#"
        POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=b
        POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
        POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
        POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=b mcp-param-region=eu
        POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=c
        POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
        POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
    "#]],
    );
}

#[tokio::test]
async fn what_is_no_longer_wanted_is_hung_up_on() {
    let fake = Fake::start(|asked| {
        Some(match asked.method() {
            "tools/call" | "subscriptions/listen" => Reply::stream(
                "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n",
            )
            .endless(),
            _ => asked.result(json!({})),
        })
    })
    .await;
    let mut client = Client::of(&fake.url);
    let call = modern(1, "tools/call", r#","name":"a""#);
    assert!(client.ask(&call).await.contains("notifications/progress"));
    client
        .say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#)
        .await;
    fake.until(1, 1).await;
    assert_eq!(client.ask(&modern(2, "a", "")).await, r#"{"jsonrpc":"2.0","id":2,"result":{}}"#);
    // A subscription ends with the input; nothing waits for it.
    let listening = modern(3, "subscriptions/listen", r#","notifications":{}"#);
    assert!(client.ask(&listening).await.contains("notifications/progress"));
    let (exit, rest) = client.end().await;
    assert_eq!((exit, rest), (Exit::Success, Vec::new()));
    fake.until(3, 3).await;
}

#[tokio::test]
async fn the_bridge_ends_though_an_answer_never_comes() {
    let fake = Fake::start(|asked| (asked.method() != "a").then(|| Reply::text(202, ""))).await;
    let client = Client::of(&fake.url);
    client.say(&legacy(1, "a")).await;
    fake.until(1, 0).await;
    assert_eq!(client.end().await, (Exit::Success, Vec::new()));
    let told = &fake.asked()[1].body;
    assert_eq!(
        (&told["method"], &told["params"]["requestId"]),
        (&json!("notifications/cancelled"), &json!(1))
    );
}

/// A server of the versions with sessions. It forgets the session `s1` once it was asked twice in
/// it.
fn forgetful() -> impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static {
    let (greeted, pings) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    move |asked: &Asked| {
        let session = asked.headers.get("mcp-session-id").and_then(|id| id.to_str().ok());
        if asked.line.starts_with("DELETE") {
            return Some(Reply::text(204, ""));
        }
        if session == Some("s1") && pings.load(Ordering::SeqCst) >= 2 {
            return Some(Reply::text(404, "no such session"));
        }
        if asked.line.starts_with("GET") {
            let event = format!(
                "retry: 10\nid: {}-7\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"told/{}\"}}\n\n",
                session?, session?
            );
            let again = asked.headers.contains_key("last-event-id");
            let reply = Reply::stream(if again { ": nothing\n\n" } else { &event });
            return Some(if again { reply.endless() } else { reply });
        }
        Some(match asked.method() {
            "initialize" => {
                let id = if greeted.fetch_add(1, Ordering::SeqCst) == 0 { "s1" } else { "s2" };
                asked.result(json!({"protocolVersion": "2025-11-25"})).with("mcp-session-id", id)
            }
            "ping" => {
                pings.fetch_add(1, Ordering::SeqCst);
                asked.result(json!({"session": session}))
            }
            _ => Reply::text(202, ""),
        })
    }
}

#[tokio::test]
async fn a_session_is_kept_listened_to_and_ended() {
    let fake = Fake::start(forgetful()).await;
    let mut client = Client::of(&fake.url);
    client.say(INITIALIZE).await;
    client.say(INITIALIZED).await;
    assert!(client.hear().await.contains("2025-11-25"));
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","method":"told/s1"}"#);
    // The stream ended; it is opened again where it ended.
    fake.until(4, 3).await;
    assert!(client.ask(&legacy(1, "ping")).await.contains("s1"));
    let (exit, rest) = client.end().await;
    assert_eq!((exit, rest), (Exit::Success, Vec::new()));
    logged(
        &fake,
        expect![[r#"
        POST /mcp initialize
        POST /mcp notifications/initialized mcp-protocol-version=2025-11-25 mcp-session-id=s1
        GET /mcp  mcp-protocol-version=2025-11-25 mcp-session-id=s1
        GET /mcp  mcp-protocol-version=2025-11-25 mcp-session-id=s1 last-event-id=s1-7
        POST /mcp ping mcp-protocol-version=2025-11-25 mcp-session-id=s1
        DELETE /mcp  mcp-protocol-version=2025-11-25 mcp-session-id=s1
    "#]],
    );
}

#[tokio::test]
async fn a_lost_session_is_begun_anew_once_for_all() {
    let fake = Fake::start(forgetful()).await;
    let mut client = Client::of(&fake.url);
    client.ask(INITIALIZE).await;
    for id in [1, 2] {
        assert!(client.ask(&legacy(id, "ping")).await.contains("s1"));
    }
    for id in 3..20 {
        client.say(&legacy(id, "ping")).await;
    }
    for _ in 3..20 {
        assert!(client.hear().await.contains("s2"));
    }
    client.say(INITIALIZED).await;
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","method":"told/s2"}"#);
    client.end().await;
    let greetings = fake.asked().iter().filter(|asked| asked.method() == "initialize").count();
    assert_eq!(greetings, 2);
    assert_eq!(fake.asked().last().unwrap().line, "DELETE /mcp");
}

#[tokio::test]
async fn a_second_greeting_ends_the_first_session() {
    let fake = Fake::start(forgetful()).await;
    let mut client = Client::of(&fake.url);
    client.ask(INITIALIZE).await;
    client.ask(INITIALIZE).await;
    assert!(client.ask(&legacy(1, "ping")).await.contains("s2"));
    client.end().await;
    logged(
        &fake,
        expect![[r#"
        POST /mcp initialize
        DELETE /mcp  mcp-protocol-version=2025-11-25 mcp-session-id=s1
        POST /mcp initialize
        POST /mcp ping mcp-protocol-version=2025-11-25 mcp-session-id=s2
        DELETE /mcp  mcp-protocol-version=2025-11-25 mcp-session-id=s2
    "#]],
    );
}

#[tokio::test]
async fn the_last_answers_are_waited_for() {
    let fake = Fake::start(|asked| Some(asked.result(json!({})))).await;
    let client = Client::of(&fake.url);
    for id in 1..5 {
        client.say(&legacy(id, "a")).await;
    }
    client.said.as_ref().unwrap().send(legacy(5, "a").into_bytes()).await.unwrap();
    let (exit, rest) = client.end().await;
    assert_eq!((exit, rest.len()), (Exit::Success, 5));
}

#[tokio::test]
async fn a_batch_is_one_message() {
    let fake = Fake::start(|asked| {
        Some(match asked.body.as_array().map(Vec::len) {
            Some(1) => Reply::json(400, json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no batches"}})),
            _ => Reply::json(200, json!([{"jsonrpc": "2.0", "id": 1, "result": {}}])),
        })
    })
    .await;
    let mut client = Client::of(&fake.url);
    let batch = format!("[{},{}]", legacy(1, "a"), INITIALIZED);
    assert_eq!(client.ask(&batch).await, r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#);
    assert!(client.ask(&format!("[{INITIALIZED}]")).await.contains("no batches"));
}
