//! `list` as a whole against a fake gateway, and its forms against mcporter's transcripts.

mod failures;

use std::time::Instant;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use expect_test::{Expect, expect};
use lanyard_core::{Clock, Timestamp};
use serde_json::{Value, json};

use super::{ListArgs, run_list};
use crate::agent::env::AgentEnv;
use crate::agent::fake::{Answers, Asked, Fake, Reply, gateway};
use crate::agent::streams::Streams;

pub(in crate::agent) const TOKEN: &str = "tst_token_for_billing";

/// A clock that stands still, so that every duration is 0.
#[derive(Debug)]
pub(in crate::agent) struct Still(pub(in crate::agent) Instant);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> Instant {
        self.0
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: ListArgs,
}

/// What a command printed, in the form of the transcripts.
pub(in crate::agent) fn transcript(stdout: &[u8], stderr: &[u8], code: u8, url: &str) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
    let text = format!("--- stdout\n{stdout}--- stderr\n{stderr}--- exit {code}\n");
    assert!(!text.contains(TOKEN), "the token is never printed: {text}");
    text.replace(url, "URL")
}

pub(in crate::agent) fn clock() -> Still {
    // The only reading; it stands for all of them.
    Still(Instant::now())
}

pub(in crate::agent) fn env(url: &str, token: &str) -> AgentEnv {
    let pairs = [("LANYARD_URL", url), ("LANYARD_TOKEN", token)];
    AgentEnv::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

async fn run(url: &str, token: &str, line: &str) -> (Vec<u8>, Vec<u8>, u8) {
    let words = std::iter::once("list").chain(line.split_whitespace());
    let args = Cli::parse_from(words).args;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        stdin: &mut std::io::empty(),
        stdout: &mut stdout,
        stderr: &mut stderr,
        stdout_is_terminal: false,
    };
    let exit = run_list(&args, &env(url, token), &clock(), &mut streams).await;
    (stdout, stderr, exit.code(false))
}

async fn check_with(answers: Answers, path: &str, token: &str, line: &str, expected: Expect) {
    let fake = Fake::start(answers).await;
    let (stdout, stderr, code) = run(&format!("{}{path}", fake.url), token, line).await;
    expected.assert_eq(&transcript(&stdout, &stderr, code, &fake.url));
}

async fn check(line: &str, expected: Expect) {
    check_with(gateway, "", TOKEN, line, expected).await;
}

/// The reference server's tools that the transcripts show.
fn everything(asked: &Asked) -> Option<Reply> {
    Some(match asked.method() {
        "server/discover" => asked.result(json!({"supportedVersions": ["2026-07-28"], "instructions": "Be\n kind."})),
        "tools/list" => asked.result(json!({"tools": [get_sum(), {
            "name": "get-structured-content",
            "inputSchema": {"type": "object", "required": ["location"], "properties": {
                "location": {"type": "string", "enum": ["New York", "Chicago"], "description": "Choose city"}}},
            "outputSchema": {"type": "object"}}]})),
        _ => return None,
    })
}

fn get_sum() -> Value {
    json!({
        "name": "get-sum", "description": "Returns the sum of two numbers",
        "inputSchema": {"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "number", "description": "First number"},
            "b": {"type": "number", "description": "Second number"}}}
    })
}

