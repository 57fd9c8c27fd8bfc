//! Tests of `classify`.

use expect_test::{Expect, expect};

use super::{Carrier, Classified, classify, classify_batch};
use crate::{DecodeLimits, Incoming, RoutingHeaders, Version, WireError, decode};

const LIMITS: DecodeLimits =
    DecodeLimits { depth_max: 16, batch_messages_max: 4, id_bytes_max: 64 };

/// The envelope of a good modern request.
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// Headers as lines of `name: value`, comma between; `lines` for a transport without headers.
fn with_headers<T>(headers: &str, run: impl FnOnce(Carrier<'_>) -> T) -> T {
    if headers == "lines" {
        return run(Carrier::Lines);
    }
    let pairs = headers.split_terminator(',').map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        let name = match name.trim() {
            "v" => "MCP-Protocol-Version",
            "m" => "Mcp-Method",
            "n" => "Mcp-Name",
            other => other,
        };
        (name, value.as_bytes())
    });
    run(Carrier::Http(&RoutingHeaders::collect(pairs)))
}

fn refused(error: &WireError) -> String {
    let id = error.id.as_ref().map_or("-".to_owned(), ToString::to_string);
    format!("{} {} id {id}: {}", error.code, error.status, error.message)
}

fn outcome(headers: &str, body: &str, session: Option<Version>) -> String {
    let message = match decode(body.as_bytes(), &LIMITS) {
        Ok(Incoming::One(message)) => message,
        Ok(Incoming::Batch(messages)) => {
            return match with_headers(headers, |carrier| {
                classify_batch(carrier, &messages, session)
            }) {
                Ok(version) => format!("batch of {version}"),
                Err(error) => refused(&error),
            };
        }
        Err(error) => panic!("not decoded: {error}"),
    };
    match with_headers(headers, |carrier| classify(carrier, &message, session)) {
        Ok(Classified::Modern(envelope)) => format!(
            "modern {}: {} {} {:?}",
            envelope.version,
            envelope.client_capabilities.map_or("-", |raw| raw.get()),
            envelope.client_info.map_or("-", |raw| raw.get()),
            envelope.log_level,
        ),
        Ok(Classified::Initialize(handshake)) => {
            format!("initialize {} -> {}", handshake.requested, handshake.chosen)
        }
        Ok(Classified::Legacy { version }) => format!("legacy {version}"),
        Err(error) => refused(&error),
    }
}

#[track_caller]
fn check(headers: &str, body: &str, expected: Expect) {
    expected.assert_eq(&outcome(headers, body, None));
}

#[track_caller]
fn check_in(session: Version, headers: &str, body: &str, expected: Expect) {
    expected.assert_eq(&outcome(headers, body, Some(session)));
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}}}}}"#)
}

fn enveloped(version: &str, rest: &str) -> String {
    request(
        "tools/list",
        &format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":{version},"io.modelcontextprotocol/clientCapabilities":{{}}{rest}}}"#
        ),
    )
}

const MODERN: &str = "v:2026-07-28,m:tools/list";

