//! What is refused where it would be kept in the clear, and what is not.

use std::sync::mpsc;
use std::task;

use http::Method;
use lanyard_core::credential::samples_for_test;
use serde_json::{Value, json};

use super::*;
use crate::fixture::World;

fn sample() -> (&'static str, String) {
    samples_for_test().swap_remove(0)
}

/// A definition with a text in one of its places.
fn yaml(at: &str, text: &str) -> String {
    const PLAIN: &str = "server:
  name: billing
  description: DESCRIPTION
  config:
    key: CONFIG
tools:
- name: get_invoice
  description: One invoice
  args:
  - name: number
    description: ARGUMENT
    type: string
    default: DEFAULT
    position: query
  requestTemplate:
    url: https://billing.example.com/invoices?v=QUERY
    method: GET
    headers:
    - {key: X-Note, value: HEADER}
";
    let mut source = PLAIN.replace(at, text);
    for place in ["DESCRIPTION", "CONFIG", "ARGUMENT", "DEFAULT", "QUERY", "HEADER"] {
        source = source.replace(place, "plain");
    }
    source
}

async fn add(world: &World, source: &str) -> (u16, Value) {
    let body = json!({
        "name": "billing", "file": "billing.yaml", "source": source, "no_verify": true,
    });
    world.ask(Method::POST, "/v1/servers", body).await
}

/// Nothing that is kept holds it.
fn nowhere(world: &World, sample: &str) {
    assert!(!format!("{:?}", world.rows()).contains(sample), "it is in a row");
}

#[tokio::test]
async fn what_is_left_in_a_definition_is_refused_with_its_line_and_field() {
    for (kind, sample) in samples_for_test() {
        for (at, line, field) in [
            ("DESCRIPTION", 3, "server.description"),
            ("ARGUMENT", 11, "tools.args.description"),
            ("DEFAULT", 13, "tools.args.default"),
        ] {
            let world = World::new();
            let (status, answer) = add(&world, &yaml(at, &format!("'see {sample} now'"))).await;
            assert_eq!(status, 422, "{at} {kind}: {answer}");
            assert!(!answer.to_string().contains(&sample), "{answer}");
            nowhere(&world, &sample);
            let problem = &answer["problems"][0];
            assert_eq!((&problem["line"], &problem["path"]), (&json!(line), &json!(field)));
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(kind) && message.contains("secret intake NAME"), "{message}");
        }
    }
}

/// A credential where one belongs is moved into the vault, as before; what documentation shows stays.
#[tokio::test]
async fn what_is_moved_and_what_is_an_example_is_taken() {
    let (_, sample) = sample();
    let world = World::new();
    let (status, answer) = add(&world, &yaml("CONFIG", &sample)).await;
    assert_eq!(status, 200, "{answer}");
    nowhere(&world, &sample);
    let world = World::new();
    let example = format!("'such as sk_{}_{}'", "test", "4eC39HqLyjWDarjtT1zdp7dc");
    assert_eq!(add(&world, &yaml("DESCRIPTION", &example)).await.0, 200);
}

#[tokio::test]
async fn no_other_field_keeps_one() {
    let (kind, sample) = sample();
    let world = World::new();
    assert_eq!(add(&world, &yaml("", "")).await.0, 200);
    let stdio =
        json!({ "type": "stdio", "command": "/bin/sh", "args": ["-c", format!("run {sample}")] });
    let mcp = json!({ "kind": "mcp", "name": "m", "definition": stdio, "no_verify": true });
    let policy = format!("@id(\"a\")\n// {sample}\nforbid(principal, action, resource);");
    for (method, path, body) in [
        (Method::POST, "/v1/servers".to_owned(), mcp),
        (Method::PATCH, "/v1/servers/billing".to_owned(), json!({ "tag.owner": sample })),
        (Method::PATCH, "/v1/servers/billing".to_owned(), json!({ format!("tag.{sample}"): "x" })),
        (Method::POST, "/v1/agents".to_owned(), json!({ "name": sample })),
        (Method::POST, "/v1/agents".to_owned(), json!({ "name": "a", "tags": { "t": sample } })),
        (Method::POST, "/v1/tenants".to_owned(), json!({ "name": sample })),
        (Method::PUT, "/v1/policy".to_owned(), json!({ "text": policy })),
        (Method::PUT, format!("/v1/secrets/{sample}"), json!({ "value": "tst_value" })),
        (Method::POST, format!("/v1/secrets/{sample}/intake"), json!({})),
    ] {
        let (status, answer) = world.ask(method, &path, body).await;
        assert_eq!(status, 422, "{path}: {answer}");
        let text = answer.to_string();
        assert!(text.contains(kind) && text.contains("secret intake NAME"), "{path}: {text}");
        assert!(!text.contains(&sample), "{text}");
    }
    nowhere(&world, &sample);
    // Where one belongs it is taken.
    let body = json!({ "value": sample });
    world.ok(Method::PUT, "/v1/secrets/key", body).await;
    nowhere(&world, &sample);
}

