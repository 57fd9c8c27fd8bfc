//! `call` as a whole against a fake gateway: refusals, failures, answers, and what is printed.

use std::io::Cursor;

use clap::{CommandFactory as _, Parser};
use expect_test::{Expect, expect};
use serde_json::json;

use super::{CallArgs, run_call};
use crate::agent::fake::{Answers, Fake, Reply, gateway};
use crate::agent::list::tests::{TOKEN, clock, env, transcript};
use crate::agent::streams::Streams;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: CallArgs,
}

struct Line<'a> {
    answers: Answers,
    path: &'a str,
    token: &'a str,
    stdin: &'a str,
}

const GATEWAY: Line<'_> = Line { answers: gateway, path: "", token: TOKEN, stdin: "" };

impl Line<'_> {
    /// Runs a command and compares its transcript and what the fake was asked.
    async fn check(&self, words: &[&str], expected: Expect) {
        let fake = Fake::start(self.answers).await;
        let args = Cli::parse_from(std::iter::once("call").chain(words.iter().copied())).args;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut streams = Streams {
            stdin: &mut Cursor::new(self.stdin.to_owned()),
            stdout: &mut stdout,
            stderr: &mut stderr,
            stdout_is_terminal: false,
        };
        let env = env(&format!("{}{}", fake.url, self.path), self.token);
        let exit = run_call(&args, &env, &clock(), &mut streams).await;
        let calls = fake.asked();
        let calls = calls.iter().filter_map(|asked| asked.body.pointer("/params/arguments"));
        let calls = calls.map(|arguments| format!("--- sent {arguments}\n")).collect::<String>();
        let text = transcript(&stdout, &stderr, exit.code(false), &fake.url);
        expected.assert_eq(&format!("{text}{calls}"));
    }
}

async fn check(words: &[&str], expected: Expect) {
    GATEWAY.check(words, expected).await;
}

