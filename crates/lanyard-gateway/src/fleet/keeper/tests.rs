//! The life of servers that are kept connected, second by second.

use std::sync::Arc;

use expect_test::expect;
use lanyard_core::{Failure, Limits, SecretName};
use lanyard_wire::Version;

use super::super::Member;
use super::super::fake::{Does, Kind, World, changed, key, member, pass};

fn down() -> Does {
    Does::Fail(Failure::Unreachable)
}

/// A world with one server that is kept connected.
fn world(kind: Kind) -> (World, Arc<Member>) {
    (World::new(), Arc::new(member("alpha", kind)))
}

#[tokio::test(start_paused = true)]
async fn a_server_is_connected_listed_and_probed() {
    let (world, alpha) = world(Kind::Http);
    world.reconcile(&[&alpha]);
    pass(65.0).await;
    expect![[r#"
        0.001 alpha opens for house
        0.001 alpha is asked tools/list 
        0.001 alpha 1 lists echo
        30.001 alpha is probed
        60.001 alpha is probed"#]]
    .assert_eq(&world.story.read());
    expect!["connected since 0"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn two_probes_that_fail_change_nothing_and_three_do() {
    let (world, alpha) = world(Kind::Http);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.links.plan("alpha", |plan| plan.probe = Does::Hang);
    pass(75.0).await;
    // The first probe failed at 40, the second began at 70.
    expect!["connected since 0, the server did not answer in time; the call may have taken effect"]
        .assert_eq(&world.state("alpha"));
    assert_eq!(world.status("alpha").strikes, 1);
    world.links.plan("alpha", |plan| plan.probe = Does::result("{}"));
    pass(60.0).await;
    assert_eq!(world.status("alpha").strikes, 0);
    expect!["connected since 0"].assert_eq(&world.state("alpha"));

    world.links.plan("alpha", |plan| plan.probe = Does::Fail(Failure::TimedOut));
    world.story.read();
    pass(89.0).await;
    let said = world.state("alpha");
    expect![[r#"
        140.001 alpha is probed
        170.001 alpha is probed
        200.001 alpha is probed
        200.001 alpha ended for house
        202.001 alpha opens for house
        202.001 alpha is asked tools/list 
        202.001 alpha 1 lists echo"#]]
    .assert_eq(&world.story.read());
    expect!["connected since 202"].assert_eq(&said);
}

#[tokio::test(start_paused = true)]
async fn a_process_is_started_four_times_before_it_counts_as_down() {
    let (world, alpha) = world(Kind::Process);
    world.links.plan("alpha", |plan| plan.connect = down());
    world.reconcile(&[&alpha]);
    pass(7.0).await;
    expect!["connecting since 0, next at 14, the server cannot be reached"]
        .assert_eq(&world.state("alpha"));
    pass(12.0).await;
    expect![[r#"
        0.001 alpha opens for house
        2.001 alpha opens for house
        6.001 alpha opens for house
        14.001 alpha opens for house
        16.001 alpha opens for house"#]]
    .assert_eq(&world.story.read());
    expect!["backoff since 0, attempt 2, next at 20, the server cannot be reached"]
        .assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn ten_attempts_a_pause_and_again() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| plan.connect = down());
    world.reconcile(&[&alpha]);
    pass(400.0).await;
    expect!["cooldown since 0, attempt 1, next at 662, the server cannot be reached"]
        .assert_eq(&world.state("alpha"));
    pass(300.0).await;
    let seconds: Vec<String> =
        world.story.read().lines().map(|line| line.split('.').next().unwrap().to_owned()).collect();
    expect!["0 2 6 14 30 62 122 182 242 302 362 662 666 674 690"].assert_eq(&seconds.join(" "));
}

#[tokio::test(start_paused = true)]
async fn one_call_of_a_pause_has_the_server_tried() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| plan.connect = down());
    world.reconcile(&[&alpha]);
    pass(363.0).await;
    world.story.read();
    for expected in [Failure::ServerUnavailable, Failure::ServerUnavailable] {
        assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), expected);
    }
    expect!["363 alpha opens for house"].assert_eq(&world.story.read());
    expect!["cooldown since 0, attempt 1, next at 662, the server cannot be reached"]
        .assert_eq(&world.state("alpha"));

    // The next pause begins at 1022. This time the server is back when a call asks.
    pass(300.0 + 362.0).await;
    world.links.plan("alpha", |plan| plan.connect = Does::result("{}"));
    world.story.read();
    let (first, second) = tokio::join!(world.enter(&alpha, "ci"), world.enter(&alpha, "other"));
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err(), Failure::ServerUnavailable);
    expect![[r#"
        1025 alpha opens for house
        1025 alpha is asked tools/list 
        1025 alpha 1 lists echo
        1025 alpha opens for ci"#]]
    .assert_eq(&world.story.read());
    assert!(world.enter(&alpha, "other").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_ends_is_begun_again_and_keeps_no_call_out() {
    let (world, alpha) = world(Kind::Process);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.story.read();
    for session in world.links.sessions("alpha") {
        session.end().await;
    }
    pass(1.0).await;
    expect!["backoff since 1, attempt 1, next at 3, its conversation ended: its process exited with code 7"]
        .assert_eq(&world.state("alpha"));
    world.call(&alpha, Ok(())).await.unwrap();
    pass(2.0).await;
    expect![[r#"
        2 alpha opens for ci
        2 alpha is asked tools/list 
        3 alpha opens for house
        3 alpha is asked tools/list 
        3 alpha 1 lists echo"#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_whenever_it_was_greeted_is_started_less_and_less() {
    let (world, alpha) = world(Kind::Process);
    world.reconcile(&[&alpha]);
    let mut begun = Vec::new();
    for _ in 0..90 {
        pass(1.0).await;
        let opened = world.story.read().matches("opens").count();
        begun.push(if opened > 0 { 'x' } else { '.' });
        for session in world.links.sessions("alpha") {
            session.end().await;
        }
    }
    let begun: String = begun.into_iter().collect();
    expect!["x..x....x........x................x................................x..........."]
        .assert_eq(begun.get(..79).unwrap());
}

#[tokio::test(start_paused = true)]
async fn lists_that_change_are_read_again_and_once_for_many() {
    let (world, alpha) = world(Kind::Http);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.story.read();
    let house = world.links.sessions("alpha").remove(0);
    house.say("notifications/message").await;
    for _ in 0..5 {
        house.say("notifications/tools/list_changed").await;
        world.lists_changed(&alpha, "ci");
    }
    pass(3.0).await;
    expect![[r#"
        1.001 alpha is asked tools/list 
        1.001 alpha 1 lists echo"#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_changes_all_the_time_is_probed_as_any_other() {
    let (world, alpha) = world(Kind::Http);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    let house = world.links.sessions("alpha").remove(0);
    for _ in 0..500 {
        house.say("notifications/tools/list_changed").await;
        pass(0.1).await;
    }
    let said = world.story.read();
    assert_eq!(said.matches("is probed").count(), 1, "{said}");
    let lists = said.matches("is asked").count();
    assert!((45..=52).contains(&lists), "{lists}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_half_way_changes_nothing_and_is_read_again() {
    let (world, alpha) = world(Kind::Http);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.links.plan("alpha", |plan| {
        let first = Does::result(r#"{"tools":[{"name":"a"}],"nextCursor":"2"}"#);
        let second = Does::result(r#"{"tools":[{"name":"b"}]}"#);
        plan.answer("tools/list", [first.clone(), Does::error(-32_000), first, second]);
    });
    world.story.read();
    world.lists_changed(&alpha, "ci");
    pass(31.0).await;
    expect![[r#"
        1.001 alpha is asked tools/list 
        1.001 alpha is asked tools/list {"cursor":"2"}
        30.001 alpha is probed
        30.001 alpha is asked tools/list 
        30.001 alpha is asked tools/list {"cursor":"2"}
        30.001 alpha 1 lists a b"#]]
    .assert_eq(&world.story.read());
    expect!["connected since 0"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_listed_is_not_connected() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| plan.answer("tools/list", [Does::Hang]));
    world.reconcile(&[&alpha]);
    pass(16.0).await;
    expect![
        "backoff since 0, attempt 1, next at 17, it did not list everything within 15000 ms (`server_list_ms_max`)"
    ]
    .assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_not_taken_in_keep_a_server_down() {
    let (world, alpha) = world(Kind::Http);
    *world.catalogs.refuses.lock().unwrap() = Some("two tools have one name".to_owned());
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    expect![
        "backoff since 0, attempt 1, next at 2, its lists were not taken in: two tools have one name"
    ]
    .assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_has_to_put_right_is_told_to_calls() {
    let (world, alpha) = world(Kind::Http);
    let unset = Failure::SecretUnset { name: SecretName::parse("key").unwrap() };
    world.links.plan("alpha", |plan| plan.connect = Does::Fail(unset.clone()));
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    expect!["backoff since 0, attempt 1, next at 2, the credential secret://key is not set; an operator can set it with `lanyard secret set key`"].assert_eq(&world.state("alpha"));
    assert_eq!(world.enter(&alpha, "ci").await.unwrap_err(), unset);

    // The next attempt is long away when the operator does so.
    pass(100.0).await;
    world.links.plan("alpha", |plan| plan.connect = Does::result("{}"));
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    expect!["connected since 101"].assert_eq(&world.state("alpha"));
}

#[tokio::test(start_paused = true)]
async fn configurations_that_come_all_the_time_have_nothing_tried_all_the_time() {
    let (world, alpha) = world(Kind::Http);
    let refused = Does::Fail(Failure::CredentialRejected);
    world.links.plan("alpha", |plan| plan.connect = refused);
    for _ in 0..600 {
        world.reconcile(&[&alpha]);
        pass(0.1).await;
    }
    let attempts = world.story.read().matches("opens").count();
    assert!((25..=32).contains(&attempts), "{attempts}");
    world.links.plan("alpha", |plan| plan.connect = down());
    pass(600.0).await;
    world.story.read();
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    assert_eq!(world.story.read(), "");
}

#[tokio::test(start_paused = true)]
async fn the_house_answers_for_itself() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| {
        let listed = lanyard_connect::mcp::Reply::Result(r#"{"tools":[]}"#.to_owned());
        plan.answer("tools/list", [Does::Ask("sampling/createMessage", listed)]);
    });
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    world.links.sessions("alpha").remove(0).ask("ping").await;
    pass(1.0).await;
    expect![[r#"
        0.001 alpha opens for house
        0.001 alpha is asked tools/list 
        0.001 alpha is answered Error("{\"code\":-32601,\"message\":\"Method not found\"}")
        0.001 alpha 1 lists 
        1 alpha is answered Result("{}")"#]]
    .assert_eq(&world.story.read());
}

#[tokio::test(start_paused = true)]
async fn a_stateless_server_is_listened_to() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| {
        plan.version = Version::V2026_07_28;
        plan.capabilities = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":false}}"#;
        plan.answer(
            "subscriptions/listen",
            [Does::Say(vec![
                "notifications/subscriptions/acknowledged",
                "notifications/tools/list_changed",
            ])],
        );
        plan.answer("tools/list", [Does::result(r#"{"tools":[]}"#)]);
    });
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    let said = world.story.read().replace(env!("CARGO_PKG_VERSION"), "V");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    expect![[r#"
        0.001 alpha 1 lists 
        0.001 alpha is asked prompts/list {"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{},"elicitation":{},"roots":{"listChanged":true}},"io.modelcontextprotocol/clientInfo":{"name":"lanyard","version":"V"}}}
        0.001 alpha is asked subscriptions/listen {"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{},"elicitation":{},"roots":{"listChanged":true}},"io.modelcontextprotocol/clientInfo":{"name":"lanyard","version":"V"}}}
        0.001 alpha is asked tools/list {"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{},"elicitation":{},"roots":{"listChanged":true}},"io.modelcontextprotocol/clientInfo":{"name":"lanyard","version":"V"}}}
        0.001 alpha opens for house"#]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_ends_is_renewed_and_one_that_is_refused_is_not() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| {
        plan.version = Version::V2026_07_28;
        plan.answer(
            "subscriptions/listen",
            [Does::Fail(Failure::ServerEnded), Does::error(-32_601)],
        );
    });
    world.reconcile(&[&alpha]);
    pass(29.0).await;
    let said = world.story.read();
    let heads: Vec<&str> = said.lines().map(|line| line.split(" {").next().unwrap()).collect();
    let mut heads: Vec<&str> = heads;
    heads.sort_unstable();
    expect![[r#"
        0.001 alpha 1 lists echo
        0.001 alpha is asked subscriptions/listen
        0.001 alpha is asked tools/list
        0.001 alpha opens for house
        2.001 alpha 1 lists echo
        2.001 alpha is asked subscriptions/listen
        2.001 alpha is asked tools/list"#]]
    .assert_eq(&heads.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn an_operator_ends_a_pause_or_begins_anew() {
    let (world, alpha) = world(Kind::Http);
    world.links.plan("alpha", |plan| plan.connect = down());
    world.reconcile(&[&alpha]);
    pass(400.0).await;
    world.links.plan("alpha", |plan| plan.connect = Does::result("{}"));
    world.story.read();
    let (tenant, name) = (&alpha.target.tenant, &alpha.target.server);
    world.fleet.reconnect(tenant, name);
    pass(1.0).await;
    expect!["connected since 400"].assert_eq(&world.state("alpha"));
    world.call(&alpha, Ok(())).await.unwrap();
    world.story.read();
    world.fleet.reconnect(tenant, name);
    pass(1.0).await;
    let said = world.story.read();
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    expect![[r#"
        401 alpha 1 lists echo
        401 alpha ended for ci
        401 alpha ended for house
        401 alpha is asked tools/list 
        401 alpha opens for house"#]]
    .assert_eq(&lines.join("\n"));
    pass(20.0).await;
    assert_eq!(world.story.read(), "");
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_touches_only_what_changed() {
    let world = World::new();
    let [alpha, beta, gamma] =
        ["alpha", "beta", "gamma"].map(|name| Arc::new(member(name, Kind::Http)));
    world.reconcile(&[&alpha, &beta]);
    pass(1.0).await;
    world.story.read();
    world.reconcile(&[&alpha, &beta]);
    pass(1.0).await;
    assert_eq!(world.story.read(), "");
    let beta = Arc::new(changed(&beta, 2));
    world.reconcile(&[&beta, &gamma]);
    pass(0.5).await;
    let said = world.story.read();
    let mut lines: Vec<&str> = said.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    lines.sort_unstable();
    expect![[r#"
        alpha ended for house
        beta 2 lists echo
        beta ended for house
        beta is asked tools/list 
        beta opens for house
        gamma 1 lists echo
        gamma is asked tools/list 
        gamma opens for house"#]]
    .assert_eq(&lines.join("\n"));
    assert!(world.fleet.status(&alpha.target.tenant, &alpha.target.server).is_none());
    world.reconcile(&[]);
    pass(0.5).await;
    // Without servers there are no tasks: nothing is left behind.
    world.tasks.close();
    world.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_switched_off_is_left_alone() {
    let (world, alpha) = world(Kind::Http);
    let mut off = member("alpha", Kind::Http);
    off.enabled = false;
    let off = Arc::new(off);
    world.reconcile(&[&off]);
    pass(100.0).await;
    assert_eq!(world.story.read(), "");
    expect!["disabled since 0"].assert_eq(&world.state("alpha"));
    assert_eq!(world.enter(&off, "ci").await.unwrap_err(), Failure::ServerUnavailable);
    world.reconcile(&[&alpha]);
    pass(1.0).await;
    expect!["connected since 100"].assert_eq(&world.state("alpha"));
    world.reconcile(&[&off]);
    expect!["disabled since 101"].assert_eq(&world.state("alpha"));
    assert!(world.links.sessions("alpha").is_empty());
}

#[tokio::test(start_paused = true)]
async fn servers_that_hang_delay_nobody() {
    let limits = Limits { server_starts_max: 8, ..Limits::standard() };
    let world = World::with_limits(limits);
    let members: Vec<Arc<Member>> = (0..1000)
        .map(|number| {
            let name = format!("server-{number}");
            if number % 10 == 0 {
                world.links.plan(&name, |plan| plan.connect = Does::Hang);
            }
            Arc::new(member(&name, Kind::Http))
        })
        .collect();
    world.fleet.reconcile(&members);
    pass(15.0).await;
    for (number, member) in members.iter().enumerate() {
        let expected = if number % 10 == 0 { "connecting" } else { "connected" };
        let actual = world.status(member.target.server.as_str()).state.as_str();
        assert_eq!(actual, expected, "{number}");
    }
    // Whoever hangs has given its turn on, so more are being connected than have a turn.
    assert!(world.links.connecting_max() >= 100);
}

#[tokio::test(start_paused = true)]
async fn starts_take_turns() {
    let limits = Limits { server_starts_max: 8, ..Limits::standard() };
    let world = World::with_limits(limits);
    let members: Vec<Arc<Member>> =
        (0..200).map(|it| Arc::new(member(&format!("server-{it}"), Kind::Http))).collect();
    world.fleet.reconcile(&members);
    pass(5.0).await;
    assert!(world.links.connecting_max() <= 8, "{}", world.links.connecting_max());
}

#[tokio::test(start_paused = true)]
async fn when_the_gateway_stops_so_do_all_tasks() {
    let world = World::new();
    let members: Vec<Arc<Member>> =
        (0..20).map(|it| Arc::new(member(&format!("server-{it}"), Kind::Process))).collect();
    world.links.plan("server-3", |plan| plan.connect = Does::Hang);
    world.links.plan("server-4", |plan| plan.connect = down());
    world.fleet.reconcile(&members);
    pass(1.0).await;
    world.shutdown.cancel();
    world.tasks.close();
    world.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn no_two_keys_are_one_house() {
    let (_, alpha) = world(Kind::Http);
    assert_ne!(super::house::key(&alpha), key(&alpha, "ci"));
    assert_ne!(super::house::key(&alpha), super::house::key(&changed(&alpha, 2)));
}
