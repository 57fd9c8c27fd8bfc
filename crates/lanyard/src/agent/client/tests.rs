//! The client against a fake server: which era is spoken, what each refusal means.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::message::{Call, param_headers};
use super::sse::Events;
use super::{ClientError, Endpoint, Session, exchange_once, fetch_json};
use crate::agent::fake::{Answers, Asked, Fake, Reply};

const TOKEN: &str = "tst_token_of_the_client";

/// Opens a session, lists, calls `get` and closes; compares what happened and what was asked.
async fn check(answers: Answers, expected: Expect) {
    let fake = Fake::start(answers).await;
    let endpoint =
        Endpoint::parse(&format!("{}/mcp", fake.url)).unwrap().with_bearer(TOKEN).unwrap();
    let mut text = match run(endpoint).await {
        Ok(done) => done,
        Err(problem) => format!("{problem}\n{problem:?}\n"),
    };
    text = text.replace(&fake.url, "URL");
    write!(text, "--\n{}", fake.log()).unwrap();
    assert!(!text.contains(TOKEN), "the token is never shown: {text}");
    expected.assert_eq(&text);
}

async fn run(endpoint: Endpoint) -> Result<String, ClientError> {
    let mut session = Session::open(endpoint).await?;
    let tools = session.list_tools().await?;
    let names = tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>().join(" ");
    let arguments = json!({"region": "é"}).as_object().cloned().unwrap();
    let result = session.call_tool("get", &arguments, None).await?;
    session.close().await;
    Ok(format!("tools: {names}\n{result}\n"))
}

fn modern(asked: &Asked) -> Option<Reply> {
    Some(match asked.method() {
        "server/discover" => {
            asked.result(json!({"resultType": "complete", "supportedVersions": ["2026-07-28"]}))
        }
        "tools/list" if asked.body.pointer("/params/cursor").is_none() => {
            asked.result(json!({"tools": [{"name": "get", "inputSchema": {}}], "nextCursor": "2"}))
        }
        "tools/list" => asked.result(json!({"tools": [{"name": "put"}]})),
        "tools/call" => asked.result(json!({"resultType": "complete", "number": 1.50})),
        _ => Reply::text(500, "?"),
    })
}

fn legacy(asked: &Asked) -> Option<Reply> {
    if asked.line.starts_with("DELETE") {
        return Some(Reply::text(204, ""));
    }
    Some(match asked.method() {
        "initialize" => {
            asked.result(json!({"protocolVersion": "2025-06-18"})).with("mcp-session-id", "s1")
        }
        "notifications/initialized" => Reply::text(202, ""),
        "tools/list" => asked.result(json!({"tools": [{"name": "get"}]})),
        "tools/call" => {
            let id = asked.body.get("id")?;
            Reply::stream(&format!(
                ": hello\r\n\r\nevent: message\r\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}}\r\n\r\n\
                 data: {{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{{}}}}\n\n\
                 id: 7\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\ndata: \"result\":{{\"content\":[]}}}}\n\n"
            ))
        }
        _ => Reply::text(400, "Bad Request: no session"),
    })
}

