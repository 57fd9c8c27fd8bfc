//! Who gets a place, who waits for one, and who has to go.

use std::time::Duration;

use lanyard_core::Failure;
use tokio::time::Instant;

use super::fake::{Bench, ask, eventually, key, outgoing, script};
use super::{Counts, user};

#[tokio::test]
async fn of_many_who_ask_one_opens_and_all_get_it() {
    let bench = Bench::new();
    let (script, one) = (script(""), key("one"));
    let ask = || bench.sessions.lease(&one, bench.opening(&script));
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let all = [a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()];
    assert_eq!(bench.sessions.counts(), Counts { sessions: 1, processes: 1 });
    assert_eq!(bench.starts(), 1);
    // Another key has a session of its own.
    let other = bench.sessions.lease(&key("two"), bench.opening(&script)).await.unwrap();
    assert_eq!(bench.starts(), 2);
    drop((all, other));
    bench.end().await;
}

#[tokio::test]
async fn all_who_wait_get_the_same_failure() {
    let bench = Bench::new();
    let one = key("one");
    let failing = "echo start >> starts; exit 1";
    let mut target = bench.target(failing);
    target.era = crate::mcp::EraChoice::Legacy;
    let mut other = bench.target(failing);
    other.era = crate::mcp::EraChoice::Legacy;
    let first = bench.sessions.lease(&one, super::opening(target));
    let second = bench.sessions.lease(&one, super::opening(other));
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.unwrap_err(), second.unwrap_err());
    assert_eq!(bench.starts(), 1);
    bench.end().await;
}

#[tokio::test]
async fn whoever_goes_away_leaves_the_opening_to_the_others() {
    let bench = Bench::new();
    let (script, one) = (script(""), key("one"));
    let mut first = Box::pin(bench.sessions.lease(&one, bench.opening(&script)));
    let polled = std::future::poll_fn(|context| {
        std::task::Poll::Ready(first.as_mut().poll(context).is_ready())
    });
    assert!(!polled.await);
    drop(first);
    let second = bench.sessions.lease(&one, bench.opening(&script)).await.unwrap();
    ask(&second, "echo").await.unwrap();
    assert_eq!(bench.starts(), 1);
    drop(second);
    bench.end().await;
}

#[tokio::test]
async fn who_waits_gets_what_is_given_back() {
    let bench = Bench::with_limits(|limits| limits.server_sessions_max = 1);
    let script = script("");
    let first = bench.sessions.lease(&key("one"), bench.opening(&script)).await.unwrap();
    let two = key("two");
    let second = bench.sessions.lease(&two, bench.opening(&script));
    let give_back = async {
        tokio::task::yield_now().await;
        drop(first);
    };
    let (second, ()) = tokio::join!(second, give_back);
    ask(&second.unwrap(), "echo").await.unwrap();
    bench.until(1, 1).await;
    bench.end().await;
}

#[tokio::test]
async fn the_longest_idle_goes_first_and_what_is_used_stays() {
    let bench = Bench::with_limits(|limits| {
        limits.server_sessions_max = 2;
        limits.server_wait_ms_max = 50;
    });
    let script = script("");
    let open = |agent: &'static str| {
        let opening = bench.opening(&script);
        async { bench.sessions.lease(&key(agent), opening).await }
    };
    drop(open("one").await.unwrap());
    drop(open("two").await.unwrap());
    let three = open("three").await.unwrap();
    assert!(bench.sessions.existing(&key("one")).is_none());
    let two = bench.sessions.existing(&key("two")).unwrap();
    assert_eq!(open("four").await.unwrap_err(), Failure::ServerBusy);
    // A request that runs keeps its session, too.
    let running = two.request(outgoing("hang", None)).await.unwrap();
    drop(two);
    assert_eq!(open("four").await.unwrap_err(), Failure::ServerBusy);
    drop(running);
    let four = open("four").await.unwrap();
    assert!(bench.sessions.existing(&key("two")).is_none());
    drop((three, four));
    bench.end().await;
}

#[tokio::test]
async fn users_have_a_limit_of_their_own() {
    let bench = Bench::with_limits(|limits| {
        limits.user_sessions_max = 1;
        limits.server_wait_ms_max = 50;
    });
    let script = script("");
    let anna = bench.sessions.lease(&user("anna", 1), bench.opening(&script)).await.unwrap();
    let ben = bench.sessions.lease(&user("ben", 1), bench.opening(&script)).await;
    assert_eq!(ben.unwrap_err(), Failure::ServerBusy);
    // Without a credential of their own they do not count.
    let shared = bench.sessions.lease(&user("ben", 0), bench.opening(&script)).await.unwrap();
    drop(anna);
    let ben = bench.sessions.lease(&user("ben", 1), bench.opening(&script)).await.unwrap();
    assert!(bench.sessions.existing(&user("anna", 1)).is_none());
    drop((shared, ben));
    bench.end().await;
}

#[tokio::test]
async fn what_is_idle_for_long_is_ended() {
    let bench = Bench::with_limits(|limits| limits.session_idle_ms_max = 40);
    let script = script("");
    let lease = bench.lease(&script).await;
    let used_until = Instant::now() + Duration::from_millis(200);
    tokio::time::sleep_until(used_until).await;
    assert!(lease.is_open());
    drop(lease);
    bench.until(0, 0).await;
    drop(bench.lease(&script).await);
    assert_eq!(bench.starts(), 2);
    bench.end().await;
}

#[tokio::test]
async fn what_is_retired_ends_also_while_it_opens() {
    let bench = Bench::new();
    let lease = bench.lease(&script("")).await;
    let mut running = lease.request(outgoing("hang", None)).await.unwrap();
    let other = bench.sessions.lease(&key("two"), bench.opening(&script(""))).await.unwrap();
    bench.sessions.retire(|it| *it == key("one"));
    assert_eq!(running.next().await.unwrap_err(), Failure::Cancelled);
    assert!(!lease.is_open() && other.is_open());
    bench.until(1, 1).await;

    let three = key("three");
    let opening =
        bench.sessions.lease(&three, bench.opening("echo start >> starts; cat > /dev/null"));
    let retire = async {
        eventually(|| bench.starts() == 3).await;
        bench.sessions.retire(|it| *it == three);
    };
    let (opened, ()) = tokio::join!(opening, retire);
    assert_eq!(opened.unwrap_err(), Failure::Cancelled);
    bench.until(1, 1).await;
    drop((running, lease, other));
    bench.end().await;
}
