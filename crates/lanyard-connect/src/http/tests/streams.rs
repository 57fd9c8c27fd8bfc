//! Answers that are read as they come.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::mpsc;

use super::http2::Authority;
use super::servers::{Server, listen};
use super::*;
use crate::fixture::{Connections, Stage, serve};

async fn piece(stream: &mut UpstreamStream) -> String {
    let piece = tokio::time::timeout(PATIENCE, stream.piece()).await.unwrap().unwrap().unwrap();
    String::from_utf8(piece.to_vec()).unwrap()
}

fn call(upstream: &Upstream, stage: &Stage, target: &str) -> Call {
    Call::new(upstream, &stage.origin(), target)
}

/// A stage behind TLS with HTTP/2, and who trusts it.
async fn secure() -> (Stage, String, Upstream) {
    let authority = Authority::new(&[b"h2"]);
    let (listener, port) = listen().await;
    let (sender, asked) = mpsc::unbounded_channel();
    let connections = Connections::default();
    let (acceptor, counted) = (authority.acceptor, connections.clone());
    TaskTracker::new().spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            TaskTracker::new().spawn(serve(stream, sender.clone(), counted.clone()));
        }
    });
    let roots = Roots::only(vec![authority.certificate]);
    let upstream = Upstream::new(&Limits::standard(), roots, TaskTracker::new()).unwrap();
    (Stage::behind(port, asked, connections), format!("https://localhost:{port}"), upstream)
}

