//! The page as the one who was sent its link opens it, and as others try to.

use axum::body::Body;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::super::tests::{link, made, version};
use crate::fixture::World;

const HOST: &str = "127.0.0.1:7411";
const OWN: Option<&str> = Some("http://127.0.0.1:7411");

/// What a page was answered with.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) text: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn send(world: &World, request: Request<Body>) -> Seen {
    let (status, headers, text) = world.raw(request).await;
    let seen = Seen { status, headers, text };
    // Whatever it is, it is kept nowhere, tells nobody its address, loads nothing and runs nothing.
    assert_eq!(seen.header("cache-control"), "no-store");
    assert_eq!(seen.header("referrer-policy"), "strict-origin");
    let policy = seen.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(seen.header("x-frame-options"), "DENY");
    assert!(!seen.text.contains("<script") && !seen.text.contains(" style="), "{}", seen.text);
    assert!(!seen.text.contains("tst_"), "a page holds a value: {}", seen.text);
    seen
}

pub(crate) async fn get(world: &World, path: &str) -> Seen {
    let request = Request::builder().uri(path).header("host", HOST);
    send(world, request.body(Body::empty()).unwrap()).await
}

/// Sends the form of a page.
pub(crate) async fn give(world: &World, path: &str, value: &str) -> Seen {
    post(world, path, OWN, format!("value={value}")).await
}

