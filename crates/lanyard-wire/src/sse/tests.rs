//! Tests of `sse`.

use proptest::prelude::*;

use super::{Event, EventTooLarge, KEEP_ALIVE, Parser, endpoint, event, retry};

const BYTES_MAX: usize = 24;

fn parse(pieces: &[&[u8]], bytes_max: usize) -> (Vec<Event>, Result<(), EventTooLarge>) {
    let mut parser = Parser::new(bytes_max);
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(error) = parser.feed(piece, &mut events) {
            return (events, Err(error));
        }
    }
    (events, Ok(()))
}

/// Events as `name id data`, one after the other.
#[track_caller]
fn check(input: &str, expected: &[&str]) {
    let (events, end) = parse(&[input.as_bytes()], BYTES_MAX);
    let mut shown: Vec<_> = events
        .iter()
        .map(|event| {
            let data = String::from_utf8_lossy(&event.data).into_owned();
            format!("{} {} {data:?}", event.name, event.id.as_deref().unwrap_or("-"))
        })
        .collect();
    if end.is_err() {
        shown.push("too large".to_owned());
    }
    assert_eq!(shown, expected, "{input:?}");
}

#[test]
fn an_event_past_the_limit_ends_the_stream() {
    check("data: 01234567890123456789", &["too large"]);
    check("data: 0123456789\ndata: 0123456789\n\n", &["too large"]);
    check("event: 0123456789\ndata: 0123456789\n\n", &["too large"]);
    check(&format!("data: 1\n\n{}", ":".repeat(BYTES_MAX + 1)), &["message - \"1\"", "too large"]);
    check(&"data\n".repeat(40), &["too large"]);
    check(
        "data: 012345678901234567\n\ndata:1\n\n",
        &["message - \"012345678901234567\"", "message - \"1\""],
    );
    check(&":0123456789\n".repeat(100), &[]);
}

#[test]
fn what_is_no_event_is_none() {
    check("", &[]);
    check("data: unfinished\n", &[]);
    check(": comment\n\n", &[]);
    check("event: x\n\n", &[]);
    check("id: 1\n\n", &[]);
    check("datax: 1\nDATA: 1\n data: 1\n\n", &[]);
    check("event: x\n\ndata: 1\n\n", &["message - \"1\""]);
}

#[test]
fn events() {
    check("data: a\n\n", &["message - \"a\""]);
    check("data:a\r\n\r\n", &["message - \"a\""]);
    check("data:  a\r\r", &["message - \" a\""]);
    check("\u{feff}data: a\n\n", &["message - \"a\""]);
    check("\u{feff}\u{feff}data: a\n\n", &[]);
    check("data: a\n\u{feff}data: b\n\n", &["message - \"a\""]);
    check("data: a\r\ndata: b\n\n", &["message - \"a\\nb\""]);
    check("data\n\n", &["message - \"\""]);
    check("data:\n\n", &["message - \"\""]);
    check("data:\ndata\n\n", &["message - \"\\n\""]);
    check("data: a:b\n\n", &["message - \"a:b\""]);
    check("event: e\ndata: 1\nid: i\n\ndata: 2\n\n", &["e i \"1\"", "message i \"2\""]);
    check("id: a\nid: b\0\ndata: 1\n\nid\ndata: 2\n\n", &["message a \"1\"", "message  \"2\""]);
    check("event: endpoint\ndata: /m?s=1\n\n", &["endpoint - \"/m?s=1\""]);
}

#[test]
fn ids_and_times_outlive_their_event() {
    let mut parser = Parser::new(64);
    let mut events = Vec::new();
    parser.feed(b"id: 7\nretry: 500\n\nretry: x\nretry:\nretry: -1\n", &mut events).unwrap();
    assert!(events.is_empty());
    assert_eq!(parser.last_event_id(), Some("7"));
    assert_eq!(parser.retry_ms(), Some(500));
}

#[test]
fn nothing_breaks_out_of_its_field() {
    let mut out = Vec::new();
    event(&mut out, Some("a\ndata: x\r\n\r\n"), Some("1\n\0event: y"), "b\r\n\nc\rd");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "event: adata: x\nid: 1event: y\ndata: b\ndata: \ndata: c\ndata: d\n\n"
    );
    let mut out = Vec::new();
    endpoint(&mut out, "/m\r\ndata: x");
    assert_eq!(out, b"event: endpoint\ndata: /mdata: x\n\n");
}

#[test]
fn what_the_writer_writes() {
    let mut out = Vec::new();
    event(&mut out, None, None, "");
    retry(&mut out, 1500);
    out.extend_from_slice(KEEP_ALIVE);
    event(&mut out, Some("message"), Some("9"), "{}\n");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "data: \n\nretry: 1500\n\n: keep-alive\n\nevent: message\nid: 9\ndata: {}\ndata: \n\n"
    );
}

proptest! {
    #[test]
    fn where_the_input_is_cut_does_not_matter(
        input in r"\u{feff}?([dei]|data|event|id|retry|[:\r\n 7\x00\u{feff}é]){0,40}",
        cuts in prop::collection::vec(0_usize..80, 0..8),
    ) {
        let input = input.as_bytes();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        prop_assert_eq!(parse(&pieces, BYTES_MAX), parse(&[input], BYTES_MAX));
    }

    #[test]
    fn what_is_written_is_read_back(
        name in "[ -~é]{1,8}",
        id in "[ -~é]{0,8}",
        data in any::<String>(),
    ) {
        let mut out = Vec::new();
        event(&mut out, Some(&name), Some(&id), &data);
        let (events, end) = parse(&[&out], usize::MAX);
        prop_assert_eq!(end, Ok(()));
        let lines = data.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(events, [Event { name, id: Some(id), data: lines.into_bytes() }]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        drop(parse(&[&bytes], 16));
    }
}
