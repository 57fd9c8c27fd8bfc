//! What goes out, to where, and what is refused before anything does.

use expect_test::{Expect, expect};

use super::servers::Server;
use super::*;

/// No server: a request that gets as far as a connection fails as unreachable.
const NOWHERE: &str = "http://127.0.0.1:9";

#[track_caller]
fn check_refused(call: &Call, expected: &str) {
    let refused = Prepared::new(&call.request(), PACKED).err().map(|failure| failure.to_string());
    assert_eq!(refused.as_deref(), Some(expected), "{} {}", call.method, call.target);
}

#[tokio::test]
async fn headers_that_would_break_out_are_refused() {
    let upstream = upstream();
    let control = "the request cannot be built: the header `x-a` holds a control character";
    for value in ["a\r\nx-b: c", "a\nb", "a\rb", "a\0b", "\u{1b}[2J", "a\u{7f}"] {
        check_refused(&Call::new(&upstream, NOWHERE, "/").header("X-A", value), control);
    }
    for name in ["", "x a", "x\r\ny", "x:", ":path", "x\0", "\u{e4}", "x(y"] {
        let visible: String = name.chars().filter(char::is_ascii_graphic).collect();
        let expected = format!("the request cannot be built: `{visible}` is no header name");
        check_refused(&Call::new(&upstream, NOWHERE, "/").header(name, "v"), &expected);
    }
    for name in ["Connection", "Transfer-Encoding", "TE", "Upgrade", "Expect", "Proxy-Connection"] {
        let expected = format!(
            "the request cannot be built: the header `{}` belongs to the connection and cannot be set",
            name.to_lowercase()
        );
        check_refused(&Call::new(&upstream, NOWHERE, "/").header(name, "v"), &expected);
    }
    for (name, value) in [("Host", "evil.test"), ("Host", ""), ("Content-Length", "5")] {
        let expected = format!(
            "the request cannot be built: the header `{}` does not fit the request",
            name.to_lowercase()
        );
        check_refused(&Call::new(&upstream, NOWHERE, "/").header(name, value), &expected);
    }
}

#[tokio::test]
async fn targets_and_methods_that_would_break_out_are_refused() {
    let upstream = upstream();
    let expected = "the request cannot be built: its path or query is not encoded, or too long";
    for target in [
        "",
        "a",
        "*",
        "@evil.test/",
        "http://evil.test/",
        "/a b",
        "/a#b",
        "/a\r\nx: y",
        "/\u{e4}",
        "/a\0",
    ] {
        check_refused(&Call::new(&upstream, NOWHERE, target), expected);
    }
    let long = format!("/{}", "x".repeat(1 << 16));
    check_refused(&Call::new(&upstream, NOWHERE, &long), expected);
    for method in ["", "GET /evil HTTP/1.1\r\n", "G T", "CONNECT"] {
        let mut call = Call::new(&upstream, NOWHERE, "/");
        call.method = method;
        check_refused(&call, "the request cannot be built: its method is not one that can be sent");
    }
}

#[test]
fn debug_shows_no_value() {
    let call = Call::new(&upstream(), NOWHERE, "/?key=tst_secret").post("tst_secret");
    let call = call.header("authorization", "Bearer tst_secret");
    let answer = UpstreamAnswer {
        status: 200,
        headers: vec![("x".to_owned(), "tst_secret".to_owned())],
        body: Bytes::from_static(b"tst_secret"),
    };
    let shown = format!("{:?} {answer:?} {:?}", call.request(), call.upstream);
    assert!(!shown.contains("tst_secret"), "{shown}");
}

async fn check_sent(call: Call, port: u16, expected: Expect) {
    expected.assert_eq(&call.text().await.replace(&port.to_string(), "PORT"));
}

