//! What a client gets that comes back, and what is forgotten.

use std::task::Waker;

use lanyard_core::{AgentName, ServerName, TenantName, UserName};

use super::*;

fn replays(change: impl FnOnce(&mut Limits)) -> Replays {
    let mut limits = Limits::standard();
    change(&mut limits);
    Replays::new("mark".to_owned(), &limits)
}

fn home(session: u8) -> Home {
    let (tenant, agent) = (TenantName::parse("t").unwrap(), AgentName::parse("a").unwrap());
    let principal = Principal { tenant, agent, user: None };
    Home { session: [session; 32], principal, scope: Scope::All }
}

/// What a reader gets without waiting, piece by piece; `end` where it gets no more.
fn got(reader: &mut Reader) -> Vec<String> {
    let context = Context::from_waker(Waker::noop());
    let mut pieces = Vec::new();
    loop {
        match reader.poll(&context) {
            Poll::Ready(Some(piece)) => pieces.push(String::from_utf8(piece.to_vec()).unwrap()),
            Poll::Ready(None) => {
                pieces.push("end".to_owned());
                return pieces;
            }
            Poll::Pending => return pieces,
        }
    }
}

fn event(stream: u64, number: u64, data: &str) -> String {
    format!("event: message\nid: mark-{stream}-{number}\ndata: {data}\n\n")
}

#[tokio::test]
async fn a_stream_begins_with_where_to_go_on_from() {
    let replays = replays(|_| {});
    let (writer, mut reader) = replays.begin(home(1), true);
    assert_eq!(got(&mut reader), ["id: mark-1-0\ndata: \n\n", "retry: 1000\n\n"]);
    writer.put(b"{}").await;
    assert_eq!(got(&mut reader), [event(1, 1, "{}")]);
    // Earlier versions are told with the first message.
    let (writer, mut reader) = replays.begin(home(1), false);
    assert_eq!(got(&mut reader), [""; 0]);
    writer.put(b"{}").await;
    drop(writer);
    assert_eq!(got(&mut reader), [event(2, 0, "{}"), "end".to_owned()]);
}

#[tokio::test]
async fn who_comes_back_gets_what_followed_once_and_again() {
    let replays = replays(|_| {});
    let (writer, mut reader) = replays.begin(home(1), false);
    writer.put(b"0").await;
    assert_eq!(got(&mut reader), [event(1, 0, "0")]);
    drop(reader);
    writer.put(b"1").await;
    drop(writer);
    for _ in 0..2 {
        let mut back = replays.resume("mark-1-0", &home(1)).unwrap();
        assert_eq!(got(&mut back), [event(1, 1, "1"), "end".to_owned()]);
    }
    let mut back = replays.resume("mark-1-1", &home(1)).unwrap();
    assert_eq!(got(&mut back), ["end"]);
}

#[tokio::test]
async fn who_comes_back_takes_the_place_of_the_connection_that_it_lost() {
    let replays = replays(|_| {});
    let (writer, mut lost) = replays.begin(home(1), false);
    writer.put(b"0").await;
    let mut back = replays.resume("mark-1-0", &home(1)).unwrap();
    assert_eq!(got(&mut lost), ["end"]);
    // Its end, noticed late, takes nothing from the new one.
    drop(lost);
    assert!(writer.is_read());
    writer.put(b"1").await;
    assert_eq!(got(&mut back), [event(1, 1, "1")]);
}

#[tokio::test]
async fn nobody_else_gets_anything() {
    let replays = replays(|_| {});
    let (writer, _reader) = replays.begin(home(1), false);
    writer.put(b"0").await;
    assert!(replays.resume("mark-1-0", &home(2)).is_none());
    let elsewhere = Home { scope: Scope::One(ServerName::parse("git").unwrap()), ..home(1) };
    assert!(replays.resume("mark-1-0", &elsewhere).is_none());
    let mut another = home(1);
    another.principal.user = Some(UserName::parse("ann").unwrap());
    assert!(replays.resume("mark-1-0", &another).is_none());
    for id in ["", "mark", "mark-1", "mark-2-0", "mark-x-0", "mark-1-x", "other-1-0", "1-0", "-1-0"]
    {
        assert!(replays.resume(id, &home(1)).is_none(), "{id}");
    }
    assert!(replays.resume("mark-1-0", &home(1)).is_some());
}

#[tokio::test]
async fn who_is_sent_away_has_everything_and_may_come_back() {
    let replays = replays(|_| {});
    let (writer, mut reader) = replays.begin(home(1), true);
    writer.put(b"1").await;
    writer.pause(Duration::from_millis(500));
    let expected = [
        "id: mark-1-0\ndata: \n\n".to_owned(),
        event(1, 1, "1"),
        "retry: 1000\n\n".to_owned(),
        "retry: 500\n\n".to_owned(),
        "end".to_owned(),
    ];
    assert_eq!(got(&mut reader), expected);
    drop(reader);
    assert!(writer.is_read());
    let mut back = replays.resume("mark-1-1", &home(1)).unwrap();
    assert_eq!(got(&mut back), [""; 0]);
    writer.put(b"2").await;
    drop(writer);
    assert_eq!(got(&mut back), [event(1, 2, "2"), "end".to_owned()]);
    // One that was not told where to go on from stays.
    let (writer, mut reader) = replays.begin(home(1), false);
    writer.pause(Duration::from_millis(500));
    assert_eq!(got(&mut reader), [""; 0]);
}