#[tokio::test]
async fn a_redirect_and_an_error_are_answers_and_another_protocol_is_none() {
    let server = Server::answer(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n").await;
    let stream = Call::new(&upstream(), &server.origin, "/").stream().await.unwrap();
    assert_eq!((stream.status(), stream.header("location")), (302, Some(&b"/b"[..])));
    assert_eq!(server.seen.requests(), 1);
    let server = Server::answer(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n").await;
    Call::new(&upstream(), &server.origin, "/").stream().await.unwrap_err();
    let mut forbidden = Call::new(&upstream(), "http://10.0.0.1.example", "/");
    forbidden.upstream = Scripted::new(&[&["10.0.0.1"]]).upstream();
    assert_eq!(forbidden.stream().await.unwrap_err(), Failure::AddressForbidden);
}

#[tokio::test]
async fn pieces_are_handed_on_as_they_come_and_the_connection_is_used_again() {
    let mut stage = Stage::start().await;
    let upstream = upstream();
    for _ in 0..3 {
        let call = call(&upstream, &stage, "/events?a=b").post("body").header("x-a", "b");
        let (stream, pipe) = tokio::join!(call.stream(), async {
            let asked = stage.next().await;
            assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/events?a=b"));
            assert_eq!((asked.header("x-a"), asked.body.as_str()), (Some("b"), "body"));
            // What packs, holds back.
            assert_eq!(asked.header("accept-encoding"), Some("identity"));
            asked.events()
        });
        let mut stream = stream.unwrap();
        assert_eq!((stream.status(), stream.is_packed()), (200, false));
        for text in ["one", "two", "three"] {
            pipe.write(text.as_bytes()).await;
            assert_eq!(piece(&mut stream).await, text);
        }
        drop(pipe);
        assert_eq!(stream.piece().await, Ok(None));
        assert_eq!(stream.piece().await, Ok(None));
    }
    assert_eq!(stage.connections.accepted(), 1);
}

#[tokio::test]
async fn a_stream_has_no_limit_on_the_sum_of_its_pieces() {
    let mut stage = Stage::start().await;
    let limits = Limits { answer_bytes_max: 10, ..Limits::standard() };
    let call = call(&upstream_with(&limits), &stage, "/");
    let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let mut stream = stream.unwrap();
    for _ in 0..50 {
        pipe.write(b"0123456789").await;
        assert_eq!(piece(&mut stream).await, "0123456789");
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_its_connection() {
    let mut stage = Stage::start().await;
    let call = call(&upstream(), &stage, "/");
    // Before its head came.
    tokio::select! {
        stream = call.stream() => panic!("{stream:?}"),
        asked = stage.next() => drop(asked),
    }
    stage.connections.until_open(0).await;
    // And after.
    let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let mut stream = stream.unwrap();
    pipe.write(b"one").await;
    assert_eq!(piece(&mut stream).await, "one");
    drop(stream);
    pipe.abandoned().await;
    stage.connections.until_open(0).await;
    assert_eq!(stage.connections.accepted(), 2);
}

#[tokio::test]
async fn a_stream_that_is_dropped_resets_itself_and_nobody_else() {
    let (mut stage, origin, upstream) = secure().await;
    let call = Call::new(&upstream, &origin, "/");
    let (first, first_pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let (second, second_pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let (first, mut second) = (first.unwrap(), second.unwrap());
    drop(first);
    first_pipe.abandoned().await;
    second_pipe.write(b"two").await;
    assert_eq!(piece(&mut second).await, "two");
    drop(second_pipe);
    assert_eq!(second.piece().await, Ok(None));
    assert_eq!(stage.connections.accepted(), 1);
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_and_ends_its_connection() {
    let mut stage = Stage::start().await;
    let call = call(&upstream(), &stage, "/");
    let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let mut stream = stream.unwrap();
    pipe.write(b"one").await;
    assert_eq!(piece(&mut stream).await, "one");
    pipe.break_off().await;
    assert_eq!(
        stream.piece().await.unwrap_err().to_string(),
        "the server's answer cannot be used: the connection ended before it was complete; \
         the call may have taken effect"
    );
    assert_eq!(stream.piece().await, Ok(None));
    stage.connections.until_open(0).await;
}

#[tokio::test]
async fn the_head_has_a_deadline_and_the_stream_has_none() {
    let mut stage = Stage::start().await;
    let mut call = call(&upstream(), &stage, "/");
    call.deadline = Duration::from_millis(200);
    assert_eq!(call.stream().await.unwrap_err(), Failure::TimedOut);
    stage.next().await.abandoned().await;
    call.deadline = PATIENCE;
    let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    let mut stream = stream.unwrap();
    // A reader that gives up for a while loses nothing.
    let waiting = tokio::time::timeout(Duration::from_millis(1), stream.piece());
    waiting.await.unwrap_err();
    pipe.write(b"one").await;
    assert_eq!(piece(&mut stream).await, "one");
}

#[tokio::test]
async fn what_is_left_is_read_when_nobody_needs_it() {
    let mut stage = Stage::start().await;
    let upstream = upstream();
    let call = call(&upstream, &stage, "/");
    for count in 1..=3 {
        let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
        let mut stream = stream.unwrap();
        pipe.write(b"one").await;
        assert_eq!(piece(&mut stream).await, "one");
        stream.finish();
        pipe.write(b"the rest").await;
        drop(pipe);
        until(|| upstream.shared.pool.waiting() == 1).await;
        assert_eq!(stage.connections.accepted(), 1, "{count}");
    }
    // What does not end is not waited for.
    let (stream, pipe) = tokio::join!(call.stream(), async { stage.next().await.events() });
    stream.unwrap().finish();
    pipe.abandoned().await;
    stage.connections.until_open(0).await;
}

#[tokio::test]
async fn a_whole_body_is_unpacked_and_has_a_limit() {
    let mut stage = Stage::start().await;
    let upstream = upstream();
    let call = call(&upstream, &stage, "/");
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&[b'x'; 1000]).unwrap();
    let packed = packer.finish().unwrap();
    for (bytes_max, expected) in [(1000, Ok(1000)), (999, Err(Failure::AnswerTooLarge))] {
        let (stream, ()) = tokio::join!(call.stream(), async {
            stage.next().await.answer(200, &[("content-encoding", "gzip")], &packed).await;
        });
        let stream = stream.unwrap();
        assert!(stream.is_packed());
        assert_eq!(stream.whole(bytes_max).await.map(|body| body.len()), expected);
    }
    let (stream, ()) = tokio::join!(call.stream(), async {
        stage.next().await.answer(200, &[("content-encoding", "zstd")], b"abc").await;
    });
    assert_eq!(
        stream.unwrap().whole(1000).await.unwrap_err().to_string(),
        "the server's answer cannot be used: its content encoding is not one that is known"
    );
    let (stream, ()) = tokio::join!(call.stream(), async {
        stage.next().await.answer(204, &[], b"").await;
    });
    assert_eq!(stream.unwrap().whole(0).await, Ok(Bytes::new()));
}

#[tokio::test]
async fn a_request_for_a_stream_is_sent_once() {
    // The second request of the connection is read, and the connection closes without answer.
    let ok: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let server = Server::play(&[&[Some(ok), Some(b"")], &[Some(ok)]]).await;
    let call = Call::new(&upstream(), &server.origin, "/").post("BODY");
    let stream = call.stream().await.unwrap();
    assert_eq!(stream.whole(10).await.unwrap(), "ok");
    assert!(call.stream().await.is_err());
    assert_eq!((server.seen.connections(), server.seen.requests()), (1, 2));
    let stream = call.stream().await.unwrap();
    assert_eq!(stream.whole(10).await.unwrap(), "ok");
    assert_eq!((server.seen.connections(), server.seen.requests()), (2, 3));
}

#[tokio::test]
async fn nothing_of_an_answer_is_shown() {
    let mut stage = Stage::start().await;
    let call = call(&upstream(), &stage, "/");
    let (stream, ()) = tokio::join!(call.stream(), async {
        stage.next().await.answer(200, &[("x-key", "tst_secret")], b"tst_secret").await;
    });
    let shown = format!("{:?}", stream.unwrap());
    assert!(!shown.contains("tst_secret") && shown.contains("200"), "{shown}");
}
