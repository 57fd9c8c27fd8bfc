//! Answers that are proper, and those that are not.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::servers::Server;
use super::*;

async fn check(answer: &[u8], expected: Result<&str, &str>) {
    check_with(answer, &Limits::standard(), expected).await;
}

async fn check_with(answer: &[u8], limits: &Limits, expected: Result<&str, &str>) {
    let server = Server::answer(answer).await;
    let call = Call::new(&upstream_with(limits), &server.origin, "/");
    let actual = call
        .send()
        .await
        .map(|answer| format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    let actual = actual.map_err(|failure| failure.to_string());
    let said = String::from_utf8_lossy(answer.get(..80).unwrap_or(answer)).into_owned();
    assert_eq!(actual.as_deref().map_err(String::as_str), expected, "{said}");
    assert_eq!(server.seen.requests(), 1, "nothing is sent twice: {said}");
}

const NOT_HTTP: &str = "the server's answer cannot be used: it is not valid HTTP";
const BROKE_OFF: &str = "the server's answer cannot be used: the connection ended before it was \
                         complete; the call may have taken effect";
const HEAD_TOO_LARGE: &str =
    "the server's answer cannot be used: its headers are larger than the limit";
const GARBLED: &str =
    "the server's answer cannot be used: its body is not what its content encoding says";
const ENCODING: &str =
    "the server's answer cannot be used: its content encoding is not one that was offered";
const TOO_LARGE: &str = "the server's answer is larger than the limit";

#[tokio::test]
async fn what_is_not_http_is_unusable() {
    check(b"SSH-2.0-OpenSSH_9.6\r\n", Err(NOT_HTTP)).await;
    check(b"HTTP/1.1 abc\r\n\r\n", Err(NOT_HTTP)).await;
    check(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Err(NOT_HTTP)).await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Err(NOT_HTTP))
        .await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Err(NOT_HTTP)).await;
    let other = "the server's answer cannot be used: it changes to another protocol, which was not \
                 asked for";
    check(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Err(other)).await;
}

#[tokio::test]
async fn what_breaks_off_is_unusable() {
    check(b"", Err(BROKE_OFF)).await;
    check(b"HTTP/1.1 200 OK\r\nContent-Le", Err(BROKE_OFF)).await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Err(BROKE_OFF)).await;
    check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Err(BROKE_OFF)).await;
    check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", Err(BROKE_OFF))
        .await;
    check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Err(BROKE_OFF)).await;
}

#[tokio::test]
async fn a_head_has_limits() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(70 << 10));
    check(long.as_bytes(), Err(HEAD_TOO_LARGE)).await;
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    check(many.as_bytes(), Err(HEAD_TOO_LARGE)).await;
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let limits = Limits { answer_bytes_max: 5, ..Limits::standard() };
    let check = async |answer: &[u8], expected| check_with(answer, &limits, expected).await;
    // The announced length is enough to refuse.
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", Err(TOO_LARGE)).await;
    check(b"HTTP/1.1 200 OK\r\n\r\nabcdef", Err(TOO_LARGE)).await;
    check(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
        Err(TOO_LARGE),
    )
    .await;
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", Ok("200 abcde")).await;
    check(b"HTTP/1.1 200 OK\r\n\r\nabcde", Ok("200 abcde")).await;
}

fn packed(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn packed_bodies_are_unpacked_or_refused() {
    check(&packed("gzip", b"hello"), Err(GARBLED)).await;
    check(&packed("br", b"\xff\xff\xff\xff"), Err(GARBLED)).await;
    check(&packed("deflate", b"hello"), Err(ENCODING)).await;
    check(&packed("gzip, br", b"hello"), Err(ENCODING)).await;
    let limits = Limits { answer_bytes_max: 1 << 20, ..Limits::standard() };
    let bomb = packed("gzip", &gzip(&vec![0; 8 << 20]));
    assert!(bomb.len() < 10_000);
    check_with(&bomb, &limits, Err(TOO_LARGE)).await;
    check(&packed("gzip", &gzip(b"hello")), Ok("200 hello")).await;
    check(&packed("br", b"\x0b\x02\x80hello\x03"), Ok("200 hello")).await;
    check(&packed("gzip", b""), Ok("200 ")).await;
}

#[tokio::test]
async fn the_headers_of_the_packed_body_are_left_out() {
    let server = Server::answer(&packed("gzip", &gzip(b"hello"))).await;
    let answer = Call::new(&upstream(), &server.origin, "/").send().await.unwrap();
    assert_eq!((answer.headers, &answer.body[..]), (vec![], b"hello" as &[u8]));
}

#[tokio::test]
async fn proper_answers_come_whole() {
    check(b"HTTP/1.1 200 OK\r\n\r\nuntil it closes", Ok("200 until it closes")).await;
    check(b"HTTP/1.0 404 Not Found\r\n\r\nno", Ok("404 no")).await;
    check(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", Ok("204 ")).await;
    check(b"HTTP/1.1 500 \r\nContent-Length: 2\r\n\r\nno", Ok("500 no")).await;
    check(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", Ok("999 ")).await;
    check(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        Ok("200 ok"),
    )
    .await;
    check(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
          2\r\nab\r\n3;ext=1\r\ncde\r\n0\r\nX-Sum: 7\r\n\r\n",
        Ok("200 abcde"),
    )
    .await;
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let server =
        Server::answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Encoding: br\r\n\r\n")
            .await;
    let mut call = Call::new(&upstream(), &server.origin, "/");
    call.method = "HEAD";
    let answer = call.send().await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(answer.headers.contains(&("content-length".to_owned(), "99".to_owned())));
}

#[tokio::test]
async fn a_large_body_comes_in_pieces_and_whole() {
    let server = Server::start().await;
    let call = Call::new(&upstream(), &server.origin, "/large");
    let answer = call.send().await.unwrap();
    assert_eq!(answer.body, vec![b'x'; 1 << 20]);
}

#[tokio::test]
async fn nothing_takes_longer_than_the_deadline() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
    for script in [&[None][..], &[Some(&head[..]), None]] {
        let server = Server::play(&[script]).await;
        let mut call = Call::new(&upstream(), &server.origin, "/").post("BODY");
        call.deadline = Duration::from_millis(200);
        assert_eq!(call.send().await.unwrap_err(), Failure::TimedOut);
        server.seen.until_open(0).await;
        assert_eq!(server.seen.requests(), 1);
    }
}

#[tokio::test]
async fn connecting_has_a_limit_of_its_own() {
    // Accepted by the kernel, never by the program: TLS gets no answer.
    let (_listener, port) = servers::listen().await;
    let limits = Limits { connect_ms_max: 50, ..Limits::standard() };
    let call = Call::new(&upstream_with(&limits), &format!("https://127.0.0.1:{port}"), "/");
    assert_eq!(call.send().await.unwrap_err(), Failure::Unreachable);
}
