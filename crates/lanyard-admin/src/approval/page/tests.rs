//! The pages as a browser asks for them, and as whoever attacks one does.

use axum::body::Body;
use http::{HeaderMap, Method, Request};
use serde_json::json;

use super::super::tests::{asks, asks_about, world};
use super::*;
use crate::fixture::World;

const HOST: &str = "127.0.0.1:7411";
const OWN: Option<&str> = Some("http://127.0.0.1:7411");

/// What a page was answered with.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of a hidden field of its first form.
    fn field(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn send(world: &World, request: http::request::Builder, body: Body) -> Seen {
    let (status, headers, text) = world.raw(request.body(body).unwrap()).await;
    // Whatever it is, it is kept nowhere, loads nothing and runs nothing.
    assert_eq!(headers["cache-control"], "no-store");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert!(!text.contains("<script") && !text.contains(" style="), "{text}");
    Seen { status, headers, text }
}

/// A browser with what it was given.
#[derive(Clone)]
struct Browser<'a> {
    world: &'a World,
    cookie: String,
    key: String,
    secret: String,
}

impl<'a> Browser<'a> {
    /// One that nobody has signed in with.
    fn new(world: &'a World) -> Self {
        Self { world, cookie: String::new(), key: String::new(), secret: String::new() }
    }

    async fn signed_in(world: &'a World, token: &str) -> Self {
        let mut browser = Self::new(world);
        let seen = browser.post(OWN, "/console/login", &[("token", token)]).await;
        assert_eq!(seen.status, 303, "{seen:?}");
        browser.cookie = seen.header("set-cookie").split(';').next().unwrap().to_owned();
        browser.key = seen.header("location").split_once("key=").unwrap().1.to_owned();
        browser.secret = browser.list().await.field("secret");
        browser
    }

    async fn get(&self, path: &str) -> Seen {
        let request = Request::builder().uri(path).header("host", HOST);
        send(self.world, request.header("cookie", &self.cookie), Body::empty()).await
    }

    async fn list(&self) -> Seen {
        self.get(&format!("/console/approvals?key={}", self.key)).await
    }

    async fn show(&self, id: &str) -> Seen {
        self.get(&format!("/console/approvals/{id}?key={}", self.key)).await
    }

    async fn post(&self, origin: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut request = Request::builder().method(Method::POST).uri(path).header("host", HOST);
        request = request.header("cookie", &self.cookie);
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let pairs = fields.iter().map(|(name, value)| format!("{name}={value}"));
        let body = pairs.collect::<Vec<_>>().join("&");
        send(self.world, request, Body::from(body)).await
    }

    async fn decide_from(&self, origin: Option<&str>, decision: &str) -> Seen {
        let fields = [
            ("key", self.key.as_str()),
            ("secret", &self.secret),
            ("decision", decision),
            ("note", "invoice+7"),
        ];
        self.post(origin, "/console/approvals/a1", &fields).await
    }

    async fn sign_out(&self) -> Seen {
        let fields = [("key", self.key.as_str()), ("secret", self.secret.as_str())];
        self.post(OWN, "/console/logout", &fields).await
    }
}