#[tokio::test]
async fn a_refused_token_calls_nothing() {
    let line = Line { token: "tst_wrong_token", ..GATEWAY };
    line.check(&["billing.get_invoice", "number=INV-1"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: the token was refused (HTTP 401): no valid token in `[masked]`
        --- exit 3
    "#]]).await;
    line.check(
        &["billing.get_invoice", "number=INV-1", "--output", "json"],
        expect![[r#"
        --- stdout
        {
          "server": "billing",
          "tool": "get_invoice",
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
}

#[tokio::test]
async fn a_server_that_is_not_granted_is_denied_in_the_gateways_words() {
    check(&["bilings.get_invoice", "number=1"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] bilings.get_invoice: access was refused (HTTP 404): no such server for this token; an operator can grant it. This token may not use 'bilings'. Did you mean billing?
        --- exit 6
    "#]]).await;
    check(
        &["Other.get_invoice", "--raw"],
        expect![[r#"
            --- stdout
            {
              "server": "Other",
              "tool": "get_invoice",
              "error": "Unknown MCP server 'Other'. There is: billing.",
              "issue": {
                "kind": "other",
                "rawMessage": "Unknown MCP server 'Other'. There is: billing."
              }
            }
            --- stderr
            --- exit 1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_tool_that_is_not_granted_does_not_exist() {
    check(
        &["billing.refund", "number=INV-1"],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.refund: Tool refund not found. There is: get_invoice, slow.
        --- exit 1
        --- sent {"number":"INV-1"}
    "#]],
    )
    .await;
    check(
        &["billing.refund", "--args", "{}", "--output", "json"],
        expect![[r#"
        --- stdout
        {
          "server": "billing",
          "tool": "refund",
          "error": "Tool refund not found. There is: get_invoice, slow.",
          "issue": {
            "kind": "other",
            "rawMessage": "Tool refund not found. There is: get_invoice, slow."
          }
        }
        --- stderr
        --- exit 1
        --- sent {}
    "#]],
    )
    .await;
    check(
        &["billing.refund", "INV-1"],
        expect![[r#"
            --- stdout
            --- stderr
            [lanyard] billing.refund: Tool refund not found. There is: get_invoice, slow.
            --- exit 1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn arguments_that_break_the_schema_are_not_sent() {
    check(
        &["billing.get_invoice"],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: `number` is required. Signature: get_invoice(number: string)
        --- exit 1
    "#]],
    )
    .await;
    check(&["billing.get_invoice", "number=1", "size=2", "--output", "json"], expect![[r#"
        --- stdout
        {
          "server": "billing",
          "tool": "get_invoice",
          "error": "`size` is no parameter of this tool. Signature: get_invoice(number: string)",
          "issue": {
            "kind": "usage",
            "rawMessage": "`size` is no parameter of this tool. Signature: get_invoice(number: string)"
          }
        }
        --- stderr
        --- exit 1
    "#]]).await;
    check(
        &["billing.get_invoice", "--args", "[1]"],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: --args takes a JSON object
        --- exit 1
    "#]],
    )
    .await;
    check(
        &["billing.get_invoice", "--args", r#"{"number":"x","number":"y"}"#],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: --args has `number` twice at line 1 column 22
        --- exit 1
    "#]],
    )
    .await;
    check(&["billing.get_invoice", "--args", "{"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: --args is not valid JSON: EOF while parsing an object at line 1 column 1
        --- exit 1
    "#]]).await;
    check(&["billing.get_invoice", "number=@/no/such/file"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: cannot read /no/such/file: No such file or directory (os error 2) (write @@ for a literal @)
        --- exit 1
    "#]]).await;
}

#[tokio::test]
async fn a_line_without_a_tool_gets_help_or_a_reason() {
    check(&["get_invoice(number: x)"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] Unable to parse function-style call.
        Reason: Unsupported argument expression: Identifier.

        Examples:
          lanyard call 'context7.resolve-library-id(query: "React hooks docs", libraryName: "react")'
          lanyard call 'context7.resolve-library-id("React hooks docs", "react")'
          lanyard call context7.resolve-library-id query="React hooks docs" libraryName=react

        Tip: wrap the entire expression in single quotes so the shell preserves parentheses and commas.
        --- exit 1
    "#]]).await;
    check(
        &["number=1"],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] which tool? write `lanyard call SERVER.TOOL name=value`, or --help for more
        --- exit 1
    "#]],
    )
    .await;
}

#[tokio::test]
async fn answers_are_printed_on_stdout_alone() {
    check(
        &["billing.get_invoice", "number=INV-1"],
        expect![[r#"
        --- stdout
        {
          "got": {
            "number": "INV-1"
          }
        }
        --- stderr
        --- exit 0
        --- sent {"number":"INV-1"}
    "#]],
    )
    .await;
    check(
        &["billing.get_invoice", "INV-1", "--output", "text"],
        expect![[r#"
        --- stdout
        {"got":{"number":"INV-1"}}
        --- stderr
        --- exit 0
        --- sent {"number":"INV-1"}
    "#]],
    )
    .await;
    check(
        &["billing.get_invoice", "number=5", "--raw"],
        expect![[r#"
        --- stdout
        {
          "resultType": "complete",
          "content": [
            {
              "type": "text",
              "text": "{\"got\":{\"number\":\"5\"}}"
            }
          ]
        }
        --- stderr
        --- exit 0
        --- sent {"number":"5"}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_tool_alone_means_the_only_server() {
    check(
        &["get_invoice", "number=1"],
        expect![[r#"
        --- stdout
        {
          "got": {
            "number": "1"
          }
        }
        --- stderr
        --- exit 0
        --- sent {"number":"1"}
    "#]],
    )
    .await;
    let line = Line { path: "/servers/billing/mcp", ..GATEWAY };
    line.check(
        &["get_invoice", "number=1"],
        expect![[r#"
        --- stdout
        {
          "got": {
            "number": "1"
          }
        }
        --- stderr
        --- exit 0
        --- sent {"number":"1"}
    "#]],
    )
    .await;
    line.check(
        &["other.get_invoice", "number=1"],
        expect![[r#"
            --- stdout
            --- stderr
            [lanyard] other.get_invoice: Unknown MCP server 'other'. There is: billing.
            --- exit 1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_object_of_arguments_is_sent_as_given_from_wherever_it_comes() {
    let args = r#"{"number":"INV-1","size":1.50}"#;
    check(
        &["billing.get_invoice", "--args", args, "--output", "text"],
        expect![[r#"
        --- stdout
        {"got":{"number":"INV-1","size":1.50}}
        --- stderr
        --- exit 0
        --- sent {"number":"INV-1","size":1.50}
    "#]],
    )
    .await;
    let line = Line { stdin: r#"{"number": 12345678901234567890123}"#, ..GATEWAY };
    line.check(
        &["billing.get_invoice", "--args", "-"],
        expect![[r#"
        --- stdout
        {
          "got": {
            "number": 12345678901234567890123
          }
        }
        --- stderr
        --- exit 0
        --- sent {"number":12345678901234567890123}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn an_error_of_the_tool_is_its_answer() {
    check(
        &["billing.get_invoice", "number=INV-9"],
        expect![[r#"
        --- stdout
        call failed, status: 404
        --- stderr
        --- exit 5
        --- sent {"number":"INV-9"}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_name_that_is_nearly_right_is_corrected_after_the_server_refused_it() {
    check(
        &["billing.get-invoices", "number=INV-1"],
        expect![[r#"
        --- stdout
        {
          "got": {
            "number": "INV-1"
          }
        }
        --- stderr
        [lanyard] Auto-corrected tool call to billing.get_invoice (input: get-invoices).
        --- exit 0
        --- sent {"number":"INV-1"}
        --- sent {"number":"INV-1"}
    "#]],
    )
    .await;
    check(
        &["billing.list_tools"],
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
        [lanyard] billing has no tool list_tools; listing its tools.
        --- exit 0
        --- sent {}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_may_have_happened() {
    check(&["billing.slow", "--timeout", "1000"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] Call to billing.slow timed out after 1000ms. Override LANYARD_CALL_TIMEOUT or pass --timeout to adjust. The call was sent and may have taken effect.
        --- exit 7
        --- sent {}
    "#]]).await;
    let line = Line { answers: |_| None, path: "/mcp", ..GATEWAY };
    line.check(&["s.t", "--timeout", "20", "--output", "json"], expect![[r#"
        --- stdout
        {
          "server": "s",
          "tool": "t",
          "error": "Call to s.t timed out after 20ms. Override LANYARD_CALL_TIMEOUT or pass --timeout to adjust.",
          "issue": {
            "kind": "timeout",
            "rawMessage": "Call to s.t timed out after 20ms. Override LANYARD_CALL_TIMEOUT or pass --timeout to adjust."
          }
        }
        --- stderr
        --- exit 7
    "#]]).await;
}

#[tokio::test]
async fn a_call_whose_connection_breaks_may_have_happened() {
    let line = Line {
        answers: |asked| match asked.method() {
            "tools/call" => Some(Reply::HANG_UP),
            _ => gateway(asked),
        },
        ..GATEWAY
    };
    line.check(&["billing.get_invoice", "number=1"], expect![[r#"
        --- stdout
        --- stderr
        [lanyard] billing.get_invoice: cannot reach URL: connection closed before message completed. The call was sent and may have taken effect.
        --- exit 4
        --- sent {"number":"1"}
    "#]]).await;
}

#[tokio::test]
async fn other_failures_keep_their_kind() {
    let down = Line { answers: |_| Some(Reply::text(502, "bad gateway")), path: "/mcp", ..GATEWAY };
    down.check(
        &["s.t"],
        expect![[r#"
        --- stdout
        --- stderr
        [lanyard] s.t: HTTP 502: bad gateway
        --- exit 8
    "#]],
    )
    .await;
    let odd = Line {
        answers: |asked| match asked.method() {
            "tools/call" => Some(asked.error(200, json!({"code": -32603, "message": "broken"}))),
            _ => gateway(asked),
        },
        ..GATEWAY
    };
    odd.check(
        &["billing.get_invoice", "number=1", "--output", "json"],
        expect![[r#"
        --- stdout
        {
          "server": "billing",
          "tool": "get_invoice",
          "error": "MCP error -32603: broken",
          "issue": {
            "kind": "protocol",
            "rawMessage": "MCP error -32603: broken"
          }
        }
        --- stderr
        --- exit 8
        --- sent {"number":"1"}
    "#]],
    )
    .await;
}

#[tokio::test]
async fn images_are_saved_and_nothing_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("images");
    let answers: Answers = |asked| match asked.method() {
        "tools/call" => Some(asked.result(json!({"content": [
            {"type": "image", "mimeType": "image/png", "data": "AAEC"}]}))),
        _ => gateway(asked),
    };
    for _ in 0..2 {
        let fake = Fake::start(answers).await;
        let words = ["call", "billing.slow", "--save-images", path.to_str().unwrap()];
        let args = Cli::parse_from(words).args;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut streams = Streams {
            stdin: &mut std::io::empty(),
            stdout: &mut stdout,
            stderr: &mut stderr,
            stdout_is_terminal: false,
        };
        let exit = run_call(&args, &env(&fake.url, TOKEN), &clock(), &mut streams).await;
        assert_eq!(exit.code(false), 0);
        assert_eq!(stdout, b"[image image/png, 3 bytes]\n");
        assert!(String::from_utf8(stderr).unwrap().starts_with("[lanyard] Saved image: "));
    }
    let mut names =
        std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect::<Vec<_>>();
    names.sort();
    assert_eq!(names, ["slow-1.png", "slow-2.png"]);
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
    let words =
        ["call", "--args", "{}", "s.t", "a=1", "--output", "json", "--x", "-5", "--", "--raw"];
    let args = Cli::parse_from(words).args;
    assert_eq!(args.args.as_deref(), Some("{}"));
    assert_eq!(args.words, words[3..]);
    assert_eq!(Cli::parse_from(["call", "--x", "1", "s.t"]).args.words, ["--x", "1", "s.t"]);
}
