//! Which connections are used again, which are not, and what is never sent twice.

use tokio::time::timeout;

use super::servers::Server;
use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_connection_is_used_again_by_its_own_key_and_origin_only() {
    let server = Server::start().await;
    let upstream = upstream();
    let call = |server_name| {
        let mut call = Call::new(&upstream, &server.origin, "/");
        call.key = key(server_name);
        call
    };
    for _ in 0..5 {
        call("billing").text().await;
    }
    assert_eq!(server.seen.connections(), 1);
    call("tickets").text().await;
    assert_eq!(server.seen.connections(), 2);
    let mut other_tenant = call("billing");
    other_tenant.key.tenant = TenantName::parse("other").unwrap();
    other_tenant.text().await;
    assert_eq!(server.seen.connections(), 3);
    let mut with_principal = call("billing");
    with_principal.key.principal = Some(lanyard_core::Principal {
        tenant: TenantName::parse("acme").unwrap(),
        agent: lanyard_core::AgentName::parse("ci-bot").unwrap(),
        user: None,
    });
    with_principal.text().await;
    assert_eq!(server.seen.connections(), 4);
    let by_name = format!("http://localhost:{}", server.port);
    Call::new(&upstream, &by_name, "/").text().await;
    assert_eq!(server.seen.connections(), 5);
    call("billing").text().await;
    assert_eq!(server.seen.connections(), 5);
}

/// Waits until the connector can know that the server closed the connection that waits.
async fn until_noticed(call: &Call) {
    let pool = &call.upstream.shared.pool;
    let noticed = async {
        while let Some((connection, generation)) = pool.take(&call.key, &call.origin) {
            pool.put(&call.key, &call.origin, connection, generation);
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, noticed).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_between_requests_is_replaced() {
    let server = Server::play(&[&[Some(OK)]]).await;
    let upstream = upstream();
    for count in 1..=3 {
        let call = Call::new(&upstream, &server.origin, "/").post("BODY");
        assert_eq!(call.text().await, "ok");
        server.seen.until_open(0).await;
        until_noticed(&call).await;
        assert_eq!((server.seen.connections(), server.seen.requests()), (count, count));
    }
}

#[tokio::test]
async fn a_request_that_met_a_closed_connection_was_certainly_not_sent() {
    let server = Server::play(&[&[]]).await;
    let upstream = upstream();
    let call = Call::new(&upstream, &server.origin, "/").post("BODY");
    let until_then = Instant::now() + PATIENCE;
    let dialled = upstream.shared.dialer.dial(&call.origin, &call.private, until_then);
    let mut connection = dialled.await.unwrap();
    // It was open when it was taken; its end arrives before the request is written.
    let Connection::Http1(inner) = &mut connection else { panic!("not HTTP/1.1") };
    let noticed = async {
        while inner.settle() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, noticed).await.unwrap();
    let outgoing =
        Prepared::new(&call.request(), PACKED).unwrap().write(&call.origin, false).unwrap();
    let exchanged = connection.exchange(outgoing, &Limits::standard()).await;
    assert!(matches!(exchanged, Err(Fault::Unsent)), "{exchanged:?}");
    assert_eq!(server.seen.requests(), 0);
}

#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    for method in ["GET", "POST"] {
        // The second request of the connection is read, and the connection closes without answer.
        let server = Server::play(&[&[Some(OK), Some(b"")], &[Some(OK)]]).await;
        let mut call = Call::new(&upstream(), &server.origin, "/").post("BODY");
        call.method = method;
        assert_eq!(call.text().await, "ok");
        assert_eq!(
            call.failure().await,
            "the server's answer cannot be used: the connection ended before it was complete; \
             the call may have taken effect"
        );
        assert_eq!((server.seen.connections(), server.seen.requests()), (1, 2));
    }
}

