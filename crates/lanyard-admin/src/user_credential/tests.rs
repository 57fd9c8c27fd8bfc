//! Users' own credentials, and the tenants that they and everything else belong to.

use http::Method;
use serde_json::{Value, json};

use super::parse_key;
use crate::fixture::World;

#[test]
fn keys() {
    for bad in ["", "header:", "env:", "cookie:a", "Bearer", "authorization"] {
        assert!(parse_key(bad).is_err(), "{bad}");
    }
    for (text, expected) in
        [("bearer", "bearer"), ("header:X-Key", "header:x-key"), ("env:TOKEN", "env:TOKEN")]
    {
        assert_eq!(parse_key(text).unwrap().to_string(), expected);
    }
}

async fn with_servers() -> World {
    let world = World::new();
    let http = json!({ "type": "http", "url": "https://mail.example.com/mcp" });
    let stdio = json!({ "type": "stdio", "command": "/bin/sh" });
    for (name, definition) in [("mail", http), ("git", stdio)] {
        let add = json!({
            "kind": "mcp", "name": name, "definition": definition, "no_verify": true,
        });
        world.ok(Method::POST, "/v1/servers", add).await;
    }
    world
}

#[tokio::test]
async fn a_credential_belongs_where_the_server_can_take_it() {
    let world = with_servers().await;
    for (path, key, part) in [
        ("mail/ann", "env:KEY", "has no environment"),
        ("mail/ann", "header:host", "headers.host"),
        ("mail/ann", "header:mcp-session-id", "belongs to the protocol"),
        ("git/ann", "bearer", "--env NAME"),
        ("git/ann", "header:x", "--env NAME"),
        ("git/ann", "env:1A", "env.1A"),
        ("git/ann", "cookie:a", "`bearer`, `header:NAME` or `env:NAME`"),
        ("none/ann", "bearer", "no server `none`"),
        ("git/a b", "env:KEY", "user name"),
    ] {
        let path = format!("/v1/user-credentials/{}", path.replace(' ', "%20"));
        let body = json!({ "value": "tst_value", "key": key });
        let (status, answer) = world.ask(Method::PUT, &path, body).await;
        let message = answer["error"].as_str().unwrap();
        assert!(status >= 400 && message.contains(part), "{path} {key}: {status} {message}");
    }
    assert!(world.rows().user_credentials.is_empty() && world.rows().secrets.is_empty());
}