#[tokio::test]
async fn access_and_outage_are_no_verdict_about_the_era() {
    check(
        |asked| {
            let token = asked.headers.get("authorization")?.to_str().ok()?;
            Some(Reply::json(401, json!({"error": format!("unknown: {token}")})))
        },
        expect![[r#"
            the token was refused (HTTP 401): unknown: [masked]
            Unauthorized(Detail("unknown: [masked]"))
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
        "#]],
    )
    .await;
    check(
        |_| Some(Reply::text(403, "ask your\n coordinator\u{1b}[2J")),
        expect![[r#"
            access was refused (HTTP 403): ask your coordinator [2J
            Denied(Detail("ask your coordinator [2J"))
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
        "#]],
    )
    .await;
    check(
        |_| Some(Reply::text(503, "<html>down</html>")),
        expect![[r#"
            HTTP 503
            Status { status: 503, detail: Detail("") }
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
        "#]],
    )
    .await;
    check(
        |_| Some(Reply::text(429, "slow down")),
        expect![[r#"
            HTTP 429: slow down
            Status { status: 429, detail: Detail("slow down") }
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_is_neither_is_named_by_its_last_answer() {
    check(
        |_| Some(Reply::text(404, "nothing here")),
        expect![[r#"
            HTTP 404: nothing here
            Status { status: 404, detail: Detail("nothing here") }
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
            POST /mcp initialize
        "#]],
    )
    .await;
    check(
        |_| Some(Reply::text(200, "hello")),
        expect![[r#"
            the answer is not valid MCP: no JSON-RPC answer to the request
            Protocol("no JSON-RPC answer to the request")
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
            POST /mcp initialize
        "#]],
    )
    .await;
}

#[tokio::test]
async fn the_version_without_sessions_is_spoken_where_it_is_known() {
    check(
        modern,
        expect![[r#"
            tools: get put
            {"resultType":"complete","number":1.5}
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=get
        "#]],
    )
    .await;
}

const LEGACY_TALK: &str = "\
tools: get
{\"content\":[]}
--
POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
POST /mcp initialize
POST /mcp notifications/initialized mcp-protocol-version=2025-06-18 mcp-session-id=s1
POST /mcp tools/list mcp-protocol-version=2025-06-18 mcp-session-id=s1
POST /mcp tools/call mcp-protocol-version=2025-06-18 mcp-session-id=s1
DELETE /mcp  mcp-protocol-version=2025-06-18 mcp-session-id=s1
";

#[tokio::test]
async fn an_older_server_gets_a_session_whatever_its_refusal_looks_like() {
    let refusals: [Answers; 5] = [
        legacy,
        |asked| match asked.method() {
            "server/discover" => {
                Some(asked.error(200, json!({"code": -32601, "message": "Method not found"})))
            }
            _ => legacy(asked),
        },
        |asked| {
            match asked.method() {
            "server/discover" => Some(asked.error(
                400,
                json!({"code": -32022, "message": "version", "data": {"supported": ["2025-11-25"]}}),
            )),
            _ => legacy(asked),
        }
        },
        |asked| match asked.method() {
            "server/discover" => Some(asked.result(json!({"supportedVersions": ["2025-11-25"]}))),
            _ => legacy(asked),
        },
        |asked| match asked.method() {
            "server/discover" => Some(Reply::text(202, "")),
            _ => legacy(asked),
        },
    ];
    for answers in refusals {
        let fake = Fake::start(answers).await;
        let endpoint = Endpoint::parse(&format!("{}/mcp", fake.url)).unwrap();
        let done = run(endpoint).await.unwrap();
        assert_eq!(format!("{done}--\n{}", fake.log()), LEGACY_TALK);
    }
}

#[tokio::test]
async fn a_refused_header_is_written_again_by_the_schema() {
    check(
        |asked| match asked.method() {
            "tools/list" => Some(asked.result(json!({"tools": [{"name": "get", "inputSchema": {
                "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}}]}))),
            "tools/call" if !asked.headers.contains_key("mcp-param-region") => {
                Some(asked.error(400, json!({"code": -32020, "message": "header mismatch"})))
            }
            _ => modern(asked),
        },
        expect![[r#"
            tools: get
            {"resultType":"complete","number":1.5}
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=get
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=get mcp-param-region==?base64?w6k=?=
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_question_back_is_not_taken_for_a_result() {
    check(
        |asked| match asked.method() {
            "tools/call" => Some(asked.result(json!({"resultType": "input_required"}))),
            _ => modern(asked),
        },
        expect![[r#"
            the answer is not valid MCP: the server answers with `input_required`, which this command cannot continue
            Protocol("the server answers with `input_required`, which this command cannot continue")
            --
            POST /mcp server/discover mcp-protocol-version=2026-07-28 mcp-method=server/discover
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
            POST /mcp tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=get
        "#]],
    )
    .await;
}

#[tokio::test]
async fn every_modern_request_carries_the_envelope() {
    let fake = Fake::start(modern).await;
    run(Endpoint::parse(&fake.url).unwrap()).await.unwrap();
    for asked in fake.asked() {
        let meta = asked.body.pointer("/params/_meta").unwrap();
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}));
        assert!(asked.is_modern());
        assert_eq!(asked.headers["accept"], "application/json, text/event-stream");
    }
}

#[tokio::test]
async fn a_unix_socket_is_spoken_to_in_the_same_way() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_unix(&directory.path().join("agent.sock"), modern);
    let endpoint = Endpoint::parse(&fake.url).unwrap();
    assert!(endpoint.is_base());
    run(endpoint.with_path("/servers/x/mcp")).await.unwrap();
    assert!(fake.log().starts_with("POST /servers/x/mcp server/discover"));
    assert_eq!(fake.asked()[0].headers["host"], "localhost");
}

#[tokio::test]
async fn what_is_not_mcp_is_fetched_with_the_same_care() {
    let fake = Fake::start(|asked| match asked.line.as_str() {
        "GET /list" => Some(Reply::json(200, json!({"servers": []}))),
        "PUT /thing" => Some(Reply::text(409, "exists")),
        _ => Some(Reply::text(404, "no such path")),
    })
    .await;
    let endpoint = Endpoint::parse(&fake.url).unwrap();
    let missing = fetch_json(endpoint.with_path("/other")).await.unwrap_err();
    assert_eq!(missing.to_string(), "HTTP 404: no such path");
    let fetched = fetch_json(endpoint.with_path("/list")).await.unwrap();
    assert_eq!(fetched, json!({"servers": []}));
    let put = exchange_once(endpoint.with_path("/thing"), Method::PUT, b"{}".to_vec()).await;
    assert_eq!(put.unwrap(), (StatusCode::CONFLICT, b"exists".to_vec()));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_offline() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = Session::open(Endpoint::parse(&format!("http://{free}/mcp")).unwrap()).await;
    assert!(matches!(outcome, Err(ClientError::Offline { .. })), "{outcome:?}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused() {
    for url in ["", "ftp://host/", "unix:relative.sock", "http://user:password@host/", "http:///x"]
    {
        assert!(matches!(Endpoint::parse(url), Err(ClientError::Unsendable(_))), "{url}");
    }
    let endpoint = Endpoint::parse("https://host/mcp").unwrap();
    for token in ["line\nbreak", "nul\0"] {
        assert!(endpoint.clone().with_bearer(token).is_err(), "{token:?}");
    }
}

#[test]
fn an_endpoint_shows_no_credential() {
    let endpoint = Endpoint::parse("https://Host:443/mcp?apiKey=tst_in_query#x").unwrap();
    let endpoint = endpoint.with_bearer(TOKEN).unwrap().with_header("X-Key", "tst_header").unwrap();
    expect![[r#"HTTP https://host/mcp?**** Endpoint(HTTP https://host/mcp?****, headers ["authorization", "x-key"])"#]]
        .assert_eq(&format!("{endpoint} {endpoint:?}"));
}

#[test]
fn a_stream_is_read_however_it_is_cut() {
    let text =
        "\u{feff}data: a\r\ndata:b\r\n\r\nevent: x\n: note\ndata: c\n\ndata\n\nid: 1\n\ndata: cut";
    let whole = Events::default().push(text.as_bytes());
    let mut events = Events::default();
    let by_byte = text.bytes().flat_map(|byte| events.push(&[byte])).collect::<Vec<_>>();
    assert_eq!(whole, ["a\nb", "c", ""]);
    assert_eq!(by_byte, whole);
}

#[test]
fn what_a_header_cannot_carry_is_encoded() {
    for (name, expected) in [
        ("get_invoice", "get_invoice"),
        ("größe", "=?base64?Z3LDtsOfZQ==?="),
        (" edge", "=?base64?IGVkZ2U=?="),
        ("line\nbreak", "=?base64?bGluZQpicmVhaw==?="),
        ("=?base64?eA==?=", "=?base64?PT9iYXNlNjQ/ZUE9PT89?="),
    ] {
        let call = Call { name: Some(name.to_owned()), ..Call::new("tools/call") };
        let headers = call.modern_headers().unwrap();
        let sent = headers.iter().find(|(name, _)| name == "mcp-name").unwrap();
        assert_eq!(sent.1.to_str().unwrap(), expected, "{name}");
    }
}

#[test]
fn annotated_arguments_become_headers_also_inside_objects() {
    let schema = json!({"properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "limit": {"type": "integer", "x-mcp-header": "Limit"},
        "absent": {"type": "string", "x-mcp-header": "Absent"},
        "nothing": {"type": "string", "x-mcp-header": "Nothing"},
        "inner": {"type": "object", "properties": {"dry": {"type": "boolean", "x-mcp-header": "Dry"}}},
    }});
    let arguments = json!({"region": "eu", "limit": 5, "nothing": null, "inner": {"dry": true}});
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap();
    let headers = param_headers(&schema, &arguments);
    let pairs = headers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
    assert_eq!(pairs, ["Region=eu", "Limit=5", "Dry=true"]);
}
