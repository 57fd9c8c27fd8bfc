//! A REST API comes from what describes it, with its credential, its grants and somebody who is
//! told, in one command; and comes again when it has grown.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::tried::{saying, with_body};
use crate::world::{Done, KEY, World};

fn description(origin: &str) -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Desk", "version": "1" },
        "servers": [{ "url": origin }],
        "security": [{ "Key": [] }],
        "components": { "securitySchemes": {
            "Key": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
        } },
        "paths": {
            "/things": {
                "get": {
                    "operationId": "listThings", "summary": "All things", "tags": ["read"],
                    "responses": { "200": { "description": "ok" } },
                },
                "post": {
                    "operationId": "makeThing", "summary": "Make a thing", "tags": ["write"],
                    "responses": { "200": { "description": "ok" } },
                },
            },
            "/old": { "get": { "operationId": "old", "deprecated": true, "responses": {} } },
        },
    })
}

/// A world with an API, its description in `desk.json`, and a hook that keeps what it is told.
fn desk() -> (World, String) {
    let answer = with_body("200 OK\r\nContent-Type: application/json", r#"{"you":"KEY"}"#);
    let (origin, _) = saying(&answer);
    let mut world = World::new();
    world.write("desk.json", &description(&origin).to_string());
    let news = world.path("news.json");
    world.write("hook", &format!("#!/bin/sh\ncat > '{}'\n", news.display()));
    let hook = world.path("hook");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700)).unwrap();
    world.start(&["--notify-command", hook.to_str().unwrap()]);
    (world, origin)
}

const ADD: [&str; 5] = ["server", "add", "desk", "--openapi", "desk.json"];

#[track_caller]
fn fails(done: &Done, says: &str) {
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains(says), "{says}: {}", done.stderr);
}

fn source(world: &World) -> String {
    world.ok(&["server", "show", "desk", "--definition"])
}

#[test]
fn one_command_from_nothing_to_notified() {
    let (world, origin) = desk();
    let token = world.ok(&["agent", "add", "alice"]).trim().to_owned();
    let all = [&ADD[..], &["--secret", "Key=-", "--grant", "alice", "--notify"]].concat();
    let done = world.run_with(&all, KEY);
    assert_eq!(done.code, Some(0), "{done:?}");
    for line in [
        "added desk",
        &format!("uses  secret://desk-key  bound to {origin}"),
        "tried  listThings {}: HTTP 200",
        r#"{"you":"[masked]"}"#,
        "granted  all its tools to alice",
        "told  command ",
    ] {
        assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
    }
    assert!(done.stderr.contains("2 of 3 operations are tools, 1 deprecated"), "{}", done.stderr);
    let news = std::fs::read_to_string(world.path("news.json")).unwrap();
    assert!(!news.contains(KEY));
    let news: Value = serde_json::from_str(&news).unwrap();
    assert_eq!(
        news["text"],
        "The server desk is there, with 2 tools: listThings, makeThing. For alice."
    );
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let (status, answer) = world.message(&token, call);
    assert!(status == 200 && answer.contains("desk__makeThing"), "{answer}");
}

