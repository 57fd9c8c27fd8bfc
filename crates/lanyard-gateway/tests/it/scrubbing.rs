//! Attacks by servers that give away what they were given: cut in pieces, encoded, escaped, as what
//! is no text. None of it reaches an agent, and what does is JSON.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use lanyard_gateway::snapshot::Scrub;
use serde_json::{Value, json};

use crate::harness::{Conditions, HeldSetup, McpSetup, World, modern};
use crate::http::Answer;
use crate::mcp::{FAKE, call, call_modern, in_session, session, world};
use crate::mcp_server::{Mcp, Speaks};
use crate::server::KEY;

/// How much of a credential may be known after it was cut over several messages: who sends the first
/// part of it cannot be told from who sends any other text.
const KNOWN_MAX: usize = 7;

const BOTH: [Speaks; 2] = [Speaks::Legacy, Speaks::Modern];

fn result(content: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": "ID", "result": {"resultType": "complete", "content": content}})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn progress(message: &str) -> Value {
    let params = json!({"progressToken": "TOKEN", "progress": 1, "message": message});
    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
}

/// Every text of a result, one after the other.
fn texts(result: &Value) -> String {
    let blocks = result["content"].as_array().unwrap().iter();
    blocks.map(|block| block["text"].as_str().unwrap()).collect()
}

#[track_caller]
fn no_long_part(of: &str, within: &str) {
    for part in of.as_bytes().windows(KNOWN_MAX + 1) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!within.contains(part), "{part} in {within}");
    }
}

/// Calls `script` for clients of both eras, and gives what each is told: the results, and the
/// messages before them.
async fn scripted(world: &World, session: &str) -> [(Vec<Value>, Value); 2] {
    let mut older =
        in_session(world, FAKE, session).json(call(7, "script", json!({}))).open().await;
    older.head().await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "progressToken": "mine",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let params = json!({"name": "script", "arguments": {}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let newer = world.by("alice", "POST", FAKE).header("MCP-Protocol-Version", "2026-07-28");
    let newer = newer.header("Mcp-Method", "tools/call").header("Mcp-Name", "script");
    let mut newer = newer.json(message).open().await;
    newer.head().await;
    let mut told = [(Vec::new(), Value::Null), (Vec::new(), Value::Null)];
    for (stream, told) in [&mut older, &mut newer].into_iter().zip(&mut told) {
        loop {
            let message = stream.message().await;
            if message.get("id").is_some() {
                told.1 = message["result"].clone();
                break;
            }
            told.0.push(message);
        }
    }
    told
}

#[tokio::test]
async fn cut_at_every_byte_of_a_stream() {
    for speaks in BOTH {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let session = session(&world, FAKE).await;
        let said = format!("the key is {KEY}.");
        for cut in 0..=KEY.len() {
            let at = |text: &str| vec![text.find(KEY).unwrap() + cut];
            server.script(&[progress("wait"), result(json!([text(&said)]))], at);
            for (_, result) in scripted(&world, &session).await {
                assert_eq!(texts(&result), "the key is [masked].", "{cut}");
            }
        }
    }
}

#[tokio::test]
async fn cut_at_every_byte_over_blocks() {
    for speaks in BOTH {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let session = session(&world, FAKE).await;
        for cut in 1..KEY.len() {
            let (one, other) = KEY.split_at(cut);
            let blocks = json!([text(&format!("a {one}")), text(&format!("{other} b"))]);
            server.script(&[progress("wait"), result(blocks)], |_| Vec::new());
            for (_, result) in scripted(&world, &session).await {
                assert_eq!(texts(&result), "a [masked][masked] b", "{cut}");
            }
        }
        let letters = KEY.chars().map(|one| text(&one.to_string()));
        server.script(&[progress("wait"), result(letters.collect())], |_| Vec::new());
        for (_, result) in scripted(&world, &session).await {
            assert_eq!(texts(&result), "[masked]".repeat(KEY.len()));
        }
    }
}

#[tokio::test]
async fn cut_at_every_byte_over_messages() {
    for speaks in BOTH {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let session = session(&world, FAKE).await;
        for cut in 1..KEY.len() {
            let (one, other) = KEY.split_at(cut);
            let notes = [progress(&format!("a {one}")), progress(&format!("{other} b"))];
            server.script(&[&notes[..], &[result(json!([text("done")]))]].concat(), |_| Vec::new());
            for (notes, result) in scripted(&world, &session).await {
                let told: String =
                    notes.iter().map(|note| note["params"]["message"].as_str().unwrap()).collect();
                no_long_part(KEY, &told);
                assert!(told.starts_with("a ") && told.ends_with(" b"), "{told}");
                assert_eq!(texts(&result), "done");
            }
        }
        let letters = KEY.chars().map(|one| progress(&one.to_string()));
        let script: Vec<Value> = letters.chain([result(json!([text("done")]))]).collect();
        server.script(&script, |_| Vec::new());
        for (notes, _) in scripted(&world, &session).await {
            let told: String =
                notes.iter().map(|note| note["params"]["message"].as_str().unwrap()).collect();
            no_long_part(KEY, &told);
        }
    }
}

#[tokio::test]
async fn cut_over_messages_that_belong_to_no_request() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let get = world.by("alice", "GET", FAKE).header("Mcp-Session-Id", &session);
    let mut stream = get.open().await;
    assert_eq!(stream.head().await.status, 200);
    // The first call opens the session with the server, and with it the stream of the server.
    in_session(&world, FAKE, &session).json(call(7, "echo", json!({}))).send().await;
    for cut in [1, 7, 8, KEY.len() - 1] {
        let (one, other) = KEY.split_at(cut);
        let mut told = String::new();
        for part in [one, other] {
            let params = json!({"level": "info", "data": part});
            let note =
                json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params});
            server.say(&note).await;
            told.push_str(stream.message().await["params"]["data"].as_str().unwrap());
        }
        no_long_part(KEY, &told);
    }
}

