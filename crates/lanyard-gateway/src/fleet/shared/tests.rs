//! Calls on their way in: places, the breaker, and sessions that are looked at first.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use lanyard_connect::mcp::Reply;
use lanyard_core::{Failure, Limits};

use super::super::fake::{Does, Kind, World, changed, key, member, opening, pass};
use super::super::links::Talk as _;
use super::super::status::State;
use super::super::{Keep, Member, TryOutError};

/// Lines of one moment may come in any order.
fn sorted(lines: &str) -> String {
    let second = |line: &str| line.split(' ').next().unwrap().parse::<u64>().unwrap();
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_by_key(|line| (second(line), line.contains("ended").then_some(*line)));
    lines.join("\n")
}

/// A server that is connected on demand.
fn on_demand(kind: Kind) -> (World, Arc<Member>) {
    let mut alpha = member("alpha", kind);
    alpha.keep = Keep::Idle(Duration::from_secs(60));
    let (world, alpha) = (World::new(), Arc::new(alpha));
    world.reconcile(&[&alpha]);
    (world, alpha)
}

#[tokio::test(start_paused = true)]
async fn a_call_past_the_places_waits_and_then_fails() {
    let (world, alpha) = on_demand(Kind::Http);
    let first = world.enter(&alpha, "ci").await.unwrap();
    let second = world.enter(&alpha, "ci").await.unwrap();
    assert_eq!(world.status("alpha").running, 2);
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::ServerBusy);
    expect!["connected since 0"].assert_eq(&world.state("alpha"));
    let (third, ()) = tokio::join!(world.enter(&alpha, "ci"), async {
        pass(9.0).await;
        drop(first);
    });
    assert!(third.is_ok());
    drop((second, third));
    assert_eq!(world.status("alpha").running, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gives_up_waiting_takes_nothing_along() {
    let (world, alpha) = on_demand(Kind::Http);
    let held = [world.enter(&alpha, "ci").await, world.enter(&alpha, "ci").await];
    let waiting = tokio::time::timeout(Duration::from_secs(1), world.enter(&alpha, "ci"));
    assert!(waiting.await.is_err());
    world.links.plan("alpha", |plan| plan.connect = Does::Hang);
    drop(held);
    let opening = tokio::time::timeout(Duration::from_secs(1), world.enter(&alpha, "other"));
    assert!(opening.await.is_err());
    assert_eq!(world.status("alpha").running, 0);
}

#[tokio::test(start_paused = true)]
async fn calls_stop_after_five_that_found_nobody_and_one_tries() {
    let (world, alpha) = on_demand(Kind::Http);
    for _ in 0..5 {
        world.call(&alpha, Err(Failure::ServerEnded)).await.unwrap_err();
    }
    expect![
        "backoff since 0, attempt 1, next at 2, the server ended before it answered; the call may have taken effect"
    ]
    .assert_eq(&world.state("alpha"));
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::ServerUnavailable);
    pass(2.0).await;
    let trial = world.enter(&alpha, "ci").await.unwrap();
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::ServerUnavailable);
    drop(trial);
    world.call(&alpha, Ok(())).await.unwrap();
    expect!["connected since 2"].assert_eq(&world.state("alpha"));
    let status = world.status("alpha");
    assert_eq!((status.calls, status.failures, status.failures_in_a_row), (6, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_stops_calls_too() {
    let (world, alpha) = on_demand(Kind::Http);
    world.links.plan("alpha", |plan| plan.connect = Does::Fail(Failure::Unreachable));
    for _ in 0..5 {
        assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::Unreachable);
    }
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::ServerUnavailable);
    assert_eq!(world.status("alpha").failures, 5);
    world.fleet.reconnect(&alpha.target.tenant, &alpha.target.server);
    world.links.plan("alpha", |plan| plan.connect = Does::result("{}"));
    world.call(&alpha, Ok(())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_that_stop_have_a_server_that_is_kept_probed() {
    let world = World::new();
    let alpha = Arc::new(member("alpha", Kind::Http));
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    for _ in 0..5 {
        world.call(&alpha, Err(Failure::Unreachable)).await.unwrap_err();
    }
    world.story.read();
    pass(1.0).await;
    expect!["1 alpha is probed"].assert_eq(&world.story.read());
    // The house reaches it, so calls may try again when their wait is over.
    expect!["backoff since 1, attempt 1, next at 3"].assert_eq(&world.state("alpha"));
    pass(1.0).await;
    world.call(&alpha, Ok(())).await.unwrap();
    expect!["connected since 3"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn a_process_is_looked_at_before_its_first_call_and_once() {
    let (world, alpha) = on_demand(Kind::Process);
    let (one, other) = tokio::join!(world.enter(&alpha, "ci"), world.enter(&alpha, "ci"));
    drop((one.unwrap(), other.unwrap()));
    world.enter(&alpha, "ci").await.unwrap();
    expect![[r#"
        0 alpha opens for ci
        0 alpha opens for house
        0 alpha is asked tools/list 
        0 alpha 1 lists echo
        0 alpha ended for house
        0 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
    // Another key is another process, and so is the same key after an end.
    world.enter(&alpha, "other").await.unwrap();
    world.links.sessions("alpha").remove(0).end().await;
    world.enter(&alpha, "ci").await.unwrap();
    expect![[r#"
        0 alpha opens for other
        0 alpha is asked tools/list 
        0 alpha opens for ci
        0 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_shown_less_takes_nothing_away() {
    let (world, alpha) = on_demand(Kind::Process);
    let list = |names: &str| Does::result(&format!(r#"{{"tools":[{names}]}}"#));
    world.links.plan("alpha", |plan| {
        let (all, less) = (r#"{"name":"a"},{"name":"b"}"#, r#"{"name":"a"}"#);
        let changed = r#"{"name":"a","title":"x"},{"name":"c"}"#;
        plan.answer("tools/list", [list(all), list(less), list(changed)]);
    });
    world.enter(&alpha, "one").await.unwrap();
    world.enter(&alpha, "other").await.unwrap();
    expect![[r#"
        0 alpha opens for one
        0 alpha opens for house
        0 alpha is asked tools/list 
        0 alpha 1 lists a b
        0 alpha ended for house
        0 alpha is asked tools/list 
        0 alpha opens for other
        0 alpha is asked tools/list 
        0 alpha 1 shows a b c"#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn the_house_looks_at_a_kept_process_before_any_client_gets_one() {
    let world = World::new();
    let alpha = Arc::new(member("alpha", Kind::Process));
    world.links.plan("alpha", |plan| {
        let late = Reply::Result(r#"{"tools":[{"name":"a"}]}"#.to_owned());
        let less = Does::result(r#"{"tools":[]}"#);
        plan.answer("tools/list", [Does::Late(5, late), less]);
    });
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.enter(&alpha, "ci").await.unwrap();
    expect![[r#"
        0.001 alpha opens for house
        0.001 alpha is asked tools/list 
        1 alpha opens for ci
        5.001 alpha 1 lists a
        5.001 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_not_what_it_was_is_not_handed_out() {
    let (world, alpha) = on_demand(Kind::Process);
    *world.catalogs.refuses.lock().unwrap() = Some("not what was pinned".to_owned());
    for _ in 0..2 {
        let failure = world.enter(&alpha, "ci").await.unwrap_err();
        expect!["the server's answer cannot be used: not what was pinned"]
            .assert_eq(&failure.to_string());
    }
    *world.catalogs.refuses.lock().unwrap() = None;
    world.enter(&alpha, "ci").await.unwrap();
    expect![[r#"
        0 alpha opens for ci
        0 alpha opens for house
        0 alpha is asked tools/list 
        0 alpha 1 lists echo
        0 alpha ended for house
        0 alpha is asked tools/list 
        0 alpha 1 shows echo
        0 alpha ended for ci
        0 alpha opens for ci
        0 alpha opens for house
        0 alpha is asked tools/list 
        0 alpha 1 lists echo
        0 alpha ended for house
        0 alpha is asked tools/list 
        0 alpha 1 shows echo
        0 alpha ended for ci
        0 alpha opens for ci
        0 alpha opens for house
        0 alpha is asked tools/list 
        0 alpha 1 lists echo
        0 alpha ended for house
        0 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_while_its_process_is_looked_at_leaves_it_to_the_next() {
    let (world, alpha) = on_demand(Kind::Process);
    world.links.plan("alpha", |plan| {
        let listed = Reply::Result(r#"{"tools":[]}"#.to_owned());
        plan.answer("tools/list", [Does::Late(5, listed)]);
    });
    let entering = tokio::time::timeout(Duration::from_secs(1), world.enter(&alpha, "ci"));
    assert!(entering.await.is_err());
    world.enter(&alpha, "ci").await.unwrap();
    pass(1.0).await;
    world.enter(&alpha, "ci").await.unwrap();
    expect![[r#"
        0 alpha opens for ci
        0 alpha opens for house
        0 alpha is asked tools/list 
        5 alpha 1 lists 
        5 alpha ended for house
        5 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn sessions_end_when_they_were_idle_for_as_long_as_their_server_says() {
    let (world, alpha) = on_demand(Kind::Process);
    let held = world.enter(&alpha, "held").await.unwrap();
    world.enter(&alpha, "idle").await.unwrap();
    world.story.read();
    pass(100.0).await;
    world.enter(&alpha, "later").await.unwrap();
    assert_eq!(world.status("alpha").sessions, 2);
    drop(held);
    pass(100.0).await;
    expect![[r#"
        60 alpha ended for idle
        100 alpha opens for later
        100 alpha is asked tools/list 
        160 alpha ended for held
        160 alpha ended for later"#]]
    .assert_eq(&sorted(&world.story.read()));
    expect!["idle since 100"].assert_eq(&world.state("alpha"));
    // Nothing is left that would look after it, until it is used again.
    world.tasks.close();
    world.tasks.wait().await;
    world.tasks.reopen();
    world.enter(&alpha, "again").await.unwrap();
    world.story.read();
    pass(61.0).await;
    expect!["260 alpha ended for again"].assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_on_demand_is_listed_with_its_first_call_and_after_a_pause() {
    let (world, alpha) = on_demand(Kind::Http);
    expect!["idle since 0"].assert_eq(&world.state("alpha"));
    let (one, other) = tokio::join!(world.enter(&alpha, "ci"), world.enter(&alpha, "other"));
    drop((one.unwrap(), other.unwrap()));
    world.call(&alpha, Ok(())).await.unwrap();
    let said = world.story.read();
    assert_eq!(said.matches("tools/list").count(), 1, "{said}");
    pass(61.0).await;
    world.call(&alpha, Ok(())).await.unwrap();
    expect![[r#"
        60 alpha ended for ci
        60 alpha ended for other
        61 alpha opens for ci
        61 alpha is asked tools/list 
        61 alpha 1 lists echo"#]]
    .assert_eq(&sorted(&world.story.read()));
    expect!["connected since 0"].assert_eq(&world.state("alpha"));
    pass(61.0).await;
    expect!["idle since 61"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn lists_of_a_process_are_read_through_the_session_that_says_so() {
    let (world, alpha) = on_demand(Kind::Process);
    world.fleet.lists_changed(&key(&alpha, "ci")).await;
    assert_eq!(world.story.read(), "");
    drop(world.enter(&alpha, "ci").await.unwrap());
    world.story.read();
    // Another agent has no session, and this one's says nothing about one of its own.
    world.fleet.lists_changed(&key(&alpha, "other")).await;
    assert_eq!(world.story.read(), "");
    world.links.plan("alpha", |plan| {
        plan.answer("tools/list", [Does::Late(3, Reply::Result(r#"{"tools":[]}"#.to_owned()))]);
    });
    world.fleet.lists_changed(&key(&alpha, "ci")).await;
    expect!["0 alpha is asked tools/list "].assert_eq(&world.story.read());
    // It is ready when the list was read.
    world.story.tell("done");
    expect!["3 done"].assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn lists_of_a_server_on_demand_are_read_again_and_once_for_many() {
    let (world, alpha) = on_demand(Kind::Http);
    drop(world.enter(&alpha, "ci").await.unwrap());
    world.story.read();
    for agent in ["ci", "other", "third", "ci", "other"] {
        world.lists_changed(&alpha, agent);
    }
    pass(1.0).await;
    expect![[r#"
        0 alpha is asked tools/list 
        0 alpha 1 lists echo"#]]
    .assert_eq(&world.story.read());
    // While one list is being read, any number of changes asks for one more.
    world.links.plan("alpha", |plan| {
        plan.answer("tools/list", [Does::Hang, Does::result(r#"{"tools":[]}"#)]);
    });
    world.lists_changed(&alpha, "ci");
    pass(1.0).await;
    for agent in ["ci", "other", "third"] {
        world.lists_changed(&alpha, agent);
    }
    pass(20.0).await;
    expect![[r#"
        1 alpha is asked tools/list 
        16 alpha is asked tools/list 
        16 alpha 1 lists "#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_for_users_is_connected_for_each_of_them_and_not_for_the_house() {
    let mut alpha = member("alpha", Kind::Http);
    alpha.per_user = true;
    let (world, alpha) = (World::new(), Arc::new(alpha));
    world.reconcile(&[&alpha]);
    pass(100.0).await;
    assert_eq!(world.story.read(), "");
    world.enter(&alpha, "ann@example.com").await.unwrap();
    world.enter(&alpha, "bob@example.com").await.unwrap();
    expect![[r#"
        100 alpha opens for ann@example.com
        100 alpha is asked tools/list 
        100 alpha 1 shows echo
        100 alpha opens for bob@example.com
        100 alpha is asked tools/list "#]]
    .assert_eq(&world.story.read());
    assert_eq!(world.status("alpha").sessions, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_faster_than_its_configuration() {
    let (world, alpha) = on_demand(Kind::Http);
    let held = world.enter(&alpha, "ci").await.unwrap();
    let newer = Arc::new(changed(&alpha, 2));
    world.enter(&newer, "ci").await.unwrap();
    assert!(!held.session.is_open());
    // Who comes with the older one is told to come again: the server is another one by now.
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), Failure::ServerUnavailable);
    drop(held);
    let beta = Arc::new(member("beta", Kind::Http));
    world.enter(&beta, "ci").await.unwrap();
    assert_eq!(world.status("beta").state, State::Connecting);
    world.story.read();
    world.reconcile(&[&newer, &beta]);
    pass(1.0).await;
    assert_eq!(world.status("beta").state, State::Connected);
    expect![[r#"
        0.001 beta opens for house
        0.001 beta is asked tools/list 
        0.001 beta 1 lists echo"#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_may_keep_its_sessions_for_longer_than_others() {
    let mut alpha = member("alpha", Kind::Process);
    alpha.keep = Keep::Idle(Duration::from_secs(3600));
    let (world, alpha) = (World::new(), Arc::new(alpha));
    world.reconcile(&[&alpha]);
    world.enter(&alpha, "ci").await.unwrap();
    world.links.looks();
    world.story.read();
    // What would end it after a quarter of an hour sees it used twice in that time.
    pass(3590.0).await;
    assert!((7..=8).contains(&world.links.looks()));
    assert_eq!(world.story.read(), "");
    pass(20.0).await;
    expect!["3600 alpha ended for ci"].assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_somebody_stays_in_is_not_idle_and_takes_no_place() {
    let (world, alpha) = on_demand(Kind::Process);
    let held = world.enter(&alpha, "ci").await.unwrap();
    let staying = (held.session, held.visit.stay());
    assert_eq!(world.status("alpha").running, 0);
    world.story.read();
    pass(200.0).await;
    assert_eq!(world.story.read(), "");
    drop(staying);
    pass(61.0).await;
    expect!["260 alpha ended for ci"].assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_tried_out_leaves_nothing() {
    let (world, alpha) = on_demand(Kind::Process);
    let listed = world.fleet.try_out(&alpha).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    world.links.plan("alpha", |plan| plan.answer("tools/list", [Does::error(-32_603)]));
    let error = world.fleet.try_out(&alpha).await.unwrap_err();
    expect!["it answers tools/list with error -32603"].assert_eq(&error.to_string());
    world.links.plan("alpha", |plan| plan.connect = Does::Hang);
    let error = world.fleet.try_out(&alpha).await.unwrap_err();
    assert_eq!(error, TryOutError::Connect(Failure::TimedOut));
    expect![[r#"
        0 alpha opens for trial
        0 alpha is asked tools/list 
        0 alpha ended for trial
        0 alpha opens for trial
        0 alpha is asked tools/list 
        0 alpha ended for trial
        0 alpha opens for trial"#]]
    .assert_eq(&world.story.read());
    assert!(world.links.sessions("alpha").is_empty());
    expect!["idle since 0"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_says_nothing_about_the_server_counts_for_nothing() {
    let (world, alpha) = on_demand(Kind::Http);
    for _ in 0..20 {
        world.call(&alpha, Err(Failure::Cancelled)).await.unwrap_err();
        world.call(&alpha, Err(Failure::Bug)).await.unwrap_err();
    }
    let status = world.status("alpha");
    assert_eq!((status.state, status.calls, status.failures), (State::Connected, 40, 0));
    assert_eq!(status.last_error, None);
    world.call(&alpha, Err(Failure::CredentialRejected)).await.unwrap_err();
    expect!["connected since 0, the server refused the credential; an operator can set another"]
        .assert_eq(&world.state("alpha"));
    assert!(world.status("alpha").p50_micros.unwrap().abs_diff(5000) < 200);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_gone_are_forgotten() {
    let world = World::with_limits(Limits::standard());
    let alpha = Arc::new(member("alpha", Kind::Http));
    let enter = async |number: u32| {
        let key = key(&alpha, &format!("agent-{number}"));
        drop(world.fleet.enter(&alpha, &key, opening(&alpha)).await.unwrap());
    };
    for number in 0..1000 {
        enter(number).await;
    }
    assert_eq!(world.status("alpha").sessions, 1000);
    pass(1000.0).await;
    assert_eq!(world.status("alpha").sessions, 0);
    for number in 1000..2000 {
        enter(number).await;
    }
    let server = world.fleet.roster.find(&alpha.target.tenant, &alpha.target.server).unwrap();
    let remembered = server.seats.remembered();
    assert!(remembered <= 1024, "{remembered}");
}