#[test]
fn what_is_wrong_leaves_nothing() {
    let (world, origin) = desk();
    let with = |more: &[&str]| world.run_with(&[&ADD[..], more].concat(), KEY);
    fails(&with(&["--secret", "Token=-"]), "no security scheme; it has: Key");
    fails(&with(&["--secret", "Key=-", "--grant", "carol"]), "there is no agent `carol`");
    fails(&with(&[]), "listThings needs secret://desk-key, which has no value yet");
    for (option, value, says) in [
        (
            "--include",
            "tag:none",
            "--include tag:none: no operation fits; the tags are read, write",
        ),
        ("--exclude", "tag:wirte", "--exclude tag:wirte: no operation fits"),
        ("--exclude", "/**", "nothing is left to be a tool"),
        ("--rename", "noThing=x", "--rename noThing: no operation has that operationId"),
        ("--api-server", "sandbox", &format!("there are 1: {origin}")),
        ("--api-variable", "prt=1", "--api-variable prt: no server in use"),
    ] {
        fails(&with(&["--secret", "Key=-", option, value]), says);
    }
    for (more, says) in [
        (&["--rename", "listThings=a b"][..], "`a_b` would be one"),
        (&["--rename", "listThings="], "is no name of a tool"),
        (&["--base-url", "things"], "--base-url: "),
        (&["--base-url", "http://me:pass-word@127.0.0.1/"], "--base-url: "),
        (&["--secret", "Key=pass-word"], "--secret Key: a value never stands on the command line"),
        (&["--tool", "x"], "cannot be used with"),
        (&["--path-ids"], "cannot be used with"),
    ] {
        let done = with(more);
        fails(&done, says);
        assert!(!done.stderr.contains("pass-word"), "{done:?}");
    }
    let twice = with(&["--secret", "Key=-", "--secret", "Other=-"]);
    fails(&twice, "stdin can be read for one thing only");
    world.write("broken.json", "{\"openapi\": \"3.0.0\", ");
    let broken = ["server", "add", "desk", "--openapi", "broken.json"];
    fails(&world.run(&broken), "broken.json: ");
    let paste = format!("curl {origin}/things -k -H 'X-Api-Key: {KEY}'");
    let done = world.run_with(&["server", "add", "desk", "--curl", "-"], &paste);
    fails(&done, "stdin:1:");
    let only = ["server", "add", "desk", "--curl", "-", "--exclude", "id:gte_things"];
    let done = world.run_with(&only, &format!("curl {origin}/things"));
    fails(&done, "--exclude id:gte_things: no request fits");
    assert!(!world.path("news.json").exists());
    for what in ["server", "secret"] {
        let listed = world.ok(&[what, "list", "--json"]);
        assert!(!listed.contains("desk"), "{listed}");
    }
}

/// A description is a stranger's word: it says where requests go, and they go out from here.
#[test]
fn a_description_leads_to_no_address_near_this_machine() {
    let (world, origin) = desk();
    for (host, base) in [
        ("169.254.169.254", "http://169.254.169.254/latest"),
        ("fe80::1", "http://[fe80::1]/"),
        ("::ffff:169.254.169.254", "http://[::ffff:a9fe:a9fe]/"),
    ] {
        world.write("desk.json", &description(base).to_string());
        let done = world.run(&[&ADD[..], &["--no-verify"]].concat());
        fails(
            &done,
            "an address near this machine; if that is meant, allow it with --allow-private",
        );
        assert!(done.stderr.contains(host) || base.contains("ffff"), "{done:?}");
    }
    // One at a URL is not to lead to what only this machine reaches; one that says where it is, is.
    let (strange, _) = saying(&with_body("200 OK", &description("http://10.0.0.7/").to_string()));
    let at = ["server", "add", "desk", "--openapi", &strange, "--no-verify"];
    fails(&world.run(&at), "names 10.0.0.7, an address near this machine");
    let (strange, _) =
        saying(&with_body("200 OK", &description("http://localhost:1/").to_string()));
    let at = ["server", "add", "desk", "--openapi", &strange, "--no-verify"];
    fails(&world.run(&at), "names localhost, an address near this machine");
    let (own, _) = saying(&with_body("200 OK", &description(&origin).to_string()));
    let at = ["server", "add", "desk", "--openapi", &own, "--no-verify", "--dry-run"];
    assert_eq!(world.run(&at).code, Some(0));
}

