//! What `list` says when there is nothing to list, or nobody to ask.

use expect_test::expect;

use super::{TOKEN, check, check_with, run, transcript};
use crate::agent::fake::{Reply, gateway};

#[tokio::test]
async fn a_refused_token_lists_nothing() {
    check_with(
        gateway,
        "",
        "tst_wrong_token",
        "",
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] the token was refused (HTTP 401): no valid token in `[masked]`
        --- exit 3
    "#]],
    )
    .await;
    check_with(
        gateway,
        "",
        "tst_wrong_token",
        "billing --json",
        expect![[r#"
        --- stdout
        {
          "mode": "list",
          "error": "the token was refused (HTTP 401): no valid token in `[masked]`",
          "issue": {
            "kind": "auth",
            "statusCode": 401,
            "rawMessage": "the token was refused (HTTP 401): no valid token in `[masked]`"
          }
        }
        --- stderr
        --- exit 3
    "#]],
    )
    .await;
    check_with(
        gateway,
        "/servers/billing/mcp",
        "tst_wrong_token",
        "",
        expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - billing (auth required — LANYARD_TOKEN is missing, expired or revoked, 0.0s)
        ✔ Listed 1 server (0 healthy; 1 auth required).
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_granted_is_denied_in_the_gateways_words() {
    check("frobnicator", expect![[r#"
        --- stdout
        frobnicator
          tools unavailable · 0ms · HTTP URL/servers/frobnicator/mcp

        --- stderr
          Tools: <unavailable>
          Reason: access was refused (HTTP 404): no such server for this token; an operator can grant it
        --- exit 6
    "#]]).await;
    check("frobnicator --json", expect![[r#"
        --- stdout
        {
          "mode": "server",
          "name": "frobnicator",
          "status": "denied",
          "durationMs": 0,
          "transport": "HTTP URL/servers/frobnicator/mcp",
          "source": {
            "kind": "local",
            "path": "URL"
          },
          "issue": {
            "kind": "denied",
            "statusCode": 404,
            "rawMessage": "access was refused (HTTP 404): no such server for this token; an operator can grant it"
          },
          "error": "denied"
        }
        --- stderr
        --- exit 6
    "#]]).await;
    check_with(gateway, "/servers/other/mcp", TOKEN, "", expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - other (denied — access was refused (HTTP 404): no such server for this token; an operator can grant it, 0.0s)
        ✔ Listed 1 server (0 healthy; 1 denied).
        --- stderr
        --- exit 0
    "#]]).await;
}

#[tokio::test]
async fn a_tool_that_does_not_exist_is_named() {
    check(
        "billing.get_invoise",
        expect![[r#"
        --- stdout
        billing - Invoices
          tools unavailable · 0ms · HTTP URL/servers/billing/mcp

        --- stderr
          Tools: <unavailable>
          Reason: Tool 'get_invoise' not found on 'billing'. Did you mean get_invoice?
        --- exit 1
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_name_that_is_nearly_right_is_corrected() {
    check(
        "biling --status --json",
        expect![[r#"
        --- stdout
        {
          "mode": "list",
          "counts": {
            "ok": 1,
            "auth": 0,
            "offline": 0,
            "http": 0,
            "error": 0,
            "denied": 0,
            "timeout": 0
          },
          "servers": [
            {
              "name": "billing",
              "status": "ok",
              "durationMs": 0,
              "description": "Invoices",
              "transport": "HTTP URL/servers/billing/mcp",
              "source": {
                "kind": "local",
                "path": "URL"
              },
              "tools": [
                {
                  "name": "get_invoice",
                  "description": "One invoice by its number"
                },
                {
                  "name": "slow"
                }
              ]
            }
          ]
        }
        --- stderr
        [lanyard] Auto-corrected server name to billing (input: biling).
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_says_so() {
    check_with(
        |_| None,
        "/mcp",
        "",
        "slow --timeout 20",
        expect![[r#"
        --- stdout
        slow
          tools unavailable · 0ms · HTTP URL/mcp

        --- stderr
          Tools: <timed out after 20ms>
          Reason: no answer in 0.02s
        --- exit 7
    "#]],
    )
    .await;
    check_with(
        |_| None,
        "/mcp",
        "",
        "--timeout 20 --exit-code",
        expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 0.02s)
        - 127-0-0-1-mcp (timeout — no answer in 0.02s, 0.0s)
        ✔ Listed 1 server (0 healthy; 1 timed out).
        --- stderr
        --- exit 1
    "#]],
    )
    .await;
}

#[tokio::test]
async fn other_failures_keep_their_kind() {
    check_with(
        |_| Some(Reply::text(503, "maintenance")),
        "/mcp",
        "",
        "",
        expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - 127-0-0-1-mcp (HTTP 503 — maintenance, 0.0s)
        ✔ Listed 1 server (0 healthy; 1 http errors).
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check_with(
        |_| Some(Reply::text(503, "maintenance")),
        "/mcp",
        "",
        "s --json",
        expect![[r#"
        --- stdout
        {
          "mode": "server",
          "name": "s",
          "status": "http",
          "durationMs": 0,
          "transport": "HTTP URL/mcp",
          "source": {
            "kind": "local",
            "path": "URL"
          },
          "issue": {
            "kind": "http",
            "statusCode": 503,
            "rawMessage": "HTTP 503: maintenance"
          },
          "error": "http 503"
        }
        --- stderr
        --- exit 8
    "#]],
    )
    .await;
    check_with(
        |_| Some(Reply::text(200, "no JSON")),
        "/mcp",
        "",
        "s",
        expect![[r#"
        --- stdout
        s
          tools unavailable · 0ms · HTTP URL/mcp

        --- stderr
          Tools: <unavailable>
          Reason: the answer is not valid MCP: no JSON-RPC answer to the request
        --- exit 8
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_gateway_that_is_down_is_offline() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let (stdout, stderr, code) = run(&url, TOKEN, "").await;
    expect![[r#"
        --- stdout
        --- stderr
        [lanyard] cannot reach URL: Connection refused (os error 111)
        --- exit 4
    "#]]
    .assert_eq(&transcript(&stdout, &stderr, code, &url));
}

#[tokio::test]
async fn without_anything_configured_there_is_nothing() {
    let (stdout, stderr, code) = run("", "", "").await;
    expect![[r#"
        --- stdout
        No MCP servers configured.
        --- stderr
        --- exit 0
    "#]]
    .assert_eq(&transcript(&stdout, &stderr, code, "URL"));
}
