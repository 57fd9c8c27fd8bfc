//! Lines over pipes in memory, and the end of a stream of bytes.

use expect_test::expect;
use lanyard_wire::Id;
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use super::*;

/// A link, and the process's ends of its pipes: what it reads and what it writes.
fn link(message_bytes_max: usize) -> (LinesLink, DuplexStream, DuplexStream) {
    let (input, reads) = tokio::io::duplex(64);
    let (writes, output) = tokio::io::duplex(64);
    let link = LinesLink::new(LinesParts {
        input: Box::new(input),
        output: Box::new(output),
        process: None,
        complained: CancellationToken::new(),
        message_bytes_max,
        tasks: TaskTracker::new(),
    });
    (link, reads, writes)
}

/// Everything that comes out of what a process writes before it ends, in pieces of this size.
async fn heard(written: &[u8], piece: usize) -> String {
    let (link, _reads, mut writes) = link(1 << 10);
    let mut listening = link.listen().unwrap();
    assert!(link.listen().is_none());
    let writing = async move {
        for piece in written.chunks(piece) {
            if writes.write_all(piece).await.is_err() {
                break;
            }
        }
    };
    let reading = async move {
        let mut heard = String::new();
        loop {
            match listening.next().await {
                Ok(Some(message)) => heard += &format!("{message}\n"),
                Ok(None) => return heard + "closed\n",
                Err(error) => return heard + &format!("error: {error}\n"),
            }
        }
    };
    tokio::join!(reading, writing).0
}

#[tokio::test]
async fn lines_come_as_they_were_written() {
    let written = b"{\"a\":1}\n\n  \r\n{\"b\": \"\xc3\xa9\"}\r\nlisten on 1\n[1]\n{\"last\":1}";
    let expected = expect![[r#"
        {"a":1}
        {"b": "é"}
        [1]
        {"last":1}
        error: the server ended before it answered; the call may have taken effect
    "#]];
    for piece in [1, 2, 7, written.len()] {
        expected.assert_eq(&heard(written, piece).await);
    }
}

#[tokio::test]
async fn a_line_of_the_limit_passes_and_one_past_it_ends_the_link() {
    let line = |bytes: usize| format!("{{{}}}\n", " ".repeat(bytes - 2)).into_bytes();
    assert!(heard(&line(1 << 10), 100).await.starts_with("{ "));
    expect![[r#"
        error: the server's answer is larger than the limit
    "#]]
    .assert_eq(&heard(&line((1 << 10) + 1), 100).await);
}

#[tokio::test]
async fn a_hundred_lines_of_garbage_in_a_row_are_the_most() {
    let mut written = "x\n".repeat(100) + "{}\n" + &"x\n".repeat(100) + "{}\n";
    assert!(heard(written.as_bytes(), 50).await.starts_with("{}\n{}\nerror: the server ended"));
    written += &"x\n".repeat(101);
    expect![[r#"
        {}
        {}
        error: the server's answer cannot be used: it writes lines that are no messages to its standard output
    "#]]
    .assert_eq(&heard(written.as_bytes(), 50).await);
    let binary = b"{\xff\xff}\n".repeat(101);
    assert!(heard(&binary, 50).await.starts_with("error"));
}

fn post(message: &str, deadline: Instant) -> LinkPost<'_> {
    LinkPost { message, method: None, deadline }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_read_waits_for_its_deadline_and_goes_out_in_order() {
    let (link, mut reads, _writes) = link(1 << 10);
    let deadline = Instant::now().checked_add(Duration::from_secs(1)).unwrap();
    let mut sent = 0;
    let late = loop {
        match link.post(post(&format!("{{\"n\":\n{sent}}}"), deadline)).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(late, LinkError::Failure(Failure::TimedOut));
    assert_eq!(Instant::now(), deadline);
    let id = Id::from_number(1);
    let request = LinkRequest {
        message: "{\"n\":1}",
        id: &id,
        method: "x",
        name: None,
        param_headers: &[],
        deadline: Some(deadline),
    };
    assert_eq!(link.request(request).await, Err(LinkError::Failure(Failure::TimedOut)));
    // Its input is closed after what was taken, and each message is one line.
    link.close().await;
    assert_eq!(
        link.post(post("{}", deadline)).await,
        Err(LinkError::Failure(Failure::ServerEnded))
    );
    let mut heard = String::new();
    reads.read_to_string(&mut heard).await.unwrap();
    let expected: String = (0..sent).map(|number| format!("{{\"n\": {number}}}\n")).collect();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn the_tail_keeps_the_end() {
    let kept = async |written: &[u8], bytes_max: usize| {
        let tail = Tail::new(bytes_max);
        keep_tail(written, &tail, std::future::pending()).await;
        tail.text()
    };
    assert_eq!(kept(b"", 8).await, "");
    assert_eq!(kept(b"one\ntwo\n", 100).await, "one\ntwo\n");
    // Cut at the beginning of a line, where there is one.
    assert_eq!(kept(b"one\ntwo\nthree\n", 11).await, "two\nthree\n");
    assert_eq!(kept(b"0123456789", 4).await, "6789");
    assert_eq!(kept(&b"x".repeat(100_000), 10).await, "x".repeat(10));
    assert_eq!(kept(b"\xff!", 10).await, "\u{fffd}!");
    // It stops when the process is over, though somebody still holds the other end.
    let (_held, silent) = tokio::io::duplex(8);
    let tail = Tail::new(8);
    keep_tail(silent, &tail, std::future::ready(())).await;
}