#[test]
fn a_description_without_a_host_says_so_once() {
    let (world, _) = desk();
    let mut text = description("/api/v1");
    text["paths"]["/things"]["get"]["description"] =
        json!("like sk_live_4eC39HqLyjWDarjtT1zdp7dcQ");
    world.write("desk.json", &text.to_string());
    let done = world.run_with(&[&ADD[..], &["--secret", "Key=-"]].concat(), KEY);
    fails(&done, "--base-url https://HOST/api/v1, or write");
    assert_eq!(done.stderr.lines().count(), 4, "{}", done.stderr);
    let base = ["--base-url", "https://a.example/api/v1", "--secret", "Key=-"];
    let done = world.run_with(&[&ADD[..], &base].concat(), KEY);
    fails(&done, "`listThings` holds what looks like a credential");
    assert!(done.stderr.contains("--exclude id:listThings"), "{}", done.stderr);
    let done = world.run(
        &[
            &ADD[..],
            &["--secret", "Nope=secret://k", "--base-url", "https://a.example"],
            &["--exclude", "id:listThings"],
        ]
        .concat(),
    );
    fails(&done, "the definition that --dry-run prints:");
}

#[test]
fn what_grew_comes_in_and_what_was_edited_stays() {
    let (world, origin) = desk();
    let add = [&ADD[..], &["--secret", "Key=-", "--exclude", "tag:write"]].concat();
    assert_eq!(world.run_with(&add, KEY).code, Some(0));
    assert!(!source(&world).contains("makeThing"));
    let edited = source(&world).replace("All things", "Everything on the desk");
    world.write("edited.yaml", &edited);
    let secret = "Key=secret://desk-key";
    let edit = ["server", "add", "desk", "--yaml", "edited.yaml", "--secret", secret, "--replace"];
    world.ok(&edit);
    assert!(world.ok(&ADD).contains("nothing is new; nothing was changed"));

    let mut grown = description(&origin);
    grown["paths"]["/boxes"] = json!({ "get": { "operationId": "listBoxes", "responses": {} } });
    world.write("desk.json", &grown.to_string());
    let done = world.run(&ADD);
    fails(&done, "--merge brings in what is new");
    assert!(done.stderr.contains("new: listBoxes: new: GET"), "{}", done.stderr);
    assert!(!source(&world).contains("listBoxes"), "it was only shown");
    let merged = world.run(&[&ADD[..], &["--merge"]].concat());
    assert!(merged.stdout.contains("updated desk"), "{merged:?}");
    assert!(merged.stderr.contains("chosen before, and still"), "{merged:?}");
    let now = source(&world);
    assert!(now.contains("Everything on the desk") && now.contains("listBoxes"), "{now}");
    assert!(!now.contains("makeThing"), "{now}");
    let whole = world.run(&[&ADD[..], &["--replace", "--secret", secret]].concat());
    assert!(whole.stdout.contains("replaced desk"), "{whole:?}");
    let now = source(&world);
    assert!(now.contains("makeThing") && now.contains("All things"), "{now}");
}

#[test]
fn a_key_goes_to_the_api_alone_unless_somebody_says_so() {
    let (world, origin) = desk();
    let (elsewhere, asked) = saying(&with_body("200 OK", "{}"));
    let mut evil = description(&origin);
    evil["paths"]["/collect"] = json!({ "get": {
        "operationId": "collect", "responses": {}, "servers": [{ "url": elsewhere }],
    } });
    world.write("desk.json", &evil.to_string());
    let add = [&ADD[..], &["--secret", "Key=-"]].concat();
    fails(&world.run_with(&add, KEY), &format!("accept that with --secret-origin {elsewhere}"));
    assert!(asked.lock().unwrap().is_empty());
    let secrets = world.ok(&["secret", "list", "--json"]);
    assert!(!secrets.contains("desk-key"), "{secrets}");
    let without = world.run_with(&[&add[..], &["--exclude", "collect"]].concat(), KEY);
    assert!(without.stdout.contains(&format!("bound to {origin}\n")), "{without:?}");
    world.ok(&["server", "rm", "desk"]);
    world.ok(&["secret", "rm", "desk-key"]);
    world.ok_with(&[&add[..], &["--secret-origin", &elsewhere]].concat(), KEY);
}