#[test]
fn an_envelope_that_is_malformed_is_a_modern_error() {
    check(
        MODERN,
        &request("tools/list", ""),
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    check(
        MODERN,
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#,
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    check(
        MODERN,
        &request("tools/list", r#""_meta":{}"#),
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    check(
        MODERN,
        &request("tools/list", r#""_meta":["2026-07-28",{}]"#),
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    check(
        MODERN,
        &request("tools/list", r#""_meta":"x""#),
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    check(
        MODERN,
        &request("tools/list", r#""_meta":{"io.modelcontextprotocol/clientCapabilities":{}}"#),
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
    let info = r#","io.modelcontextprotocol/clientInfo":"me""#;
    check(
        MODERN,
        &enveloped(r#""2026-07-28""#, info),
        expect![
            "-32602 400 id 7: Invalid params: `io.modelcontextprotocol/clientInfo` in `params._meta` must be an object"
        ],
    );
    let level = r#","io.modelcontextprotocol/logLevel":"loud""#;
    check(
        MODERN,
        &enveloped(r#""2026-07-28""#, level),
        expect![
            "-32602 400 id 7: Invalid params: `io.modelcontextprotocol/logLevel` in `params._meta` must be a log level"
        ],
    );
}

#[test]
fn a_claim_is_never_taken_for_a_legacy_request() {
    for headers in [MODERN, "", "v:2025-06-18", "lines"] {
        check(
            headers,
            &enveloped("null", ""),
            expect![
                "-32602 400 id 7: Invalid params: `io.modelcontextprotocol/protocolVersion` in `params._meta` must be a string"
            ],
        );
        check(
            headers,
            &enveloped("20260728", ""),
            expect![
                "-32602 400 id 7: Invalid params: `io.modelcontextprotocol/protocolVersion` in `params._meta` must be a string"
            ],
        );
        check(
            headers,
            &request(
                "tools/list",
                r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
            ),
            expect![
                "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/clientCapabilities`"
            ],
        );
    }
}

#[test]
fn a_version_that_we_do_not_speak_is_refused() {
    check(
        "v:v999.0.0,m:tools/list",
        &enveloped(r#""v999.0.0""#, ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "lines",
        &enveloped(r#""v999.0.0""#, ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "lines",
        &enveloped(r#""2025-11-25""#, ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "v:2025-11-25,m:tools/list",
        &enveloped(r#""2025-11-25""#, ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "v:2099-01-01",
        &request("tools/list", ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "v:",
        &request("tools/list", ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check_in(
        Version::V2025_06_18,
        "v:1.0",
        &request("tools/list", ""),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check_in(
        Version::V2025_06_18,
        "v:1.0",
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        expect!["-32022 400 id -: Unsupported protocol version"],
    );
    check(
        "v:1.0",
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        expect!["-32022 400 id 1: Unsupported protocol version"],
    );
}

#[test]
fn headers_that_disagree_with_the_body_are_refused() {
    let list = request("tools/list", META);
    check(
        "v:2026-07-28,m:tools/list",
        &enveloped(r#""v999.0.0""#, ""),
        expect![
            "-32020 400 id 7: Header mismatch: MCP-Protocol-Version differs from the version in `params._meta`"
        ],
    );
    check(
        "v:2025-11-25,m:tools/list",
        &list,
        expect![
            "-32020 400 id 7: Header mismatch: MCP-Protocol-Version differs from the version in `params._meta`"
        ],
    );
    check(
        "m:tools/list",
        &list,
        expect!["-32020 400 id 7: Header mismatch: MCP-Protocol-Version is missing"],
    );
    check(
        "v:2026-07-28",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Method is missing"],
    );
    check(
        "v:2026-07-28,m:prompts/list",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Method differs from the method in the body"],
    );
    check(
        "v:2026-07-28,m:TOOLS/LIST",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Method differs from the method in the body"],
    );
    check(
        "v:2026-07-28,m:=?base64?dG9vbHMvbGlzdA==?=",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Method differs from the method in the body"],
    );
    check(
        "v:2026-07-28,m:tools/list\u{e9}",
        &list,
        expect![
            "-32020 400 id 7: Header mismatch: Mcp-Method has characters that a header cannot have"
        ],
    );
    check(
        "v:2026-07-28,v:2026-07-28,m:tools/list",
        &list,
        expect!["-32020 400 id 7: Header mismatch: MCP-Protocol-Version is there more than once"],
    );
    check(
        "v:2026-07-28,m:tools/list,m:tools/list",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Method is there more than once"],
    );
    check(
        "v:2026-07-28,m:tools/list,n:a,n:a",
        &list,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name is there more than once"],
    );
    check(
        "v:2025-06-18,v:2025-06-18",
        &request("tools/list", ""),
        expect!["-32020 400 id 7: Header mismatch: MCP-Protocol-Version is there more than once"],
    );
}

#[test]
fn a_name_that_disagrees_with_the_body_is_refused() {
    let call = request("tools/call", &format!(r#""name":"get","arguments":{{}},{META}"#));
    let headers = |rest: &str| format!("v:2026-07-28,m:tools/call{rest}");
    check(&headers(""), &call, expect!["-32020 400 id 7: Header mismatch: Mcp-Name is missing"]);
    check(
        &headers(",n:wrong"),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:GET"),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:"),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:get,n:get"),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name is there more than once"],
    );
    check(
        &headers(",n:=?base64?Z2V0"),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:=?base64?Z2V?="),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name is not encoded correctly"],
    );
    check(
        &headers(",n:=?base64?Z2V1?="),
        &call,
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:get"),
        &request("tools/call", META),
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        &headers(",n:get"),
        &request("tools/call", &format!(r#""name":7,{META}"#)),
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        "v:2026-07-28,m:prompts/get,n:x",
        &request("prompts/get", &format!(r#""name":"p",{META}"#)),
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        "v:2026-07-28,m:resources/read,n:p",
        &request("resources/read", &format!(r#""name":"p","uri":"a://b",{META}"#)),
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name differs from the body"],
    );
    check(
        "v:2026-07-28,m:tasks/get",
        &request("tasks/get", &format!(r#""taskId":"t",{META}"#)),
        expect!["-32020 400 id 7: Header mismatch: Mcp-Name is missing"],
    );
}

#[test]
fn modern() {
    check(MODERN, &request("tools/list", META), expect!["modern 2026-07-28: {} - None"]);
    check("lines", &request("tools/list", META), expect!["modern 2026-07-28: {} - None"]);
    check(
        " mcp-protocol-version: \t2026-07-28 ,MCP-METHOD:\ttools/list ",
        &request("tools/list", META),
        expect!["modern 2026-07-28: {} - None"],
    );
    let rest = r#","io.modelcontextprotocol/clientInfo":{"name":"a"},"io.modelcontextprotocol/logLevel":"warning","x":1"#;
    check(
        MODERN,
        &enveloped(r#""2026-07-28""#, rest),
        expect![[r#"modern 2026-07-28: {} {"name":"a"} Some(Warning)"#]],
    );
    check(MODERN, &enveloped(r#""2026\u002d07-28""#, ""), expect!["modern 2026-07-28: {} - None"]);
    let call = request("tools/call", &format!(r#""name":"get","arguments":{{}},{META}"#));
    for name in ["get", "  get\t", "=?base64?Z2V0?="] {
        check(
            &format!("v:2026-07-28,m:tools/call,n:{name}"),
            &call,
            expect!["modern 2026-07-28: {} - None"],
        );
    }
    check(
        "v:2026-07-28,m:tools/call,n:=?base64?Y2Fmw6k=?=",
        &request("tools/call", &format!(r#""name":"caf\u00e9",{META}"#)),
        expect!["modern 2026-07-28: {} - None"],
    );
    check(
        "v:2026-07-28,m:tools/call",
        &request("tools/call", META),
        expect!["modern 2026-07-28: {} - None"],
    );
    check(
        "v:2026-07-28,m:tools/list,n:ignored",
        &request("tools/list", META),
        expect!["modern 2026-07-28: {} - None"],
    );
    // A session is ignored on a modern request.
    check_in(
        Version::V2025_06_18,
        MODERN,
        &request("tools/list", META),
        expect!["modern 2026-07-28: {} - None"],
    );
    // Methods that the version removed are classified all the same; they are not found later.
    check(
        "v:2026-07-28,m:initialize",
        &request("initialize", META),
        expect!["modern 2026-07-28: {} - None"],
    );
    check(
        "v:2026-07-28,m:unknown/x",
        &request("unknown/x", META),
        expect!["modern 2026-07-28: {} - None"],
    );
}

#[test]
fn modern_notifications_need_no_envelope() {
    let bare = r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    check("v:2026-07-28", bare, expect!["-32020 400 id -: Header mismatch: Mcp-Method is missing"]);
    check(
        "v:2026-07-28,m:tools/call",
        bare,
        expect!["-32020 400 id -: Header mismatch: Mcp-Method differs from the method in the body"],
    );
    check("v:2026-07-28,m:notifications/cancelled", bare, expect!["modern 2026-07-28: - - None"]);
    check("lines", bare, expect!["legacy 2025-03-26"]);
    let claimed = format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{{META}}}}}"#);
    check("v:2026-07-28,m:notifications/x", &claimed, expect!["modern 2026-07-28: {} - None"]);
    check(
        "m:notifications/x",
        &claimed,
        expect!["-32020 400 id -: Header mismatch: MCP-Protocol-Version is missing"],
    );
}

#[test]
fn discover_without_an_envelope_is_a_modern_error() {
    let discover = request("server/discover", "");
    for headers in ["", "v:2025-11-25", "v:2026-07-28", "v:2099-01-01", "lines"] {
        check(
            headers,
            &discover,
            expect![
                "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
            ],
        );
    }
    check_in(
        Version::V2025_11_25,
        "v:2025-11-25",
        &discover,
        expect![
            "-32602 400 id 7: Invalid params: `params._meta` lacks `io.modelcontextprotocol/protocolVersion`"
        ],
    );
}

#[test]
fn initialize_begins_a_session() {
    let initialize = |version: &str| {
        request("initialize", &format!(r#""protocolVersion":{version},"capabilities":{{}}"#))
    };
    check(
        "v:2026-07-28,m:initialize",
        &initialize(r#""2026-07-28""#),
        expect![
            "-32020 400 id 7: Header mismatch: `initialize` without an envelope is older than the version in MCP-Protocol-Version"
        ],
    );
    check(
        "v:2099-01-01",
        &initialize(r#""2025-06-18""#),
        expect!["-32022 400 id 7: Unsupported protocol version"],
    );
    check(
        "",
        &request("initialize", ""),
        expect!["-32602 400 id 7: Invalid params: `params.protocolVersion` must be a string"],
    );
    check(
        "",
        &initialize("1"),
        expect!["-32602 400 id 7: Invalid params: `params.protocolVersion` must be a string"],
    );
    check("", &initialize(r#""2026-07-28""#), expect!["initialize 2026-07-28 -> 2025-11-25"]);
    check("", &initialize(r#""2099-01-01""#), expect!["initialize 2099-01-01 -> 2025-11-25"]);
    check("lines", &initialize(r#""2024-11-05""#), expect!["initialize 2024-11-05 -> 2024-11-05"]);
    check(
        "v:2025-06-18",
        &initialize(r#""2025-03-26""#),
        expect!["initialize 2025-03-26 -> 2025-03-26"],
    );
    check_in(
        Version::V2025_06_18,
        "",
        &initialize(r#""2025-11-25""#),
        expect!["initialize 2025-11-25 -> 2025-11-25"],
    );
    check("", r#"{"jsonrpc":"2.0","method":"initialize"}"#, expect!["legacy 2025-03-26"]);
}

#[test]
fn legacy() {
    let list = request("tools/list", "");
    check("", &list, expect!["legacy 2025-03-26"]);
    check("lines", &list, expect!["legacy 2025-03-26"]);
    check("v:2024-11-05", &list, expect!["legacy 2024-11-05"]);
    check("v: 2025-06-18 ", &list, expect!["legacy 2025-06-18"]);
    check_in(Version::V2025_11_25, "", &list, expect!["legacy 2025-11-25"]);
    check_in(Version::V2025_11_25, "v:2025-06-18", &list, expect!["legacy 2025-11-25"]);
    // Headers that an older version does not have mean nothing to it.
    check("v:2025-06-18,m:other,m:another,n:x", &list, expect!["legacy 2025-06-18"]);
    check(
        "",
        &request("tools/list", r#""_meta":{"progressToken":1}"#),
        expect!["legacy 2025-03-26"],
    );
    check("", &request("tools/list", r#""_meta":[1]"#), expect!["legacy 2025-03-26"]);
    check("", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, expect!["legacy 2025-03-26"]);
    check(
        "v:2026-07-28,m:x",
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        expect![
            "-32600 400 id 1: Invalid request: version 2026-07-28 has neither batches nor responses from a client"
        ],
    );
}

#[test]
fn batches_belong_to_one_version() {
    let two = format!("[{},{}]", request("tools/list", ""), request("ping", ""));
    check(
        "v:2025-06-18",
        &two,
        expect![
            "-32600 400 id -: Invalid request: batches exist only in protocol version 2025-03-26"
        ],
    );
    check(
        "v:2026-07-28",
        &two,
        expect![
            "-32600 400 id -: Invalid request: version 2026-07-28 has neither batches nor responses from a client"
        ],
    );
    check("v:2099-01-01", &two, expect!["-32022 400 id -: Unsupported protocol version"]);
    check_in(
        Version::V2025_11_25,
        "",
        &two,
        expect![
            "-32600 400 id -: Invalid request: batches exist only in protocol version 2025-03-26"
        ],
    );
    check(
        "",
        &format!("[{},{}]", request("ping", ""), request("tools/list", META)),
        expect![
            "-32600 400 id -: Invalid request: batches exist only in protocol version 2025-03-26"
        ],
    );
    check(
        "",
        &format!("[{}]", request("initialize", "")),
        expect!["-32600 400 id -: Invalid request: `initialize` cannot be part of a batch"],
    );
    check("", &two, expect!["batch of 2025-03-26"]);
    check("", r#"[1,{"jsonrpc":"2.0","method":"a"}]"#, expect!["batch of 2025-03-26"]);
    check_in(Version::V2025_03_26, "v:2025-03-26", &two, expect!["batch of 2025-03-26"]);
    check_in(Version::V2025_03_26, "lines", &two, expect!["batch of 2025-03-26"]);
}