#[tokio::test]
async fn a_comment_is_kept_for_nobody() {
    let replays = replays(|_| {});
    let (writer, mut reader) = replays.begin(home(1), false);
    writer.comment();
    assert_eq!(got(&mut reader), [": keep-alive\n\n"]);
    writer.comment();
    drop(reader);
    writer.comment();
    writer.put(b"0").await;
    let mut back = replays.resume("mark-1-0", &home(1)).unwrap();
    assert_eq!(got(&mut back), [""; 0]);
}

#[tokio::test]
async fn a_writer_waits_for_who_reads_slowly_and_not_for_who_went() {
    let replays = replays(|limits| limits.resume_events_max = 2);
    let (writer, mut reader) = replays.begin(home(1), false);
    writer.put(b"0").await;
    writer.put(b"1").await;
    let mut waiting = std::pin::pin!(writer.put(b"2"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    assert!(reader.poll(&context).is_ready());
    assert!(waiting.as_mut().poll(&mut context).is_ready());
    assert_eq!(got(&mut reader), [event(1, 1, "1"), event(1, 2, "2")]);
    drop(reader);
    for message in ["3", "4", "5"] {
        writer.put(message.as_bytes()).await;
    }
    // What is oldest went; nothing that is still there is left out.
    let mut back = replays.resume("mark-1-2", &home(1)).unwrap();
    assert_eq!(got(&mut back), [event(1, 4, "4"), event(1, 5, "5")]);
}

#[tokio::test]
async fn a_writer_that_waits_goes_on_when_its_reader_goes() {
    let replays = replays(|limits| limits.resume_events_max = 1);
    let (writer, reader) = replays.begin(home(1), false);
    writer.put(b"0").await;
    tokio::join!(writer.put(b"1"), async {
        tokio::task::yield_now().await;
        drop(reader);
    });
    let mut back = replays.resume("mark-1-0", &home(1)).unwrap();
    assert_eq!(got(&mut back), [event(1, 1, "1")]);
}

#[tokio::test]
async fn too_much_for_all_goes_from_those_who_have_least_use_of_it() {
    let size = |data: &str| event(1, 0, data).len() + OVERHEAD_BYTES;
    let room = 3 * OVERHEAD_BYTES + 3 * size("0");
    let replays = replays(|limits| limits.resume_bytes_max = u64::try_from(room).unwrap());
    let (ended, reader) = replays.begin(home(1), false);
    ended.put(b"0").await;
    drop((ended, reader));
    let (given, mut given_to) = replays.begin(home(1), false);
    given.put(b"0").await;
    assert_eq!(got(&mut given_to), [event(2, 0, "0")]);
    let (writer, _reader) = replays.begin(home(1), false);
    writer.put(b"0").await;
    assert!(replays.resume("mark-1-0", &home(1)).is_some());
    writer.put(b"1").await;
    assert!(replays.resume("mark-1-0", &home(1)).is_none());
    for message in ["2", "3"] {
        writer.put(message.as_bytes()).await;
    }
    // What waits for a reader stays, whatever it costs.
    let mut back = replays.resume("mark-3-0", &home(1)).unwrap();
    assert_eq!(got(&mut back), [event(3, 1, "1"), event(3, 2, "2"), event(3, 3, "3")]);
    let mut back = replays.resume("mark-2-0", &home(1)).unwrap();
    assert_eq!(got(&mut back), [""; 0]);
    drop(back);
    replays.forget(&[1; 32]);
    assert_eq!(replays.shared.lock().bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_ended_is_forgotten_after_a_while_and_with_its_session() {
    let replays = replays(|limits| limits.resume_ms_max = 1000);
    let (running, _reader) = replays.begin(home(1), false);
    let (ended, mut reader) = replays.begin(home(2), false);
    ended.put(b"0").await;
    drop(ended);
    assert_eq!(got(&mut reader), [event(2, 0, "0"), "end".to_owned()]);
    tokio::time::advance(Duration::from_millis(999)).await;
    replays.sweep();
    assert!(replays.resume("mark-2-0", &home(2)).is_some());
    tokio::time::advance(Duration::from_millis(1)).await;
    replays.sweep();
    assert!(replays.resume("mark-2-0", &home(2)).is_none());
    running.put(b"0").await;
    let mut back = replays.resume("mark-1-0", &home(1)).unwrap();
    replays.forget(&[1; 32]);
    assert_eq!(got(&mut back), ["end"]);
    running.put(b"1").await;
    drop(running);
    assert_eq!(replays.shared.lock().bytes, 0);
}