#[tokio::test]
async fn every_server_is_listed_on_a_line() {
    check(
        "",
        expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - billing — Invoices (2 tools, 0.0s)
        ✔ Listed 1 server (1 healthy).
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check(
        "--verbose",
        expect![[r#"
        --- stdout
        lanyard 0.1.0 — Listing 1 server(s) (per-server timeout: 30s)
        - billing — Invoices (2 tools, 0.0s) [source: URL (primary)]
        ✔ Listed 1 server (1 healthy).
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check(
        "--quiet",
        expect![[r#"
        --- stdout
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check_with(
        |_| Some(Reply::json(200, json!({"servers": []}))),
        "",
        TOKEN,
        "",
        expect![[r#"
        --- stdout
        No MCP servers configured.
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn scripts_get_the_same_as_json() {
    check(
        "--json",
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
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn one_server_is_shown_with_its_tools() {
    check(
        "billing",
        expect![[r#"
        --- stdout
        billing - Invoices

          /**
           * One invoice by its number
           *
           * @param number Invoice number
           */
          function get_invoice(number: string);

          function slow();

          Examples:
            lanyard call 'billing.get_invoice(number: "value")'

          2 tools · 0ms · HTTP URL/servers/billing/mcp

        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check(
        "billing --brief",
        expect![[r#"
        --- stdout
        billing - Invoices

          function get_invoice(number: string);

          function slow();

          2 tools · 0ms · HTTP URL/servers/billing/mcp

        --- stderr
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn instructions_and_structured_answers_are_shown() {
    check_with(
        everything,
        "/mcp",
        "",
        "everything",
        expect![[r#"
        --- stdout
        everything
          Instructions: Be kind.

          /**
           * Returns the sum of two numbers
           *
           * @param a First number
           * @param b Second number
           */
          function get-sum(a: number, b: number);

          /**
           * @param location Choose city
           */
          function get-structured-content(location: "New York" | "Chicago"): object;

          Examples:
            lanyard call 'everything.get-sum(a: 1, b: 1)'

          2 tools · 0ms · HTTP URL/mcp

        --- stderr
        --- exit 0
    "#]],
    )
    .await;
    check_with(
        everything,
        "/mcp",
        "",
        "everything.get-sum --schema",
        expect![[r#"
        --- stdout
        everything
          Instructions: Be kind.

          /**
           * Returns the sum of two numbers
           *
           * @param a First number
           * @param b Second number
           */
          function get-sum(a: number, b: number);
              {
                "type": "object",
                "required": [
                  "a",
                  "b"
                ],
                "properties": {
                  "a": {
                    "type": "number",
                    "description": "First number"
                  },
                  "b": {
                    "type": "number",
                    "description": "Second number"
                  }
                }
              }

          Examples:
            lanyard call 'everything.get-sum(a: 1, b: 1)'

          1 tool · 0ms · HTTP URL/mcp

        --- stderr
        --- exit 0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn one_tool_as_json_tells_each_option() {
    check_with(
        everything,
        "/mcp",
        "",
        "everything.get-sum --json",
        expect![[r#"
        --- stdout
        {
          "mode": "server",
          "name": "everything",
          "status": "ok",
          "durationMs": 0,
          "transport": "HTTP URL/mcp",
          "source": {
            "kind": "local",
            "path": "URL"
          },
          "instructions": "Be\n kind.",
          "tools": [
            {
              "name": "get-sum",
              "description": "Returns the sum of two numbers",
              "inputSchema": {
                "type": "object",
                "required": [
                  "a",
                  "b"
                ],
                "properties": {
                  "a": {
                    "type": "number",
                    "description": "First number"
                  },
                  "b": {
                    "type": "number",
                    "description": "Second number"
                  }
                }
              },
              "options": [
                {
                  "property": "a",
                  "cliName": "a",
                  "description": "First number",
                  "required": true,
                  "type": "number",
                  "placeholder": "<a:number>",
                  "exampleValue": "1"
                },
                {
                  "property": "b",
                  "cliName": "b",
                  "description": "Second number",
                  "required": true,
                  "type": "number",
                  "placeholder": "<b:number>",
                  "exampleValue": "1"
                }
              ]
            }
          ]
        }
        --- stderr
        --- exit 0
    "#]],
    )
    .await;
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    let refused = Cli::command().try_get_matches_from(["list", "--brief", "--all-parameters"]);
    assert!(refused.is_err());
    let matches = Cli::command().get_matches_from(["list", "--signatures", "x"]);
    assert!(Cli::from_arg_matches(&matches).unwrap().args.brief);
}
