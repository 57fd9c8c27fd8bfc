//! The demo API over its real socket: refusals first.

use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::{DemoApi, definition_yaml};

const KEY: &str = "X-Api-Key: KEY\r\n";

/// Sends a request to a fresh API and compares the status line and the body.
async fn check(line: &str, headers: &str, body: &str, expected: Expect) {
    let tasks = TaskTracker::new();
    let api = DemoApi::start(&tasks, |bytes| bytes.fill(0x5a)).await.unwrap();
    let answer = ask(&api, line, headers, body).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    let body = body.replace(api.key.expose(), "KEY").replace(&api.origin.authority(), "HOST");
    expected.assert_eq(&format!("{status}\n{body}"));
    api.stop();
    tasks.close();
    tasks.wait().await;
}

async fn ask(api: &DemoApi, line: &str, headers: &str, body: &str) -> String {
    let headers = headers.replace("KEY", api.key.expose());
    let mut stream = TcpStream::connect((api.origin.host(), api.origin.port())).await.unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_request_without_the_right_key_is_refused() {
    for headers in ["", "X-Api-Key: wrong\r\n", "X-Api-Key: KEY\r\nX-Api-Key: KEY\r\n"] {
        check(
            "GET /invoices/INV-7",
            headers,
            "",
            expect![[r#"
            HTTP/1.1 401 Unauthorized
            {"error":{"message":"X-Api-Key is missing or wrong"}}"#]],
        )
        .await;
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let not_found = expect![[r#"
        HTTP/1.1 404 Not Found
        {"error":{"message":"no such invoice"}}"#]];
    check("GET /invoices/INV-9", KEY, "", not_found).await;
    check(
        "POST /refunds",
        KEY,
        r#"{"number":"INV-9"}"#,
        expect![[r#"
        HTTP/1.1 422 Unprocessable Entity
        {"error":{"message":"`number` names no invoice"}}"#]],
    )
    .await;
}

#[tokio::test]
async fn invoices_are_read_listed_and_refunded() {
    check("GET /invoices/INV-7", KEY, "", expect![[r#"
        HTTP/1.1 200 OK
        {"number":"INV-7","customer":"acme","subject":"12 seats, October","amount":"1188.00","currency":"EUR","state":"paid"}"#]])
    .await;
    check("GET /invoices?customer=globex", KEY, "", expect![[r#"
        HTTP/1.1 200 OK
        {"invoices":[{"number":"INV-12","customer":"globex","subject":"On-site training","amount":"2400.50","currency":"EUR","state":"overdue"}]}"#]])
    .await;
    check(
        "POST /refunds",
        KEY,
        r#"{"number":"INV-7"}"#,
        expect![[r#"
        HTTP/1.1 201 Created
        {"refund":"R-INV-7","number":"INV-7","amount":"1188.00"}"#]],
    )
    .await;
}

#[tokio::test]
async fn the_echo_says_back_what_came_the_key_included() {
    check("GET /echo?note=hi", KEY, "", expect![[r#"
        HTTP/1.1 200 OK
        {"headers":{"host":"x","connection":"close","content-length":"0","x-api-key":"KEY"},"query":"note=hi","body":""}"#]])
    .await;
}

#[tokio::test]
async fn what_came_is_remembered_without_values() {
    let tasks = TaskTracker::new();
    let api = DemoApi::start(&tasks, |bytes| bytes.fill(7)).await.unwrap();
    ask(&api, "GET /invoices", "", "").await;
    ask(&api, "GET /invoices?customer=acme", KEY, "").await;
    let seen = api.seen();
    let summary = seen.iter().map(|it| format!("{} {} {}", it.method, it.path, it.key_right));
    assert_eq!(
        summary.collect::<Vec<_>>(),
        ["GET /invoices false", "GET /invoices?customer=acme true"]
    );
    assert!(!format!("{api:?} {seen:?} {:?}", api.key).contains(api.key.expose()));
}

#[test]
fn the_definition_names_the_address_and_no_key() {
    let origin = lanyard_core::Origin::parse("http://127.0.0.1:4100").unwrap();
    let yaml = definition_yaml(&origin);
    assert_eq!(yaml.matches("http://127.0.0.1:4100/").count(), 4);
    assert!(yaml.contains("secret://billing-key") && !yaml.contains("ORIGIN"));
}