/// A definition in which each line holds one does not make its reader read as many problems.
#[tokio::test]
async fn problems_are_bounded_and_the_first_are_told() {
    let (kind, sample) = sample();
    let world = World::new();
    let lines = format!("\n    see {sample}").repeat(300);
    let (status, answer) = add(&world, &yaml("DESCRIPTION", &format!("|{lines}"))).await;
    assert_eq!(status, 422, "{answer}");
    let problems = answer["problems"].as_array().unwrap();
    assert_eq!(problems.len(), PROBLEMS_MAX);
    for (line, problem) in (4..).zip(problems) {
        assert_eq!(problem["line"], json!(line));
        assert_eq!(problem["path"], "server.description");
        assert!(problem["message"].as_str().unwrap().contains(kind));
    }
}

/// One that goes over several lines is told by the line on which it begins.
#[test]
fn what_goes_over_lines_is_told_by_its_first() {
    let pem = format!("-----BEGIN {} KEY-----\n{}", "PRIVATE", "abcdefghi\n".repeat(9));
    let text = format!("{}{pem}", "a: b\n".repeat(5_000));
    let (place, _) = found_in("text", &json!(text)).unwrap();
    assert_eq!(place, "`text`, line 5001,");
    let error = check_source("a.yaml", &text).unwrap_err();
    assert!(format!("{error:?}").contains("\"line\": Number(5001)"), "{error:?}");
}

#[test]
fn a_place_is_told_by_its_steps_however_long_names_are() {
    let (kind, sample) = sample();
    let long = "n".repeat(100_000);
    let value = json!({ "a": [1, { &long: ["x", sample] }] });
    let place = format!("`tags.a[1].{}[1]`", "n".repeat(KEY_CHARS_MAX));
    assert_eq!(found_in("tags", &value), Some((place, kind)));
    let value = json!({ "a": [{ &sample: 1 }] });
    let place = "the name of a member of `tags.a[0]`".to_owned();
    assert_eq!(found_in("tags", &value), Some((place, kind)));
    let key = "abcdefghij/ABCDEFGHIJ+klmnopqrstKLMNOPQR";
    let (place, _) = found_in("tags", &json!({ "aws_secret_access_key": [key] })).unwrap();
    assert_eq!(place, "`tags.aws_secret_access_key[0]`");
}

/// What takes its time keeps no other request waiting: it waits for a thread on which it may block.
#[test]
fn a_large_body_is_looked_at_where_blocking_is_allowed() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let world = World::new();
        let (go, gate) = mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || gate.recv().unwrap());
        let (_, sample) = sample();
        let body = |length| {
            Bytes::from(json!({ "text": format!("{}\n{sample}", "a".repeat(length)) }).to_string())
        };
        let mut nobody = task::Context::from_waker(task::Waker::noop());
        let small = body(100);
        let small = Box::pin(check_body(&world.admin, &small)).as_mut().poll(&mut nobody);
        assert!(matches!(small, task::Poll::Ready(Err(_))));
        let large = body(WAITED_FOR_BYTES_MAX);
        let mut large = Box::pin(check_body(&world.admin, &large));
        assert!(large.as_mut().poll(&mut nobody).is_pending());
        go.send(()).unwrap();
        assert!(large.await.is_err());
        busy.await.unwrap();
    });
}