async fn post(world: &World, path: &str, origin: Option<&str>, body: String) -> Seen {
    let mut request = Request::builder().method(Method::POST).uri(path).header("host", HOST);
    request = request.header("content-type", "application/x-www-form-urlencoded");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    send(world, request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_value_goes_in_once_and_the_address_is_nothing_any_more() {
    let world = World::new();
    let (path, id) = link(&world).await;
    // Chats look at addresses before people do.
    for _ in 0..3 {
        let seen = get(&world, &path).await;
        assert_eq!(seen.status, 200);
        for part in [
            "billing-key",
            "<strong>https://billing.example.com</strong>",
            "owner:uid:1000",
            "14 minutes left",
            "autocomplete=\"off\"",
            "type=\"password\"",
        ] {
            assert!(seen.text.contains(part), "{part}: {}", seen.text);
        }
    }
    let published = world.published();
    let seen = give(&world, &path, "tst_value+1%0A").await;
    assert_eq!((seen.status, seen.header("location")), (303, "/console/intake/done"));
    assert_eq!(world.published(), published + 1, "the next call uses it");
    assert_eq!(version(&world).await, json!(1));
    let told = world.told().await;
    let begins = r#""secret.set" "secret:billing-key" "owner:uid:1000""#;
    assert!(told.starts_with(begins) && told.contains(&id), "{told}");
    assert!(!told.contains("tst_") && !told.contains("lyd_i_"), "{told}");
    let done = get(&world, "/console/intake/done").await;
    assert!(done.status == 200 && done.text.contains("It is stored"), "{}", done.text);
    let (again, looked) = (give(&world, &path, "tst_value_2").await, get(&world, &path).await);
    assert_eq!((again.status, looked.status), (404, 404));
    assert_eq!(again.text, looked.text);
    assert_eq!(version(&world).await, json!(1));
}

#[tokio::test]
async fn what_is_no_link_is_answered_alike() {
    let world = World::new();
    let (path, _) = link(&world).await;
    give(&world, &path, "tst_value_1").await;
    let used = get(&world, &path).await;
    let never = lanyard_vault::mint(lanyard_vault::TokenKind::Intake, &lanyard_vault::fill_random);
    let never = never.unwrap();
    let operators = path.replace("lyd_i_", "lyd_o_");
    let mut damaged = path.clone();
    let last = damaged.pop();
    damaged.push(if last == Some('A') { 'B' } else { 'A' });
    let paths = [
        format!("/console/intake/{}", never.plain.expose()),
        damaged,
        operators,
        "/console/intake/x".to_owned(),
        "/console/intake/%2e%2e".to_owned(),
        format!("/console/intake/{}", "9".repeat(4000)),
    ];
    for path in &paths {
        for seen in [get(&world, path).await, give(&world, path, "tst_value_2").await] {
            assert_eq!((seen.status, &seen.text), (404, &used.text), "{path}");
        }
    }
    assert_eq!(version(&world).await, json!(1));
}

#[tokio::test]
async fn a_form_of_another_page_or_of_too_much_stores_nothing_and_uses_nothing_up() {
    let world = World::new();
    let (path, _) = link(&world).await;
    for origin in [None, Some("null"), Some("https://evil.example"), Some("http://127.0.0.1:3000")]
    {
        let seen = post(&world, &path, origin, "value=tst_value_1".to_owned()).await;
        assert_eq!(seen.status, 403, "{origin:?}");
        assert!(seen.text.contains("was not sent by a page of the console"), "{}", seen.text);
    }
    for (body, why) in [
        ("value=tst".to_owned(), "a credential has at least 4 bytes"),
        ("value=".to_owned(), "the value is empty"),
        ("value=++++++".to_owned(), "the value is nothing but blanks"),
        ("value=abcd%00efgh".to_owned(), "the value holds a control character"),
        ("value=abcd%0d%0aefgh".to_owned(), "the value has several lines"),
        ("value=%ff%fe%ff%fe".to_owned(), "the form holds bytes that are no UTF-8 text"),
        ("value=abc%zz".to_owned(), "it has a % without two hexadecimal digits"),
        (format!("value=tst_{}", "x".repeat(64 << 10)), "a credential has at most 65536 bytes"),
        (format!("value=tst_{}", "%41".repeat(70 << 10)), "the form is too large"),
        ("value=tst_value&value=tst_value".to_owned(), "the form is not what this page sends"),
        ("value=tst_value&more=1".to_owned(), "the form is not what this page sends"),
        ("other=tst_value".to_owned(), "the form is not what this page sends"),
    ] {
        let seen = post(&world, &path, OWN, body).await;
        assert_eq!(seen.status, 422, "{why}");
        assert!(
            seen.text.contains(why) && seen.text.contains("type=\"password\""),
            "{}",
            seen.text
        );
    }
    assert_eq!(version(&world).await, Value::Null);
    let largest = "%41".repeat(64 << 10);
    assert_eq!(give(&world, &path, &largest).await.status, 303);
    assert_eq!(version(&world).await, json!(1));
}

#[tokio::test]
async fn the_page_says_every_place_and_when_there_is_none() {
    let world = World::new();
    let unbound = made(&world, json!({})).await;
    let seen = get(&world, unbound["path"].as_str().unwrap()).await;
    assert!(seen.text.contains("It goes nowhere yet."), "{}", seen.text);
    let body = json!({
        "origins": ["https://a.example", "http://b.example", "server:git"],
        "insecure_origins": ["http://b.example"],
    });
    let bound = made(&world, body).await;
    let path = bound["path"].as_str().unwrap();
    let seen = get(&world, path).await;
    for part in [
        "<strong>https://a.example</strong>",
        "<strong>http://b.example</strong> (not encrypted on its way)",
        "the process of the server <strong>git</strong>",
    ] {
        assert!(seen.text.contains(part), "{part}: {}", seen.text);
    }
    assert!(!seen.text.contains("the present value"), "{}", seen.text);
    // The link that was made before the secret was bound is for nowhere, and stays so.
    assert_eq!(give(&world, unbound["path"].as_str().unwrap(), "tst_value").await.status, 409);
    assert_eq!(give(&world, path, "tst_value_1").await.status, 303);
    let next = made(&world, json!({})).await;
    let seen = get(&world, next["path"].as_str().unwrap()).await;
    assert!(seen.text.contains("takes the place of the present value"), "{}", seen.text);
}

#[tokio::test]
async fn an_operator_is_named() {
    let world = World::new();
    let body = json!({ "name": "maria", "role": "owner" });
    let maria = world.ok(Method::POST, "/v1/operators", body).await;
    let token = maria["token"].as_str().unwrap();
    let path = "/v1/secrets/billing-key/intake";
    let (_, made) = world.ask_as(token, Method::POST, path, json!({})).await;
    let path = made["path"].as_str().unwrap();
    assert!(get(&world, path).await.text.contains("The operator <strong>maria</strong> asks"));
    give(&world, path, "tst_value_1").await;
    assert!(world.told().await.contains("\"operator:maria\""));
}
