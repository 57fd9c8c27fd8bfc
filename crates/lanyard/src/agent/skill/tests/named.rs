//! Calls that `--run` names: what a wrong one leaves behind, and what none leaves.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{answer, args, gateway, own, reading, run, text, tools};
use crate::agent::issue::{Exit, IssueKind};

fn token() -> String {
    format!("ghp_{}", "AbCdEfGhIj0123456789".repeat(2))
}

/// A shop whose `create` fails where the name is `taken`.
fn shop() -> Value {
    json!([{"name": "create", "annotations": {}, "inputSchema": {"type": "object", "required": ["name"],
        "properties": {"name": {"type": "string", "minLength": 2}, "note": {"type": "string"}}}}])
}

fn shop_answer(_name: &str, arguments: &Value) -> Value {
    let refuse = |text: &str| json!({"resultType": "complete", "isError": true, "content": [{"type": "text", "text": text}]});
    match (arguments["name"].as_str(), arguments["note"].as_str()) {
        (Some("taken"), note) => refuse(&format!("409 Conflict {}", note.unwrap_or_default())),
        (Some("x"), _) => refuse("the argument name is too short"),
        (Some("guarded"), _) => refuse(
            "the argument \"note\" holds what looks like a credential (New token), and credentials ...",
        ),
        _ => text(arguments),
    }
}

/// The attack: a line of `--run` with a key in it, which the gateway refuses or not.
#[tokio::test]
async fn a_line_with_a_credential_is_never_written() {
    let place = TempDir::new().unwrap();
    let fake = gateway(shop(), || json!({}), shop_answer).await;
    let token = token();
    let hidden = token.replacen('g', "\\u0067", 1);
    for call in [
        format!("create name=fine note={token}"),
        format!("create name=fine --note {token}"),
        format!("create --args '{{\"name\":\"fine\",\"note\":\"{hidden}\"}}'"),
        format!("create note={token}"),
        format!("{token} name=fine"),
        format!("create 'note={token}"),
    ] {
        let named = args(place.path(), |it| it.run = vec![call.clone()]);
        let (exit, stdout, stderr) = run(&fake, &named).await;
        assert_eq!(exit, Exit::Failure(IssueKind::Usage), "{call}");
        assert!(!format!("{stdout}{stderr}").contains("AbCdEf"), "{stderr}");
        assert!(!place.path().join("billing").exists(), "{call}");
    }
    assert!(!fake.log().contains("mcp-name=create"), "{}", fake.log());
    // What a gateway refuses that knows more forms, and what an API says back.
    for (call, kept) in
        [("create name=guarded note=tst_new_form", "tst_new_form"), ("create name=taken", "")]
    {
        let named = args(Path::new("-"), |it| it.run = vec![call.to_owned()]);
        let (exit, stdout, _) = run(&fake, &named).await;
        assert_eq!(exit, Exit::Failure(IssueKind::Tool), "{call}");
        assert!(kept.is_empty() || !stdout.contains(kept), "{stdout}");
    }
}

/// A schema of somebody else's server gives a key as its example, says it, and fails with it.
#[tokio::test]
async fn a_found_line_and_a_text_with_a_credential_are_left_out() {
    let token = token();
    let tools = reading(json!([
        {"name": "get", "description": format!("Use {token}."), "inputSchema": {"type": "object",
            "required": ["note"], "properties": {"note": {"type": "string", "default": token, "examples": [token]}}}},
        {"name": "fails", "inputSchema": {"type": "object"}},
    ]));
    let said = token.clone();
    let answer = move |_: &str, _: &Value| {
        json!({"resultType": "complete", "isError": true,
        "content": [{"type": "text", "text": format!("no such: {said}")}]})
    };
    let fake = gateway(tools, || json!({}), answer).await;
    let (exit, stdout, stderr) = run(&fake, &args(Path::new("-"), |_| {})).await;
    assert_eq!(exit, Exit::Success, "{stderr}");
    assert!(!format!("{stdout}{stderr}").contains("AbCdEf"), "{stdout}{stderr}");
    assert!(stderr.contains("`get`: a line is left out"), "{stderr}");
    assert!(!fake.log().contains("mcp-name=get"), "{}", fake.log());
}