/// The key in forms that a client, or a model, reads without effort, and so that each is looked for
/// in what comes: the form, and what must not be in it.
fn forms() -> Vec<(String, String)> {
    let percent = |upper: bool| -> String {
        let hex = |byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        KEY.bytes().map(hex).collect()
    };
    let unicode: String = KEY.chars().map(|one| format!("\\u{:04x}", u32::from(one))).collect();
    let twice = unicode.replace('\\', "\\\\");
    let wrapped = |before: &str| {
        let encoded = BASE64.encode(format!("{before}{KEY}").as_bytes());
        let (one, other) = encoded.split_at(20);
        format!("{}\n{one}\r\n {other}", "A".repeat(32))
    };
    let mut forms = vec![
        (percent(true), percent(true)),
        (percent(false), percent(false)),
        (percent(true).replace('%', "%25"), percent(true).replace('%', "%25")),
        (unicode.clone(), unicode),
        (twice.clone(), twice),
        (KEY.bytes().map(|byte| format!("&#{byte};")).collect(), "&#98;&#52;".to_owned()),
    ];
    for before in ["", "u", "us", "user:"] {
        let whole = format!("{before}{KEY}");
        // The middle of what is encoded, whatever stands around it.
        let middle = |encoded: String| encoded.get(8..24).unwrap().to_owned();
        let standard = BASE64.encode(whole.as_bytes());
        let url = BASE64URL_NOPAD.encode(whole.as_bytes());
        forms.push((format!("Basic {standard}"), middle(standard)));
        forms.push((url.clone(), middle(url)));
        forms.push((wrapped(before), wrapped(before).get(54..62).unwrap().to_owned()));
    }
    forms
}

#[track_caller]
fn clean(answer: &Answer, part: &str) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    let escaped = json!(part).to_string();
    for hidden in [KEY, part, escaped.trim_matches('"')] {
        assert!(!answer.body.contains(hidden), "{hidden} in {}", answer.body);
    }
    json
}