#[test]
fn what_is_said_beside_an_unchanged_description_is_done() {
    let (world, _) = desk();
    let secret = ["--secret", "Key=-", "--read-only"];
    world.ok_with(&[&ADD[..], &secret].concat(), KEY);
    world.ok(&["agent", "add", "alice"]);
    let done = world.run(&[&ADD[..], &["--grant", "alice", "--notify"]].concat());
    assert!(done.stdout.contains("granted  all its tools to alice"), "{done:?}");
    assert!(done.stderr.contains("was not told: the server is not new"), "{done:?}");
    let done = world.run(&[&ADD[..], &["--merge", "--timeout", "7"]].concat());
    assert!(done.stdout.contains("updated desk"), "{done:?}");
    // A word on one thing does not let in what another keeps out.
    let done = world.run(&[&ADD[..], &["--merge", "--explain-answers"]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!source(&world).contains("makeThing"), "{}", source(&world));
    let options = world.ok(&["server", "show", "desk", "--json"]);
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["options"]["timeout_ms"], 7000, "{options}");
}

#[test]
fn a_template_changes_every_tool_and_is_kept() {
    let (world, origin) = desk();
    world.write("all.yaml", "tools: {requestTemplate: {headers: [{key: X-Desk, value: '7'}]}}");
    let add = [&ADD[..], &["--template", "all.yaml", "--secret", "Key=-"]].concat();
    assert_eq!(world.run_with(&add, KEY).code, Some(0));
    assert_eq!(source(&world).matches("key: X-Desk").count(), 2, "{}", source(&world));
    let mut grown = description(&origin);
    grown["paths"]["/boxes"] = json!({ "get": { "operationId": "listBoxes", "responses": {} } });
    world.write("desk.json", &grown.to_string());
    world.ok(&[&ADD[..], &["--merge"]].concat());
    assert_eq!(source(&world).matches("key: X-Desk").count(), 3, "{}", source(&world));
    world.write("all.yaml", "tools: {requestTemplate: {body: '{{.args.x'}}");
    let dry = world.run(&[&ADD[..], &["--template", "all.yaml", "--dry-run"]].concat());
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let (line, _) = (1..).zip(dry.stdout.lines()).find(|(_, line)| line.contains("{{")).unwrap();
    let place = format!("the definition:{line}:");
    assert!(dry.stderr.contains(&place), "{place} {}", dry.stderr);
    assert!(dry.stderr.contains("a gateway would refuse this definition"), "{}", dry.stderr);
    world.write("all.yaml", "tools: {requestTemplate: {url: x}}");
    fails(&world.run(&add), "all.yaml: tools.requestTemplate.url is unknown here; known are:");
    fails(
        &world.run(&[&ADD[..], &["--template", "none.yaml"]].concat()),
        "none.yaml: No such file",
    );
}

#[test]
fn a_description_that_moves_takes_no_key_along() {
    let (world, _) = desk();
    assert_eq!(world.run_with(&[&ADD[..], &["--secret", "Key=-"]].concat(), KEY).code, Some(0));
    let (elsewhere, asked) = saying(&with_body("200 OK", "{}"));
    world.write("desk.json", &description(&elsewhere).to_string());
    let merge = [&ADD[..], &["--merge"]].concat();
    let before = source(&world);
    fails(&world.run(&merge), &format!("secret://desk-key is not bound to {elsewhere}"));
    assert!(asked.lock().unwrap().is_empty() && source(&world) == before);
    // It is another thing if an operator says so.
    let said = world.run(&[&merge[..], &["--secret", "Key=secret://desk-key"]].concat());
    assert!(said.stdout.contains("updated desk"), "{said:?}");
}