#[tokio::test]
async fn what_was_given_is_sent_and_nothing_else() {
    let server = Server::start().await;
    let upstream = upstream();
    let call = |target: &str| Call::new(&upstream, &server.origin, target);
    check_sent(
        call("/a%2Fb//c/../d?q=1&q=%20&x={y}|"),
        server.port,
        expect![[r#"
            GET /a%2Fb//c/../d?q=1&q=%20&x={y}| HTTP/1.1
            host: 127.0.0.1:PORT
            accept-encoding: gzip, br
        "#]],
    )
    .await;
    check_sent(
        call("//evil.test/x")
            .post("{\"a\": 1}")
            .header("X-Many", "1")
            .header("x-many", " 2\t")
            .header("Accept-Encoding", "identity")
            .header("X-Word", "gr\u{fc}n"),
        server.port,
        expect![[r#"
            POST //evil.test/x HTTP/1.1
            x-many: 1
            x-many: 2
            accept-encoding: identity
            x-word: grün
            host: 127.0.0.1:PORT
            content-length: 8
            {"a": 1}"#]],
    )
    .await;
    let host = server.origin.replace("http://", "");
    let same = call("/").header("host", &host).header("content-length", "0").post("");
    check_sent(
        same,
        server.port,
        expect![[r#"
            POST / HTTP/1.1
            host: 127.0.0.1:PORT
            content-length: 0
            accept-encoding: gzip, br
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_forbidden_address_is_not_dialled() {
    let server = Server::start().await;
    let resolver = Scripted::new(&[&["127.0.0.1", "10.0.0.1", "::ffff:127.0.0.1"]]);
    let origin = format!("http://name.test:{}", server.port);
    let call = Call::new(&resolver.upstream(), &origin, "/");
    assert_eq!(call.send().await.unwrap_err(), Failure::AddressForbidden);
    assert_eq!(server.seen.connections(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_each_connection_and_checked_each_time() {
    let server = Server::start().await;
    let resolver = Scripted::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let upstream = resolver.upstream();
    let origin = format!("http://allowed.test:{}", server.port);
    let mut call = Call::new(&upstream, &origin, "/");
    call.private = PrivateAllowance::of(["allowed.test"]);
    for _ in 0..3 {
        assert!(call.text().await.contains("host: allowed.test:"));
    }
    assert_eq!((server.seen.connections(), resolver.asked.load(Ordering::SeqCst)), (1, 1));
    // The name now leads to the metadata service, which no name may, allowed or not.
    upstream.retire(|_| true);
    assert_eq!(call.send().await.unwrap_err(), Failure::AddressForbidden);
    assert_eq!((server.seen.connections(), resolver.asked.load(Ordering::SeqCst)), (1, 2));
}

#[tokio::test]
async fn the_permitted_addresses_of_a_name_are_tried_one_after_the_other() {
    let server = Server::start().await;
    // The first is forbidden, the second refuses connections on this port.
    let resolver = Scripted::new(&[&["169.254.169.254", "127.0.0.2", "127.0.0.1"]]);
    let origin = format!("http://allowed.test:{}", server.port);
    let mut call = Call::new(&resolver.upstream(), &origin, "/");
    call.private = PrivateAllowance::of(["allowed.test"]);
    call.text().await;
    assert_eq!(server.seen.connections(), 1);
}

#[tokio::test]
async fn localhost_is_not_looked_up() {
    let server = Server::start().await;
    let resolver = Scripted::new(&[&["10.0.0.1"]]);
    let origin = format!("http://localhost:{}", server.port);
    Call::new(&resolver.upstream(), &origin, "/").text().await;
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let (listener, port) = servers::listen().await;
    drop(listener);
    let upstream = upstream();
    let gone = Call::new(&upstream, &format!("http://127.0.0.1:{port}"), "/");
    assert_eq!(gone.send().await.unwrap_err(), Failure::Unreachable);
    let unknown = Call::new(&Scripted::new(&[&[]]).upstream(), "http://name.test", "/");
    assert_eq!(unknown.send().await.unwrap_err(), Failure::Unreachable);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let server = Server::start().await;
    let call = Call::new(&upstream(), &server.origin, "/redirect");
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.headers.contains(&("location".to_owned(), "/elsewhere".to_owned())));
    assert_eq!(server.seen.requests(), 1);
}