#[tokio::test]
async fn encoded_and_escaped_in_everything_that_is_answered() {
    for speaks in BOTH {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        for (form, part) in forms() {
            let blob = BASE64.encode(format!("\u{0}\u{1}{form}").as_bytes());
            let resource = json!({"type": "resource", "resource": {"uri": "a://b", "blob": blob}});
            let content = json!([text(&form), resource]);
            let structured = json!({"list": [form], &form: 1.50});
            server.answers(
                "tools/call",
                json!({"result": {"content": content, "structuredContent": structured}}),
            );
            let answer = call_modern(&world, FAKE, "echo", json!({})).await;
            let answer = clean(&answer, &part)["result"].clone();
            let inside = answer["content"][1]["resource"]["blob"].as_str().unwrap();
            let inside =
                String::from_utf8_lossy(&BASE64.decode(inside.as_bytes()).unwrap()).into_owned();
            assert!(inside.starts_with("\u{0}\u{1}"), "{inside}");
            assert!(!inside.contains(&part), "{part} in {inside}");
            assert_eq!(answer["structuredContent"].as_object().unwrap().len(), 2);

            let error = json!({"code": -32000, "message": form, "data": {"k": form}});
            server.answers("tools/call", json!({"error": error}));
            clean(&call_modern(&world, FAKE, "echo", json!({})).await, &part);

            let uri = json!({"uri": "fake://one"});
            let read = json!({"contents": [{"uri": "fake://one", "text": form}, {"uri": "fake://one", "blob": blob}]});
            server.answers("resources/read", json!({"result": read}));
            let request = world.by("alice", "POST", FAKE).header("Mcp-Name", "fake://one");
            let request = modern(request, "resources/read", uri);
            clean(&request.send().await, &part);

            let name = json!({"name": "greet"});
            let got = json!({"messages": [{"role": "user", "content": text(&form)}], "description": form});
            server.answers("prompts/get", json!({"result": got}));
            let request = modern(world.by("alice", "POST", FAKE), "prompts/get", name);
            clean(&request.send().await, &part);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_server_of_the_tenant() {
    const OTHER: &str = "tst_other_5e4d3c2b1a99";
    let server = Mcp::start(Speaks::Legacy).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        let fake = McpSetup::new("fake", &server);
        setup.held.push(HeldSetup::new("carol", &fake, OTHER));
        setup.mcp.push(fake);
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
    })
    .await;
    let content = json!([text(&format!("a {OTHER} b"))]);
    server.answers("tools/call", json!({"result": {"content": content}}));
    let answer = call_modern(&world, FAKE, "echo", json!({})).await;
    assert_eq!(texts(&answer.json()["result"]), "a [masked] b");
    let records = world.settled().await;
    assert_eq!(records.last().unwrap()["masked"], 1, "{records:#?}");
}

#[tokio::test]
async fn what_has_the_form_of_a_credential_where_that_is_switched_on() {
    let word: String = ('a'..='z').chain('0'..='9').cycle().take(40).collect();
    // Made up, and put together here so that no scanner takes them for real.
    let token = format!("gh{}_{word}", 'p');
    let pem = format!("-----BEGIN {0}-----\n{word}{word}\n-----END {0}-----\n", "PRIVATE KEY");
    for (scrub, is_masked) in [(Scrub::Exact, false), (Scrub::Patterns, true)] {
        let server = Mcp::start(Speaks::Modern).await;
        let world = World::with(Conditions::default(), |setup| {
            setup.origins.push(server.origin.clone());
            setup.mcp.push(McpSetup { scrub, ..McpSetup::new("fake", &server) });
            setup.agent("alice").grants.push(("fake", &["*"], &[]));
        })
        .await;
        let escaped = token.replace('_', "\\u005f");
        let content = json!([text(&token), text(&format!("a {escaped} b")), text(&pem)]);
        let structured = json!({"note": {"pem": pem}, &token: [1, token]});
        let result = json!({"content": content, "structuredContent": structured});
        server.answers("tools/call", json!({"result": result}));
        let answer = call_modern(&world, FAKE, "echo", json!({})).await;
        let told = &answer.json()["result"];
        if is_masked {
            assert_eq!(texts(told), "[masked]a [masked] b[masked]\n");
            let clean = json!({"note": {"pem": "[masked]\n"}, "[masked]": [1, "[masked]"]});
            assert_eq!(told["structuredContent"], clean);
        } else {
            assert_eq!(told["structuredContent"], structured);
        }
    }
}

#[tokio::test]
async fn a_number_becomes_a_text() {
    const PIN: &str = "90817263544536271809";
    let server = Mcp::start(Speaks::Legacy).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.key = Some(PIN);
        setup.origins.push(server.origin.clone());
        setup.mcp.push(McpSetup::new("fake", &server));
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
    })
    .await;
    let pin: Value = serde_json::from_str(PIN).unwrap();
    let structured = json!({"pin": pin, "other": 17, "all": [pin, 1.5]});
    server
        .answers("tools/call", json!({"result": {"content": [], "structuredContent": structured}}));
    let answer = call_modern(&world, FAKE, "echo", json!({})).await;
    let expected = json!({"pin": "[masked]", "other": 17, "all": ["[masked]", 1.5]});
    assert_eq!(answer.json()["result"]["structuredContent"], expected, "{}", answer.body);
}

#[tokio::test]
async fn a_megabyte_of_other_text_is_not_touched() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server).await;
    let line =
        "{\"a\":\"b\\n\\u00e9%41&amp;\"} dGhlIHF1aWNrIGJyb3du, 0123456789 \u{e9}\u{1f511}\r\n";
    let long = line.repeat(1_048_576 / line.len() + 1);
    let content = json!([text(&long), text(""), text(&long)]);
    server.answers("tools/call", json!({"result": {"content": content}}));
    let answer = call_modern(&world, FAKE, "echo", json!({})).await;
    assert_eq!(answer.status, 200);
    assert!(texts(&answer.json()["result"]) == [long.as_str(), long.as_str()].concat());
    // The very bytes that the server wrote.
    let written = serde_json::to_string(&content).unwrap();
    assert!(answer.body.contains(&written));
}