#[tokio::test]
async fn what_a_user_holds_is_the_users_alone() {
    let world = with_servers().await;
    let put = |path: &'static str, body: Value| world.ok(Method::PUT, path, body);
    put("/v1/user-credentials/mail/ann", json!({ "value": "tst_one" })).await;
    put("/v1/user-credentials/mail/ann", json!({ "value": "tst_two" })).await;
    put("/v1/user-credentials/git/bea", json!({ "value": "tst_bea", "key": "env:KEY" })).await;
    assert!(world.told().await.contains(r#""user-credential.set" "user-credential:git/bea""#));
    let rows = world.rows();
    let bound: Vec<_> = rows.secrets.iter().map(|row| row.origins.join(" ")).collect();
    assert_eq!(bound, ["server:mail https://mail.example.com", "server:git"]);
    assert_eq!(rows.user_credentials.len(), 2);
    assert_eq!(rows.user_credentials[1].version, 2);

    // Neither listed nor set as a secret, and no definition may name it.
    let secret = rows.user_credentials[1].secret.clone();
    let secrets = world.ok(Method::GET, "/v1/secrets", Value::Null).await;
    assert_eq!(secrets, json!({ "secrets": [] }));
    let path = format!("/v1/secrets/{secret}");
    assert_eq!(world.ask(Method::PUT, &path, json!({ "value": "tst_x" })).await.0, 409);
    assert_eq!(world.ask(Method::DELETE, &path, Value::Null).await.0, 409);
    let thief = json!({ "kind": "mcp", "name": "thief", "no_verify": true, "definition": {
        "type": "http", "url": "https://mail.example.com/mcp",
        "headers": { "authorization": format!("Bearer secret://{secret}") },
    }, "bind": [secret.as_str()] });
    let (status, answer) = world.ask(Method::POST, "/v1/servers", thief).await;
    assert_eq!(status, 422);
    assert!(answer.to_string().contains("which no definition may name"), "{answer}");
    let status = world.ok(Method::GET, "/v1/status", Value::Null).await;
    assert!(!status.to_string().contains(secret.as_str()), "{status}");

    // A server that moved elsewhere gets nothing of it.
    let moved = json!({ "kind": "mcp", "name": "mail", "replace": true, "no_verify": true,
        "definition": { "type": "http", "url": "https://other.example.com/mcp" } });
    world.ok(Method::POST, "/v1/servers", moved).await;
    let rows = world.rows();
    assert_eq!(rows.secrets.iter().find(|row| row.name == secret).unwrap().origins.len(), 1);

    let path = "/v1/user-credentials/mail/ann";
    assert_eq!(world.ask(Method::DELETE, &format!("{path}?key=env:A"), Value::Null).await.0, 404);
    let removed = world.ok(Method::DELETE, path, Value::Null).await;
    assert_eq!(removed, json!({ "removed": ["bearer"] }));
    world.ok(Method::DELETE, "/v1/servers/git", Value::Null).await;
    assert!(world.rows().secrets.is_empty(), "a value outlived its server");
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let world = with_servers().await;
    let other = |method, path, body| world.ask_of(Some("other"), method, path, body);
    let (status, answer) = other(Method::GET, "/v1/servers", Value::Null).await;
    assert_eq!((status, answer["error"].as_str().unwrap().contains("no tenant")), (404, true));
    world.ok(Method::POST, "/v1/tenants", json!({ "name": "other" })).await;
    assert_eq!(world.ask(Method::POST, "/v1/tenants", json!({ "name": "other" })).await.0, 409);

    let (status, answer) = other(Method::GET, "/v1/servers", Value::Null).await;
    assert_eq!((status, answer), (200, json!({ "servers": [] })));
    assert_eq!(other(Method::GET, "/v1/servers/git", Value::Null).await.0, 404);
    assert_eq!(other(Method::DELETE, "/v1/servers/git", Value::Null).await.0, 404);
    let credential = json!({ "value": "tst_x", "key": "env:KEY" });
    let path = "/v1/user-credentials/git/ann";
    assert_eq!(other(Method::PUT, path, credential.clone()).await.0, 404);
    let add = json!({ "kind": "mcp", "name": "git", "no_verify": true,
        "definition": { "type": "stdio", "command": "/bin/ls" } });
    assert_eq!(other(Method::POST, "/v1/servers", add).await.0, 200);
    assert_eq!(other(Method::PUT, path, credential).await.0, 200);
    let rows = world.rows();
    assert_eq!(rows.servers.iter().filter(|row| row.name.as_str() == "git").count(), 2);
    assert_eq!(rows.user_credentials[0].tenant.as_str(), "other");
    let own = world.ok(Method::GET, "/v1/user-credentials", Value::Null).await;
    assert_eq!(own, json!({ "user_credentials": [] }));

    // A tenant goes when it is empty, and not from within.
    let (status, answer) = world.ask(Method::DELETE, "/v1/tenants/other", Value::Null).await;
    let message = "tenant `other` still has servers; remove them first";
    assert_eq!((status, answer["error"].as_str()), (409, Some(message)));
    assert_eq!(other(Method::DELETE, "/v1/servers/git", Value::Null).await.0, 200);
    assert_eq!(other(Method::DELETE, "/v1/tenants/other", Value::Null).await.0, 404);
    world.ok(Method::DELETE, "/v1/tenants/other", Value::Null).await;
    assert_eq!(world.ask(Method::DELETE, "/v1/tenants/default", Value::Null).await.0, 409);
    let tenants = world.ok(Method::GET, "/v1/tenants", Value::Null).await;
    assert_eq!(tenants["tenants"].as_array().unwrap().len(), 1);
}