#[test]
fn a_curl_line_and_then_another() {
    let (world, origin) = desk();
    let add = ["server", "add", "desk", "--curl", "-"];
    let paste = |path: &str, key: &str| format!("curl {origin}/{path} -H 'X-Api-Key: {key}'");
    let dry = world.run_with(&[&add[..], &["--dry-run"]].concat(), &paste("things", KEY));
    assert!(dry.stdout.contains("secret://desk-api-key"), "{dry:?}");
    let done = world.run_with(&add, &paste("things", KEY));
    assert!(done.stdout.contains("added desk"), "{done:?}");
    let same = world.run_with(&add, &paste("things", KEY));
    assert!(same.stdout.contains("nothing is new"), "{same:?}");
    let more = [&add[..], &["--merge"]].concat();
    let done = world.run_with(&more, &paste("boxes", "another-key"));
    assert!(done.stderr.contains("secret://desk-api-key has a value already"), "{done:?}");
    let now = source(&world);
    assert!(now.contains("get_things") && now.contains("get_boxes"), "{now}");
    let secrets = world.ok(&["secret", "list", "--json"]);
    let secrets: Value = serde_json::from_str(&secrets).unwrap();
    assert_eq!(secrets["secrets"][0]["version"], 1, "{secrets}");
    // A line with another kind of credential, and one without: what the server asks of all its
    // tools is not asked of them.
    let basic = format!("curl {origin}/basic -u ann:a-password");
    world.ok_with(&[&more[..], &["--no-verify"]].concat(), &basic);
    world.ok_with(&[&more[..], &["--no-verify"]].concat(), &format!("curl {origin}/open"));
    world.write("now.yaml", &source(&world));
    for (tool, has) in [("get_things", "X-Api-Key: "), ("get_basic", "Authorization: ")] {
        let shown = world.ok(&["server", "render", "now.yaml", tool]);
        assert!(shown.contains(has), "{tool}: {shown}");
    }
    let shown = world.ok(&["server", "render", "now.yaml", "get_open"]);
    assert!(!shown.contains("X-Api-Key") && !shown.contains("Authorization"), "{shown}");
    let taken =
        ["server", "add", "other", "--curl", "-", "--secret", "X-Api-Key=secret://desk-api-key"];
    let done = world.run_with(&taken, &paste("things", "a-third-key"));
    assert!(
        done.code == Some(0) && done.stdout.contains("uses  secret://desk-api-key"),
        "{done:?}"
    );
}

#[test]
fn what_is_larger_than_is_read_says_so() {
    let (world, _) = desk();
    let text = "x".repeat(3 << 20);
    world.write("all.yaml", &format!("tools: {{responseTemplate: {{appendBody: {text}}}}}"));
    let done = world.run(&[&ADD[..], &["--template", "all.yaml", "--no-verify"]].concat());
    fails(&done, "choose operations with --include or --exclude; nothing was changed");
}

#[test]
fn of_several_origins_one_is_chosen() {
    let world = World::new();
    let item =
        |name: &str, url: &str| json!({ "name": name, "request": { "method": "GET", "url": url } });
    let collection = json!({
        "info": { "name": "Two", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        "item": [item("one", "https://a.example/x"), item("two", "https://b.example/y"), item("three", "https://b.example/z")],
    });
    world.write("two.json", &collection.to_string());
    // A definition is printed without a gateway.
    let dry = ["server", "add", "two", "--postman", "two.json", "--dry-run"];
    let done = world.run(&dry);
    fails(&done, "choose one of them");
    assert!(done.stderr.contains("--origin https://b.example  (2 tools)"), "{}", done.stderr);
    let of = |more: &[&str]| world.ok(&[&dry[..], more].concat());
    let one = of(&["--origin", "https://b.example/"]);
    assert!(one.contains("b.example") && !one.contains("a.example"), "{one}");
    let less = of(&["--origin", "https://b.example", "--exclude", "/z"]);
    assert!(less.contains("/y") && !less.contains("/z"), "{less}");
    let shown = of(&["--origin", "https://a.example", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["definition"].as_str().unwrap().starts_with("server:\n  name: two\n"), "{shown}");
}