/// What an earlier version, or a person, left in the file does not stay because it once worked.
#[tokio::test]
async fn a_line_of_before_that_holds_a_credential_goes() {
    let place = TempDir::new().unwrap();
    let fake = gateway(shop(), || json!({}), shop_answer).await;
    let good = args(place.path(), |it| it.run = vec!["create name=good note=NOTE".to_owned()]);
    run(&fake, &good).await;
    let file = place.path().join("billing/SKILL.md");
    let written = std::fs::read_to_string(&file).unwrap().replace("NOTE", &token());
    // A digest that fits: the block is as this program wrote it.
    let block = written.split(" -->\n").find(|it| it.contains("name=good")).unwrap();
    let body = block.rsplit_once("<!-- lanyard:end").unwrap().0;
    let digest = crate::agent::skill::blocks::digest_of(body);
    let head = written.lines().find(|it| it.contains("begin tool:create")).unwrap();
    let signed = written.replace(head, &format!("<!-- lanyard:begin tool:create {digest} -->"));
    lanyard_store::write_atomic(&file, signed.as_bytes(), 0o644).unwrap();
    let (_, _, stderr) = run(&fake, &args(place.path(), |_| {})).await;
    assert!(stderr.contains("`create`: a line is left out"), "{stderr}");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("AbCdEf"));
}

#[tokio::test]
async fn a_named_call_that_fails_leaves_the_example_that_worked() {
    let place = TempDir::new().unwrap();
    let fake = gateway(shop(), || json!({}), shop_answer).await;
    let file = place.path().join("billing/SKILL.md");
    let named = |call: &str| args(place.path(), |it| it.run = vec![call.to_owned()]);
    assert_eq!(run(&fake, &named("create name=good")).await.0, Exit::Success);
    let first = std::fs::read_to_string(&file).unwrap();
    let example = "```sh\nlanyard call billing.create name=good\n```";
    assert!(first.contains(example), "{first}");
    // A mistake on the line: nothing is called, nothing is written.
    for (wrong, said) in [
        ("create nmae=bad", "`name` is required"),
        ("create name=good --args -", "standard input"),
        ("create", "`name` is required"),
    ] {
        let (exit, _, stderr) = run(&fake, &named(wrong)).await;
        assert_eq!(exit, Exit::Failure(IssueKind::Usage), "{wrong}");
        assert!(stderr.contains(said) && stderr.contains("--run: `create`"), "{stderr}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first, "{wrong}");
    }
    // A mistake that only the whole schema shows: it was called, and still is no news of the tool.
    let (exit, _, stderr) = run(&fake, &named("create name=x")).await;
    assert_eq!(exit, Exit::Failure(IssueKind::Tool), "{stderr}");
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains(example) && !after.contains("too short"), "{after}");
    // The API's own trouble is told beside it; that the same line fails now, because it did its work
    // before, takes nothing away.
    let (exit, said, stderr) = run(
        &fake,
        &args(place.path(), |it| {
            it.run = vec!["create name=taken".to_owned()];
            it.json = true;
        }),
    )
    .await;
    assert_eq!(exit, Exit::Failure(IssueKind::Tool), "{stderr}");
    assert!(stderr.contains("--run: the call of `create` failed: 409 Conflict"), "{stderr}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["examples"], &said["failed"]), (&json!(1), &json!(["create"])));
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains(example), "{after}");
    assert!(
        after.contains("Another call of it failed when this was written: 409 Conflict"),
        "{after}"
    );
    run(&fake, &args(place.path(), |_| {})).await;
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains(example) && !after.contains("409"), "{after}");
}

/// A line that reads and works no longer is no example any more.
#[tokio::test]
async fn a_reading_line_that_fails_now_goes_and_another_ones_failure_leaves_it() {
    let place = TempDir::new().unwrap();
    let gone = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_gone = gone.clone();
    let said = move |name: &str, arguments: &Value| {
        let known = arguments["invoiceId"] == json!("INV-9")
            && !is_gone.load(std::sync::atomic::Ordering::SeqCst);
        match name {
            "get_invoice" if !known => json!({"resultType": "complete", "isError": true,
                "content": [{"type": "text", "text": "404 Not Found"}]}),
            _ => answer(name, arguments),
        }
    };
    let fake = gateway(tools(), || own(&json!([])), said).await;
    let file = place.path().join("billing/SKILL.md");
    let named = |call: &str| args(place.path(), |it| it.run = vec![call.to_owned()]);
    let example = "```sh\nlanyard call billing.get_invoice invoiceId=INV-9\n```";
    run(&fake, &named("get_invoice invoiceId=INV-9")).await;
    for other in [named("get_invoice invoiceId=INV-0"), args(place.path(), |_| {})] {
        run(&fake, &other).await;
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(written.contains(example), "{written}");
    }
    gone.store(true, std::sync::atomic::Ordering::SeqCst);
    let (exit, _, _) = run(&fake, &named("get_invoice invoiceId=INV-9")).await;
    assert_eq!(exit, Exit::Failure(IssueKind::Tool));
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(!written.contains(example) && written.contains("404 Not Found"), "{written}");
}