#[tokio::test]
async fn what_a_server_says_unasked_answers_nothing() {
    let twice = [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"].concat();
    let server = Server::play(&[&[Some(&twice), Some(OK)], &[Some(OK)]]).await;
    let upstream = upstream();
    for _ in 0..2 {
        assert_eq!(Call::new(&upstream, &server.origin, "/").text().await, "ok");
    }
    assert_eq!(server.seen.connections(), 2);
}

#[tokio::test]
async fn a_server_that_says_close_is_taken_at_its_word() {
    let close = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let server = Server::play(&[&[Some(close), Some(OK)]]).await;
    let upstream = upstream();
    for count in 1..=2 {
        assert_eq!(Call::new(&upstream, &server.origin, "/").text().await, "ok");
        assert_eq!(server.seen.connections(), count);
    }
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_ends_its_connection() {
    let server = Server::start().await;
    let limits = Limits { answer_bytes_max: 1000, ..Limits::standard() };
    let call = Call::new(&upstream_with(&limits), &server.origin, "/large");
    assert_eq!(call.send().await.unwrap_err(), Failure::AnswerTooLarge);
    server.seen.until_open(0).await;
}

#[tokio::test]
async fn a_caller_that_leaves_ends_its_request() {
    let server = Server::start().await;
    let call = Call::new(&upstream(), &server.origin, "/never");
    tokio::select! {
        answered = call.send() => panic!("{answered:?}"),
        () = until(|| server.seen.requests() == 1) => {}
    }
    server.seen.until_open(0).await;
    assert_eq!(server.seen.aborted(), 1);
}

#[tokio::test]
async fn idle_connections_are_counted() {
    let server = Server::start().await;
    let upstream = upstream_with(&Limits { pool_idle_connections_max: 2, ..Limits::standard() });
    let call = Call::new(&upstream, &server.origin, "/");
    let all = tokio::join!(call.text(), call.text(), call.text(), call.text());
    drop(all);
    assert_eq!(upstream.shared.pool.waiting(), 2);
    server.seen.until_open(2).await;
}

#[tokio::test]
async fn idle_connections_grow_old() {
    let server = Server::start().await;
    let upstream = upstream_with(&Limits { pool_idle_ms_max: 20, ..Limits::standard() });
    // The sweeper ends with the last connection, and begins again with the next.
    for count in 1..=2 {
        Call::new(&upstream, &server.origin, "/").text().await;
        server.seen.until_open(0).await;
        assert_eq!((server.seen.connections(), upstream.shared.pool.waiting()), (count, 0));
    }
}

/// The exchange and its connection are driven by hand, so a wake-up that gets lost would leave a
/// call hanging here sooner or later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_at_a_time_all_come_back() {
    let server = Server::start().await;
    let upstream = upstream();
    let tasks = TaskTracker::new();
    for number in 0..32 {
        let target = if number % 8 == 0 { "/large" } else { "/" };
        let call = Call::new(&upstream, &server.origin, target).post("BODY");
        tasks.spawn(async move {
            for _ in 0..50 {
                call.text().await;
            }
        });
    }
    tasks.close();
    timeout(PATIENCE * 2, tasks.wait()).await.unwrap();
    assert_eq!(server.seen.requests(), 32 * 50);
    assert!(server.seen.connections() <= 32, "{}", server.seen.connections());
}

#[tokio::test]
async fn a_retired_server_keeps_no_connection() {
    let server = Server::start().await;
    let upstream = upstream();
    let mut other = Call::new(&upstream, &server.origin, "/");
    other.key = key("tickets");
    other.text().await;
    let call = Call::new(&upstream, &server.origin, "/");
    call.text().await;
    assert_eq!(upstream.shared.pool.waiting(), 2);
    upstream.retire(|key| key.server.as_str() == "billing");
    server.seen.until_open(1).await;
    assert_eq!(upstream.shared.pool.waiting(), 1);
}

#[tokio::test]
async fn a_connection_in_use_while_its_server_is_retired_does_not_come_back() {
    let server = Server::start().await;
    let upstream = upstream();
    let pool = &upstream.shared.pool;
    let call = Call::new(&upstream, &server.origin, "/");
    call.text().await;
    let (connection, generation) = pool.take(&call.key, &call.origin).unwrap();
    upstream.retire(|_| true);
    pool.put(&call.key, &call.origin, connection, generation);
    assert_eq!(pool.waiting(), 0);
    server.seen.until_open(0).await;
}

#[tokio::test]
async fn nothing_runs_on_after_the_end() {
    let server = Server::start().await;
    for close in [true, false] {
        let tasks = TaskTracker::new();
        let limits = Limits::standard();
        let upstream = Upstream::new(&limits, Roots::only(Vec::new()), tasks.clone()).unwrap();
        Call::new(&upstream, &server.origin, "/").text().await;
        assert_eq!(tasks.len(), 1);
        if close {
            upstream.close();
            Call::new(&upstream, &server.origin, "/").text().await;
        } else {
            drop(upstream);
        }
        tasks.close();
        timeout(PATIENCE, tasks.wait()).await.unwrap();
        server.seen.until_open(0).await;
    }
}
