//! Configuration files as data: what is read, what is refused.

use expect_test::{Expect, expect};

use super::read_config;
use crate::agent::env::AgentEnv;

#[track_caller]
fn check(text: &str, expected: Expect) {
    let pairs = [("TOKEN", "tst_token_value"), ("HOST", "api.example"), ("EMPTY", "")];
    let env = AgentEnv::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let actual = match read_config(text, "f.json", &env) {
        Err(issue) => issue.message,
        Ok(servers) => servers
            .iter()
            .map(|server| {
                let problem =
                    server.endpoint.as_ref().err().map(|issue| format!(" ({})", issue.message));
                let headers =
                    server.endpoint.as_ref().map(|it| format!("{it:?}")).unwrap_or_default();
                let about = server.description.clone().unwrap_or_default();
                format!(
                    "{} [{about}] {}{} {headers}\n",
                    server.name,
                    server.transport,
                    problem.unwrap_or_default()
                )
            })
            .collect(),
    };
    assert!(!actual.contains("tst_token_value"), "no credential is shown: {actual}");
    expected.assert_eq(&actual);
}

#[test]
fn what_is_no_configuration_is_refused() {
    check("{", expect!["f.json: EOF while parsing an object at line 1 column 1"]);
    check("{}", expect!["f.json: no `mcpServers` object"]);
    check("// one\n/* two\n */ {,", expect!["f.json: key must be a string at line 3 column 3"]);
}

#[test]
fn one_entry_that_cannot_be_used_harms_no_other() {
    check(
        r#"{"mcpServers": {
            "unset": {"url": "https://h/mcp", "headers": {"Authorization": "Bearer ${NOPE}"}},
            "child": {"command": "npx", "args": ["--key", "tst_token_value"]},
            "nothing": {},
            "bad": {"url": "ftp://h/"},
            "off": {"url": "https://h/", "disabled": true},
            "off2": {"url": "https://h/", "enabled": false},
            "good": {"url": "https://h/mcp", "description": "Fine"}
        }}"#,
        expect![[r#"
            unset [] HTTP (the variable NOPE is not set) 
            child [] STDIO npx (stdio servers cannot be started from here; add it to a gateway instead) 
            nothing [] HTTP (its entry has no `url`) 
            bad [] HTTP (not a usable URL: an origin starts with http:// or https://) 
            good [Fine] HTTP https://h/mcp Endpoint(HTTP https://h/mcp, headers [])
        "#]],
    );
}

#[test]
fn comments_aliases_and_references_are_read() {
    check(
        r#"// a file
        {"mcpServers": { /* several */
            "a": {"baseUrl": "https://${HOST}/mcp", "headers": {"Authorization": "Bearer ${TOKEN}",}},
            "b": {"server_url": "https://{env:HOST}/x//y", "bearerToken": "$env:TOKEN"},
            "c": {"url": "http://${env:HOST}:81/${EMPTY:-fallback}", "bearerTokenEnv": "TOKEN"},
            "d": {"url": "https://h/mcp?key=${TOKEN}", "type": "http", "unknown": [1, 2,],},
        },}"#,
        expect![[r#"
            a [] HTTP https://api.example/mcp Endpoint(HTTP https://api.example/mcp, headers ["authorization"])
            b [] HTTP https://api.example/x//y Endpoint(HTTP https://api.example/x//y, headers ["authorization"])
            c [] HTTP http://api.example:81/fallback Endpoint(HTTP http://api.example:81/fallback, headers ["authorization"])
            d [] HTTP https://h/mcp?**** Endpoint(HTTP https://h/mcp?****, headers [])
        "#]],
    );
}
