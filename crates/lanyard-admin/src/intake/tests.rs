//! Links as operators make, list and cancel them, and what ends one.

use http::Method;
use serde_json::{Value, json};

use super::page::tests::{Seen, get, give};
use crate::fixture::World;

const ORIGIN: &str = "https://billing.example.com";

pub(super) async fn made(world: &World, body: Value) -> Value {
    world.ok(Method::POST, "/v1/secrets/billing-key/intake", body).await
}

/// A link for a secret that is bound to one origin.
pub(super) async fn link(world: &World) -> (String, String) {
    let made = made(world, json!({ "origins": [ORIGIN] })).await;
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("path"), text("id"))
}

pub(super) async fn version(world: &World) -> Value {
    let listed = world.ok(Method::GET, "/v1/secrets", Value::Null).await;
    listed["secrets"][0]["version"].clone()
}

async fn listed(world: &World) -> Value {
    world.ok(Method::GET, "/v1/intakes", Value::Null).await["intakes"].clone()
}

/// Whatever is no link is answered alike, so that nobody learns which of it this one is.
#[track_caller]
fn is_dead(seen: &Seen) {
    assert_eq!(seen.status, 404, "{}", seen.text);
    assert!(seen.text.contains("This link does not work"), "{}", seen.text);
    assert!(!seen.text.contains("billing"), "{}", seen.text);
}

