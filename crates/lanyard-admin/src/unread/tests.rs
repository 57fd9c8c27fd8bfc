//! Answers of the API that are given before the request's body has come.

use lanyard_core::Known;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::AdminListener;
use crate::fixture::World;

/// A connection to the API over TCP, where everybody needs a token.
async fn connect(world: &World) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let known = Known { loopback: true, ..Known::default() };
    let admin = world.admin.clone();
    let serving =
        async move { admin.serve(AdminListener::Tcp { listener, known, tls: None }).await };
    world.admin.shared.parts.tasks.spawn(serving);
    TcpStream::connect(address).await.unwrap()
}

fn head(line: &str, host: &str, length: usize) -> String {
    format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// The status of the next answer, and whether it says that the connection closes.
async fn answer(stream: &mut TcpStream) -> (u16, bool) {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        text.push(char::from(stream.read_u8().await.unwrap()));
    }
    let lower = text.to_ascii_lowercase();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    (status, lower.contains("connection: close"))
}

const REFUSED: [(&str, &str, u16); 5] = [
    ("POST /v1/servers", "evil.example", 421),
    ("POST /v1/servers", "localhost", 401),
    ("PUT /v1/servers", "localhost", 405),
    ("POST /v1/nowhere", "localhost", 404),
    ("GET /healthz", "localhost", 200),
];

#[tokio::test]
async fn a_connection_goes_on_after_an_answer_that_did_not_wait_for_the_body() {
    let world = World::new();
    for (line, host, status) in REFUSED {
        let mut stream = connect(&world).await;
        stream.write_all(head(line, host, 300).as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        stream.write_all(&[b' '; 300]).await.unwrap();
        assert_eq!(answer(&mut stream).await, (status, false), "{line}");
        stream.write_all(head("GET /healthz", "localhost", 0).as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await, (200, false), "after {line}");
    }
}

#[tokio::test]
async fn an_answer_says_that_the_connection_closes_where_the_body_does_not_come_or_is_large() {
    let world = World::new();
    for (line, host, status) in REFUSED {
        for length in [300, 50_000_000] {
            let mut stream = connect(&world).await;
            stream.write_all(head(line, host, length).as_bytes()).await.unwrap();
            assert_eq!(answer(&mut stream).await, (status, true), "{line}");
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        }
    }
}