#[tokio::test]
async fn an_operator_signs_in_looks_and_says_yes() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    let browser = Browser::signed_in(&world, &tokens[0]).await;
    let told = world.told().await;
    assert!(told.starts_with(r#""operator.sign_in" "operator:ann" "operator:ann""#), "{told}");
    let empty = browser.list().await;
    assert!(empty.text.contains("Nothing waits for you."), "{}", empty.text);
    asks(&world, "a1", "eve");
    let list = browser.list().await;
    for text in ["bank.pay", "<strong>ci</strong>", "<strong>eve</strong>", "more than 1000", "•••"]
    {
        assert!(list.text.contains(text), "{text}: {}", list.text);
    }
    assert!(list.text.contains("http-equiv=\"refresh\" content=\"10;url="));
    let one = browser.show("a1").await;
    assert!(!one.text.contains("refresh"), "what somebody writes stays");
    for text in ["large", "version 0", "&quot;iban&quot;: &quot;DE1&quot;", "Approve this call"] {
        assert!(one.text.contains(text), "{text}: {}", one.text);
    }
    let done = browser.decide_from(OWN, "allow").await;
    assert_eq!(done.status, 303, "{done:?}");
    let after = browser.get(done.header("location")).await;
    assert!(after.text.contains("was allowed by ann."), "{}", after.text);
    let told = world.told().await;
    assert!(told.starts_with(r#""approval.allow" "approval:a1" "operator:ann""#), "{told}");
    assert!(told.contains("invoice 7"), "{told}");
    assert_eq!(world.decided.lock().unwrap().len(), 1);
    let again = browser.decide_from(OWN, "deny").await;
    assert!(again.status == 409 && again.text.contains("it was allowed by ann"), "{again:?}");
}

#[tokio::test]
async fn the_cookie_is_no_token_and_ends() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    let browser = Browser::new(&world);
    let seen = browser.post(OWN, "/console/login", &[("token", &tokens[0])]).await;
    let cookie = seen.header("set-cookie").to_owned();
    for part in ["; Path=/console", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("lyd_") && !cookie.contains("Secure"), "{cookie}");
    assert!(!seen.header("location").contains("lyd_"));
    let https = [("token", tokens[0].as_str())];
    let seen = browser.post(Some("https://127.0.0.1:7411"), "/console/login", &https).await;
    assert!(seen.header("set-cookie").ends_with("; Secure"));
    // Signed out, the same cookie is nothing.
    let browser = Browser::signed_in(&world, &tokens[0]).await;
    let other = Browser::signed_in(&world, &tokens[0]).await;
    let out = browser.sign_out().await;
    assert_eq!((out.status, out.header("location")), (303, "/console/login"));
    assert_eq!(browser.list().await.header("location"), "/console/login");
    assert_eq!(other.list().await.status, 200, "a sign-in of its own");
    // In time it ends by itself.
    let parts = &world.admin.shared.parts;
    // Every look at the clock is a second.
    for _ in 0..parts.limits.console_session_ms_max / 1000 {
        parts.clock.now();
    }
    assert_eq!(other.list().await.header("location"), "/console/login");
}

#[tokio::test]
async fn who_is_no_operator_is_not_let_in() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    let agent = world.ok(Method::POST, "/v1/agents", json!({ "name": "spy" })).await;
    let mut wrong = tokens[0].clone();
    wrong.pop();
    let browser = Browser::new(&world);
    for token in [agent["token"].as_str().unwrap(), wrong.as_str(), "", "x"] {
        let seen = browser.post(OWN, "/console/login", &[("token", token)]).await;
        assert_eq!(seen.status, 401, "{seen:?}");
        assert!(seen.text.contains("That is not the token of an operator."));
        assert_eq!(seen.header("set-cookie"), "");
        assert!(token.len() < 2 || !seen.text.contains(token), "what was typed is not repeated");
    }
    asks(&world, "a1", "eve");
    for path in ["/console/approvals", "/console/approvals/a1"] {
        let seen = browser.get(path).await;
        assert_eq!((seen.status, seen.header("location")), (303, "/console/login"));
    }
    assert_eq!(browser.decide_from(OWN, "allow").await.status, 403);
    let with_token = Request::builder()
        .uri("/console/approvals")
        .header("authorization", format!("Bearer {}", tokens[0]));
    assert_eq!(send(&world, with_token, Body::empty()).await.status, 303);
    assert!(world.decided.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_form_of_anybody_else_decides_nothing() {
    let operators = [("ann", "approver"), ("bob", "approver"), ("aud", "auditor")];
    let (world, tokens) = world(&operators).await;
    asks(&world, "a1", "eve");
    let ann = Browser::signed_in(&world, &tokens[0]).await;
    let bob = Browser::signed_in(&world, &tokens[1]).await;
    let aud = Browser::signed_in(&world, &tokens[2]).await;
    let none = Browser { secret: String::new(), ..ann.clone() };
    let crossed = Browser { secret: bob.secret.clone(), ..ann.clone() };
    let keyless = Browser { key: String::new(), ..ann.clone() };
    let cookieless = Browser { cookie: String::new(), ..ann.clone() };
    let doubled = Browser { cookie: format!("{0}; {0}", ann.cookie), ..ann.clone() };
    for (what, browser) in [
        ("without the form's secret", &none),
        ("with another operator's", &crossed),
        ("with the cookie alone", &keyless),
        ("without the cookie", &cookieless),
        ("with two cookies", &doubled),
        ("by an auditor", &aud),
    ] {
        let seen = browser.decide_from(OWN, "allow").await;
        assert_eq!(seen.status, 403, "{what}: {seen:?}");
    }
    for origin in [None, Some("null"), Some("http://evil.example"), Some("http://127.0.0.1:3000")] {
        let seen = ann.decide_from(origin, "allow").await;
        assert_eq!(seen.status, 403, "{origin:?}: {seen:?}");
        let fields = [("token", tokens[0].as_str())];
        let seen = ann.post(origin, "/console/login", &fields).await;
        assert_eq!((seen.status, seen.header("set-cookie")), (403, ""), "{origin:?}");
    }
    assert_eq!(keyless.list().await.status, 303, "the cookie alone shows nothing");
    assert_eq!(cookieless.list().await.status, 303, "the address alone shows nothing");
    assert!(!aud.show("a1").await.text.contains("Approve this call"));
    // Signed out, and revoked.
    ann.sign_out().await;
    assert_eq!(ann.decide_from(OWN, "allow").await.status, 403);
    world.ok(Method::DELETE, "/v1/operators/bob", Value::Null).await;
    assert_eq!(bob.list().await.status, 303);
    assert_eq!(bob.decide_from(OWN, "allow").await.status, 403);
    assert!(world.decided.lock().unwrap().is_empty());
}

#[tokio::test]
async fn nobody_decides_their_own_call_here_either() {
    let (world, tokens) = world(&[("eve", "owner")]).await;
    asks(&world, "a1", "Eve");
    let eve = Browser::signed_in(&world, &tokens[0]).await;
    let one = eve.show("a1").await;
    assert!(one.text.contains("the user whom this call is for"), "{}", one.text);
    assert!(!one.text.contains("Approve this call"));
    assert_eq!(eve.decide_from(OWN, "allow").await.status, 403);
    assert!(world.decided.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_agents_write_is_text() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    let evil = "<script>alert(1)</script>\" onload=\"x' &amp; \u{202e}";
    let arguments = json!({ evil: evil }).to_string();
    asks_about(&world, "a1", "eve", &arguments, |row| {
        row.reason = evil.to_owned();
        row.rules = vec![evil.to_owned()];
        row.tool = evil.to_owned();
    });
    let ann = Browser::signed_in(&world, &tokens[0]).await;
    for seen in [ann.list().await, ann.show("a1").await] {
        assert_eq!(seen.status, 200);
        // That no page holds `<script` is asserted of every answer.
        assert!(seen.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{}", seen.text);
        assert!(!seen.text.contains("\" onload=\"") && !seen.text.contains('\u{202e}'));
        assert!(seen.text.contains("\\u{202e}"), "hidden characters are spelled out");
    }
    let foreign = ann.get("/console/approvals?key=%22%3E%3Cscript%3E").await;
    assert_eq!(foreign.status, 303);
}

#[tokio::test]
async fn what_is_void_says_why_and_has_no_form() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    asks(&world, "a1", "eve");
    world.ok(Method::DELETE, "/v1/agents/ci", Value::Null).await;
    let ann = Browser::signed_in(&world, &tokens[0]).await;
    let list = ann.list().await;
    assert!(list.text.contains("Can no longer be approved"), "{}", list.text);
    assert!(list.text.contains("its agent was revoked"));
    assert!(!ann.show("a1").await.text.contains("Approve this call"));
    let seen = ann.decide_from(OWN, "allow").await;
    assert!(seen.status == 409 && seen.text.contains("its agent was revoked"), "{seen:?}");
}

#[tokio::test]
async fn a_tenant_sees_its_own() {
    let (world, tokens) = world(&[("ann", "approver")]).await;
    asks(&world, "a1", "eve");
    world.ok(Method::POST, "/v1/tenants", json!({ "name": "other" })).await;
    let ann = Browser::signed_in(&world, &tokens[0]).await;
    let other = ann.get(&format!("/console/approvals?key={}&tenant=other", ann.key)).await;
    assert!(other.text.contains("Nothing waits for you."), "{}", other.text);
    assert!(other.text.contains("<strong>other</strong>"));
    let path = format!("/console/approvals/a1?key={}&tenant=other", ann.key);
    assert_eq!(ann.get(&path).await.status, 404);
    let path = format!("/console/approvals?key={}&tenant=none", ann.key);
    assert_eq!(ann.get(&path).await.status, 404);
}