#[tokio::test]
async fn a_link_is_made_listed_and_cancelled() {
    let world = World::new();
    let made = made(&world, json!({ "origins": [ORIGIN], "ttl_seconds": 60 })).await;
    assert_eq!(made["reference"], "secret://billing-key");
    assert_eq!(made["origins"], json!([ORIGIN]));
    let token = made["path"].as_str().unwrap().strip_prefix("/console/intake/lyd_i_").unwrap();
    assert_eq!(token.len(), 49, "256 random bits and a checksum");
    let told = world.told().await;
    assert!(told.starts_with(r#""secret.intake" "secret:billing-key" "owner:uid:1000""#), "{told}");
    assert!(told.contains(ORIGIN) && !told.contains(token), "{told}");
    // The secret stands before the link does, without a value.
    assert_eq!(version(&world).await, Value::Null);
    let rows = listed(&world).await;
    assert_eq!(rows[0]["id"], made["id"]);
    assert_eq!(rows[0]["void_reason"], Value::Null);
    assert!(!rows.to_string().contains(token), "the address is shown once: {rows}");
    let path = format!("/v1/intakes/{}", made["id"].as_str().unwrap());
    let done = world.ok(Method::DELETE, &path, Value::Null).await;
    assert_eq!(done["name"], "billing-key");
    assert!(world.told().await.starts_with("\"secret.intake_cancel\""));
    assert_eq!(world.ask(Method::DELETE, &path, Value::Null).await.0, 404);
    assert_eq!(listed(&world).await, json!([]));
    let link = made["path"].as_str().unwrap();
    is_dead(&get(&world, link).await);
    is_dead(&give(&world, link, "tst_value_1").await);
    assert_eq!(version(&world).await, Value::Null);
}

#[tokio::test]
async fn a_link_has_its_time() {
    let world = World::new();
    for ttl in [0, 86_401, u64::MAX] {
        let body = json!({ "ttl_seconds": ttl });
        let (status, _) = world.ask(Method::POST, "/v1/secrets/billing-key/intake", body).await;
        assert_eq!(status, 422, "{ttl}");
    }
    assert!(world.rows().secrets.is_empty(), "a link that is refused makes no secret");
    let made = made(&world, json!({ "origins": [ORIGIN], "ttl_seconds": 86_400 })).await;
    let link = made["path"].as_str().unwrap();
    assert_eq!(get(&world, link).await.status, 200);
    world.pass(86_400);
    is_dead(&get(&world, link).await);
    is_dead(&give(&world, link, "tst_value_1").await);
    assert_eq!(listed(&world).await, json!([]));
    assert_eq!(version(&world).await, Value::Null);
}

#[tokio::test]
async fn a_link_is_of_one_secret_of_one_tenant() {
    let world = World::new();
    world.ok(Method::POST, "/v1/tenants", json!({ "name": "other" })).await;
    link(&world).await;
    let path = "/v1/secrets/billing-key/intake";
    let body = json!({ "origins": ["https://other.example"] });
    let (status, made) = world.ask_of(Some("other"), Method::POST, path, body).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(listed(&world).await.as_array().unwrap().len(), 1, "lists are of one tenant");
    let id = format!("/v1/intakes/{}", made["id"].as_str().unwrap());
    assert_eq!(world.ask(Method::DELETE, &id, Value::Null).await.0, 404, "so are ids");
    let other = made["path"].as_str().unwrap();
    let seen = get(&world, other).await;
    assert!(seen.text.contains("<dt>Tenant</dt><dd>other</dd>"), "{}", seen.text);
    assert_eq!(give(&world, other, "tst_value_1").await.status, 303);
    assert_eq!(version(&world).await, Value::Null, "the secret of that name here is untouched");
    let versions: Vec<_> =
        world.rows().secret_versions.iter().map(|row| row.tenant.to_string()).collect();
    assert_eq!(versions, ["other"]);
}

#[tokio::test]
async fn a_value_goes_nowhere_that_the_link_was_not_made_for() {
    let world = World::new();
    let (path, _) = link(&world).await;
    let more = json!({ "origins": ["https://evil.example"] });
    world.ok(Method::PUT, "/v1/secrets/billing-key", more).await;
    for seen in [get(&world, &path).await, give(&world, &path, "tst_value_1").await] {
        assert_eq!(seen.status, 409);
        assert!(seen.text.contains("bound to another place"), "{}", seen.text);
    }
    assert_eq!(version(&world).await, Value::Null);
    let why = listed(&world).await[0]["void_reason"].as_str().unwrap().to_owned();
    assert!(why.contains("https://evil.example"), "{why}");
}

/// The page was open already when the secret was bound elsewhere: what it shows no longer holds.
#[tokio::test]
async fn a_binding_between_the_look_and_the_form_is_found_in_the_change() {
    let world = World::new();
    let (path, id) = link(&world).await;
    let token = path.strip_prefix(super::PATH).unwrap();
    let opened = world.admin.link_opened(token).await.unwrap();
    let super::Opened::Link(opened) = opened else { panic!("{opened:?}") };
    let text = || lanyard_vault::SecretText::from_input(b"tst_value_1").unwrap();
    let more = json!({ "origins": ["https://evil.example"] });
    world.ok(Method::PUT, "/v1/secrets/billing-key", more).await;
    let given = world.admin.link_used(opened.row.clone(), "tcp".to_owned(), text()).await.unwrap();
    assert!(matches!(given, super::Given::Grown), "{given:?}");
    world.ok(Method::DELETE, &format!("/v1/intakes/{id}"), Value::Null).await;
    let given = world.admin.link_used(opened.row.clone(), "tcp".to_owned(), text()).await.unwrap();
    assert!(matches!(given, super::Given::Dead), "{given:?}");
    // So is the end of its time.
    let made = made(&world, json!({ "ttl_seconds": 60 })).await;
    let token = made["path"].as_str().unwrap().strip_prefix(super::PATH).unwrap();
    let opened = world.admin.link_opened(token).await.unwrap();
    let super::Opened::Link(opened) = opened else { panic!("{opened:?}") };
    world.pass(60);
    let given = world.admin.link_used(opened.row, "tcp".to_owned(), text()).await.unwrap();
    assert!(matches!(given, super::Given::Dead), "{given:?}");
    assert_eq!(version(&world).await, Value::Null);
}

#[tokio::test]
async fn a_link_ends_with_whoever_made_it_and_with_its_secret() {
    let world = World::new();
    let body = json!({ "name": "ann", "role": "owner" });
    let ann = world.ok(Method::POST, "/v1/operators", body).await;
    let path = "/v1/secrets/billing-key/intake";
    let token = ann["token"].as_str().unwrap();
    let (status, by_ann) = world.ask_as(token, Method::POST, path, json!({})).await;
    assert_eq!(status, 200, "{by_ann}");
    let (path, _) = link(&world).await;
    world.ok(Method::DELETE, "/v1/operators/ann", Value::Null).await;
    let told = world.told().await;
    assert!(told.contains("intakes_cancelled"), "{told}");
    is_dead(&give(&world, by_ann["path"].as_str().unwrap(), "tst_value_1").await);
    assert_eq!(get(&world, &path).await.status, 200, "links of others stay");
    world.ok(Method::DELETE, "/v1/secrets/billing-key", Value::Null).await;
    is_dead(&give(&world, &path, "tst_value_1").await);
    let again = json!({ "value": "tst_value_2" });
    world.ok(Method::PUT, "/v1/secrets/billing-key", again).await;
    is_dead(&give(&world, &path, "tst_value_1").await);
}

/// The name is bound again in the change that released it, so the places alone tell nothing.
#[tokio::test]
async fn a_link_ends_with_the_program_that_it_was_made_for() {
    for removed_first in [false, true] {
        let world = World::new();
        let billing = |command: &str| {
            json!({
                "kind": "mcp", "name": "billing", "no_verify": true, "replace": true,
                "definition": {
                    "type": "stdio", "command": command, "env": { "KEY": "secret://billing-key" },
                },
                "unset": ["billing-key"], "bind": ["billing-key"],
            })
        };
        world.ok(Method::POST, "/v1/servers", billing("/bin/sh")).await;
        let made = made(&world, json!({})).await;
        assert_eq!(made["origins"], json!(["server:billing"]));
        // Another setting is no other program.
        let setting = json!({ "timeout": "5" });
        world.ok(Method::PATCH, "/v1/servers/billing", setting).await;
        let path = made["path"].as_str().unwrap();
        assert_eq!(get(&world, path).await.status, 200);
        if removed_first {
            world.ok(Method::DELETE, "/v1/servers/billing", Value::Null).await;
        }
        let replaced = world.rows().version;
        world.ok(Method::POST, "/v1/servers", billing("/bin/ls")).await;
        assert!(world.rows().version > replaced);
        assert_eq!(world.rows().secrets[0].origins, ["server:billing"]);
        is_dead(&get(&world, path).await);
        is_dead(&give(&world, path, "tst_value_1").await);
        assert_eq!((listed(&world).await, version(&world).await), (json!([]), Value::Null));
        let told = world.told().await;
        assert!(removed_first || told.contains(r#""intakes_cancelled:billing-key":"1""#), "{told}");
    }
}

#[tokio::test]
async fn only_one_of_many_is_first() {
    let world = World::new();
    let (path, _) = link(&world).await;
    let one = |value: &'static str| give(&world, &path, value);
    let (a, b, c, d) = tokio::join!(one("tst_a"), one("tst_b"), one("tst_c"), one("tst_d"));
    let mut statuses = [a, b, c, d].map(|seen| seen.status);
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 404, 404, 404]);
    assert_eq!(version(&world).await, json!(1));
}

#[tokio::test]
async fn a_users_own_credential_is_not_asked_for() {
    let world = World::new();
    let definition = json!({ "type": "http", "url": "https://mail.example.com/mcp" });
    let add = json!({ "kind": "mcp", "name": "mail", "definition": definition, "no_verify": true });
    world.ok(Method::POST, "/v1/servers", add).await;
    let body = json!({ "value": "tst_of_ann", "key": "bearer" });
    world.ok(Method::PUT, "/v1/user-credentials/mail/ann", body).await;
    let name = world.rows().secrets[0].name.to_string();
    let path = format!("/v1/secrets/{name}/intake");
    let (status, answer) = world.ask(Method::POST, &path, json!({})).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("a user's own credential"), "{answer}");
}
