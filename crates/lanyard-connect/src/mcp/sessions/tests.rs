//! Sessions with processes: from the start to the end, and what servers do in between that they
//! should not.

use std::time::Duration;

use expect_test::{Expect, expect};
use lanyard_core::UserName;
use lanyard_mcp::Transport;
use lanyard_wire::Id;

use super::*;
use crate::mcp::{EraChoice, Reply, Step};
use fake::{
    Bench, PATIENCE, ask, eventually, finish, inbox, key, modern, opening, outgoing, script,
    script_after,
};

mod complaints;
mod eras;
mod fake;
mod places;

/// Why a server cannot be talked to.
async fn refused(change: impl FnOnce(&mut Target), script: &str) -> String {
    let bench = Bench::new();
    let mut target = bench.target(script);
    change(&mut target);
    let failure = bench.sessions.lease(&key("one"), opening(target)).await.unwrap_err();
    bench.end().await;
    format!("{}: {failure}\n", failure.code())
}

async fn check_refused(change: impl FnOnce(&mut Target), script: &str, expected: Expect) {
    expected.assert_eq(&refused(change, script).await);
}

#[tokio::test]
async fn a_server_is_greeted_asked_and_ended() {
    let bench = Bench::new();
    let lease = bench.lease(&script("")).await;
    expect![[r#"
        ServerFacts {
            version: V2025_11_25,
            capabilities: "{\"tools\":{}}",
            info: "{\"name\":\"fake\",\"version\":\"1\"}",
            instructions: Some(
                "be kind",
            ),
        }
    "#]]
    .assert_debug_eq(lease.facts());
    let reply = ask(&lease, "echo").await.unwrap();
    expect![[r#"
        Result(
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"echo\"}",
        )
    "#]]
    .assert_debug_eq(&reply);
    lease.probe(PATIENCE).await.unwrap();
    assert_eq!(bench.sessions.counts(), Counts { sessions: 1, processes: 1 });
    let heard = ["initialize", "notifications/initialized", "echo", "ping"];
    assert_eq!(bench.heard(), heard);
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn it_gets_the_given_environment_and_a_home() {
    let bench = Bench::new();
    let own = script_after("env | grep -v -e ^PWD= -e ^_= -e ^OLDPWD= -e ^SHLVL= | sort >&2");
    drop(bench.lease(&own).await);
    let home = bench.directory.path().display().to_string();
    let told = bench.stderr().replace(&home, "HOME");
    expect![[r#"
        GIVEN=1
        HOME=HOME
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        TMPDIR=HOME/tmp
    "#]]
    .assert_eq(&told);
    bench.end().await;
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let none = |target: &mut Target| {
        if let Transport::Stdio(stdio) = &mut target.definition.transport {
            stdio.command = "/no/such/program".to_owned();
        }
    };
    check_refused(none, "", expect![[r#"
        server_start: the server's process cannot be started: `/no/such/program` does not exist; install it, or correct the path
    "#]])
    .await;
    check_refused(|_| {}, "exit 1", expect![[r#"
        server_start: the server's process cannot be started: it exited with code 1 before it greeted; what it wrote to stderr may say why
    "#]])
    .await;
    check_refused(|_| {}, "read -r line; kill -SEGV $$", expect![[r#"
        server_start: the server's process cannot be started: it was ended by SIGSEGV before it greeted; what it wrote to stderr may say why
    "#]])
    .await;
}

#[tokio::test]
async fn one_that_does_not_greet_is_given_up() {
    let soon = |target: &mut Target| target.connect_max = Duration::from_millis(300);
    check_refused(
        soon,
        "while read -r line; do :; done",
        expect![[r#"
        server_start: the server's process cannot be started: it did not greet within 0 s
    "#]],
    )
    .await;
}

#[tokio::test]
async fn one_that_greets_wrongly_is_refused() {
    let unknown =
        script(r#"*'"method":"initialize"'*) result '{"protocolVersion":"1999-01-01"}' ;;"#);
    check_refused(
        |_| {},
        &unknown,
        expect![[r#"
        answer_unusable: the server's answer cannot be used: it refused `server/discover`
    "#]],
    )
    .await;
    let legacy = |target: &mut Target| target.era = EraChoice::Legacy;
    check_refused(legacy, &unknown, expect![[r#"
        answer_unusable: the server's answer cannot be used: it answered `initialize` with a protocol version that has none
    "#]])
    .await;
    let stateless = |target: &mut Target| target.era = EraChoice::Modern;
    check_refused(
        stateless,
        &script(""),
        expect![[r#"
        answer_unusable: the server's answer cannot be used: it refused `server/discover`
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_stateless_server_is_found_out_in_place_or_as_another_process() {
    let in_place = Bench::new();
    let lease = in_place.lease(&modern("refuse -32601")).await;
    assert!(lease.facts().version.is_modern());
    assert_eq!(lease.facts().info, r#"{"name":"modern","version":"2"}"#);
    assert_eq!(in_place.heard(), ["initialize", "server/discover"]);
    assert_eq!(in_place.starts(), 1);
    lease.probe(PATIENCE).await.unwrap();
    drop(lease);
    in_place.end().await;

    // The first message settles what this one listens to.
    let settled = Bench::new();
    let lease = settled.lease(&modern("settled=1; refuse -32601")).await;
    assert!(lease.facts().version.is_modern());
    assert_eq!(settled.heard(), ["initialize", "server/discover", "server/discover"]);
    assert_eq!(settled.starts(), 2);
    drop(lease);
    settled.end().await;

    let another = Bench::new();
    let exits = modern("exit 1");
    drop(another.lease(&exits).await);
    assert_eq!(another.heard(), ["initialize", "server/discover"]);
    assert_eq!(another.starts(), 2);
    // What was found out is remembered, for the next session of that configuration.
    drop(another.sessions.lease(&key("two"), another.opening(&exits)).await.unwrap());
    assert_eq!(another.heard(), ["initialize", "server/discover", "server/discover"]);
    assert_eq!(another.starts(), 3);
    // And forgotten when it proves wrong.
    let lease = another.sessions.lease(&key("three"), another.opening(&script(""))).await.unwrap();
    assert!(!lease.facts().version.is_modern());
    drop(lease);
    another.end().await;
}

#[tokio::test]
async fn one_that_exits_in_the_middle_is_started_again() {
    let bench = Bench::new();
    let lease = bench.lease(&script("")).await;
    let mut waiting = lease.request(outgoing("hang", None)).await.unwrap();
    let failure = ask(&lease, "die").await.unwrap_err();
    assert_eq!(failure, Failure::ServerEnded);
    assert_eq!(waiting.next().await.unwrap_err(), Failure::ServerEnded);
    assert!(!lease.is_open());
    assert_eq!(ask(&lease, "echo").await.unwrap_err(), Failure::ServerEnded);
    assert_eq!(lease.notify("notifications/x", None).await.unwrap_err(), Failure::ServerEnded);
    bench.until(0, 0).await;
    assert_eq!(bench.sessions.last_exit(&key("one")).as_deref(), Some("exited with code 3"));
    assert_eq!(bench.sessions.last_exit(&key("two")), None);
    let again = bench.lease(&script("")).await;
    ask(&again, "echo").await.unwrap();
    assert_eq!(bench.starts(), 2);
    drop((lease, again));
    bench.end().await;
}

#[tokio::test]
async fn a_little_garbage_is_dropped_and_much_is_the_end() {
    let bench = Bench::new();
    let chatty = script(
        r#"*'"method":"little"'*) for i in 1 2 3 4 5 6 7 8 9; do say "Listening on nothing"; say '{"level":30}'; done
           result '{}' ;;
           *'"method":"much"'*) while :; do say 'LOG'; done ;;"#,
    );
    let lease = bench.lease(&chatty).await;
    ask(&lease, "little").await.unwrap();
    assert_eq!(lease.strays(), 9);
    let failure = ask(&lease, "much").await.unwrap_err();
    expect!["the server's answer cannot be used: it writes lines that are no messages to its standard output"]
        .assert_eq(&failure.to_string());
    drop(lease);
    // JSON that is no message is garbage, too.
    let json = script(r#"*'"method":"much"'*) while :; do say '{"level":30}'; done ;;"#);
    let lease = bench.sessions.lease(&key("two"), bench.opening(&json)).await.unwrap();
    let failure = ask(&lease, "much").await.unwrap_err();
    assert_eq!(failure.code(), "answer_unusable");
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn a_line_without_end_ends_the_session_within_its_limit() {
    let bench = Bench::with_limits(|limits| limits.message_bytes_max = 1 << 20);
    let endless = script(r#"*'"method":"endless"'*) tr '\0' 'a' < /dev/zero ;;"#);
    let lease = bench.lease(&endless).await;
    assert_eq!(ask(&lease, "endless").await.unwrap_err(), Failure::AnswerTooLarge);
    bench.until(0, 0).await;
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn an_answer_of_100_mb_ends_the_session_and_one_of_10_mb_does_not() {
    let bench = Bench::new();
    let large = script(
        r#"*'"method":"large"'*) count=${line#*'"bytes":'}; count=${count%%'}'*}
           printf '{"jsonrpc":"2.0","id":%s,"result":"' "$id"; head -c "$count" /dev/zero | tr '\0' 'a'; say '"}' ;;"#,
    );
    let lease = bench.lease(&large).await;
    let ten = outgoing("large", Some(r#"{"bytes":10000000}"#));
    let reply = finish(&mut lease.request(ten).await.unwrap()).await.unwrap();
    assert!(matches!(reply, Reply::Result(text) if text.len() == 10_000_002));
    let hundred = outgoing("large", Some(r#"{"bytes":100000000}"#));
    let failure = finish(&mut lease.request(hundred).await.unwrap()).await.unwrap_err();
    assert_eq!(failure, Failure::AnswerTooLarge);
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn a_call_that_hangs_ends_in_time_and_the_server_is_told() {
    let bench = Bench::new();
    let lease = bench.lease(&script("")).await;
    let mut late = outgoing("hang", None);
    late.deadline = Some(Instant::now() + Duration::from_millis(50));
    let mut exchange = lease.request(late).await.unwrap();
    assert_eq!(exchange.next().await.unwrap_err(), Failure::TimedOut);
    assert_eq!(exchange.next().await.unwrap_err(), Failure::TimedOut);
    drop(exchange);
    drop(lease.request(outgoing("hang", None)).await.unwrap());
    // The server goes on, and was told twice and not more often.
    eventually(|| bench.heard().iter().filter(|it| *it == "notifications/cancelled").count() == 2)
        .await;
    ask(&lease, "echo").await.unwrap();
    assert_eq!(bench.heard().iter().filter(|it| *it == "notifications/cancelled").count(), 2);
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn one_that_never_reads_hangs_nobody_for_ever() {
    let bench = Bench::new();
    let deaf = script(r#"*'"method":"deaf"'*) while :; do sleep 1; done ;;"#);
    let lease = bench.lease(&deaf).await;
    let _deaf = lease.request(outgoing("deaf", None)).await.unwrap();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
    let mut failures = Vec::new();
    for _ in 0..20 {
        let mut request = outgoing("echo", Some(&large));
        request.deadline = Some(Instant::now() + Duration::from_millis(20));
        match lease.request(request).await {
            Ok(mut exchange) => failures.push(exchange.next().await.unwrap_err()),
            Err(failure) => failures.push(failure),
        }
    }
    assert_eq!(failures, vec![Failure::TimedOut; 20]);
    drop((_deaf, lease));
    close_without_waiting(bench).await;
}

#[tokio::test]
async fn progress_comes_back_under_the_token_of_the_client() {
    let bench = Bench::new();
    let working = script(
        r#"*'"method":"work"'*) token=${line#*'"progressToken":'}; token=${token%%'}'*}
           say '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":'$token',"progress":1, "x":1e2}}'
           say '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":2}}'
           say '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77,"progress":3}}'
           result "$line" ;;"#,
    );
    let lease = bench.lease(&working).await;
    let params = r#"{"a":1, "_meta":{"progressToken":"mine"}}"#;
    let mut exchange = lease.request(outgoing("work", Some(params))).await.unwrap();
    let mut steps = String::new();
    loop {
        match exchange.next().await.unwrap() {
            Step::Notification(message) => steps += &format!("{message}\n"),
            Step::Request(_) | Step::Pause(_) => panic!("nothing was asked"),
            Step::Done(Reply::Result(result)) => break steps += &format!("{result}\n"),
            Step::Done(Reply::Error(_)) => panic!("no error was told"),
        }
    }
    // What the server heard is ours; what it reported without having heard it went to nobody.
    expect![[r#"
        {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1, "x":1e2}}
        {"jsonrpc":"2.0","id":2,"method":"work","params":{"a":1, "_meta":{"progressToken":2}}}
    "#]]
    .assert_eq(&steps);
    assert_eq!(lease.strays(), 2);
    drop((exchange, lease));
    bench.end().await;
}

#[tokio::test]
async fn what_the_server_asks_goes_to_the_newest_call_that_runs() {
    let bench = Bench::new();
    let asking = script(
        r#"*'"method":"ask"'*) asked=$id; say '{"jsonrpc":"2.0","id":"p","method":"ping"}'
           say '{"jsonrpc":"2.0","id":"s-1","method":"elicitation/create","params":{"message":"?"}}' ;;
           *'"id":"s-1"'*) id=$asked; result "$line" ;;"#,
    );
    let mut opening = bench.opening(&asking);
    let mut heard = inbox(&mut opening);
    let lease = bench.sessions.lease(&key("one"), opening).await.unwrap();
    let mut exchange = lease.request(outgoing("ask", None)).await.unwrap();
    let Step::Request(request) = exchange.next().await.unwrap() else { panic!("nothing asked") };
    assert_eq!(
        (request.method.as_str(), request.params.as_deref()),
        ("elicitation/create", Some(r#"{"message":"?"}"#))
    );
    let stranger = Id::from_text("s-2");
    let wrong = exchange.respond(&stranger, Reply::Result("{}".to_owned())).await.unwrap_err();
    assert_eq!(wrong.code(), "request_unbuildable");
    let answer = Reply::Result(r#"{"action":"accept"}"#.to_owned());
    exchange.respond(&request.id, answer.clone()).await.unwrap();
    assert_eq!(
        exchange.respond(&request.id, answer).await.unwrap_err().code(),
        "request_unbuildable"
    );
    let reply = finish(&mut exchange).await.unwrap();
    assert_eq!(
        reply,
        Reply::Result(r#"{"jsonrpc":"2.0","id":"s-1","result":{"action":"accept"}}"#.to_owned())
    );
    // The ping was answered by the session itself.
    eventually(|| bench.heard().iter().any(|line| line.contains(r#""id":"p""#))).await;

    let first = lease.request(outgoing("hang", None)).await.unwrap();
    let mut second = lease.request(outgoing("ask", None)).await.unwrap();
    let Step::Request(request) = second.next().await.unwrap() else { panic!("nothing asked") };
    let no = Reply::Error(r#"{"code":-1,"message":"no"}"#.to_owned());
    second.respond(&request.id, no).await.unwrap();
    drop((exchange, first, second, lease));
    bench.end().await;
    assert!(matches!(heard.recv().await, Some(Unrelated::Ended)));
    assert!(heard.recv().await.is_none());
}

#[tokio::test]
async fn what_nobody_hears_is_answered_all_the_same() {
    let bench = Bench::new();
    let asking = script(
        r#"*'"method":"notifications/initialized"'*) say '{"jsonrpc":"2.0","id":"s-1","method":"roots/list"}' ;;"#,
    );
    let lease = bench.lease(&asking).await;
    let refusal = r#""code":-32601"#;
    eventually(|| bench.heard().iter().any(|line| line.contains(refusal))).await;
    drop(lease);
    bench.end().await;
}

#[tokio::test]
async fn one_that_does_not_want_to_end_is_killed() {
    let bench = Bench::new();
    let stubborn = script_after("trap '' TERM") + "while :; do sleep 1; done\n";
    let lease = bench.lease(&stubborn).await;
    drop(lease);
    // Whatever is waited for in vain is over at once.
    tokio::time::pause();
    bench.sessions.retire(|_| true);
    bench.until(0, 0).await;
    tokio::time::resume();
    assert_eq!(bench.sessions.last_exit(&key("one")).as_deref(), Some("was ended by SIGKILL"));
    bench.end().await;
}

#[tokio::test]
async fn the_end_of_the_gateway_is_the_end_of_all() {
    let bench = Bench::new();
    let lease = bench.lease(&script("")).await;
    let mut running = lease.request(outgoing("hang", None)).await.unwrap();
    bench.shutdown.cancel();
    assert_eq!(running.next().await.unwrap_err(), Failure::Cancelled);
    bench.until(0, 0).await;
    let after = bench.sessions.lease(&key("one"), bench.opening(&script(""))).await;
    assert_eq!(after.unwrap_err(), Failure::Cancelled);
    drop((running, lease));
    bench.end().await;
}

#[tokio::test]
async fn dropping_the_sessions_ends_their_processes() {
    let Bench { sessions, tasks, directory, shutdown: _ } = Bench::new();
    let bench = Bench { sessions, tasks, directory, shutdown: CancellationToken::new() };
    let lease = bench.lease(&script("")).await;
    drop(lease);
    let Bench { sessions, tasks, directory: _directory, shutdown: _ } = bench;
    drop(sessions);
    tasks.close();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
}

/// Ends a bench whose server does not want to end, without the time that it has for it.
async fn close_without_waiting(bench: Bench) {
    tokio::time::pause();
    bench.sessions.close().await;
    tokio::time::resume();
    bench.end().await;
}

fn user(name: &str, credential: u64) -> SessionKey {
    let mut key = key("one");
    if let Some(principal) = &mut key.principal {
        principal.user = Some(UserName::parse(name).unwrap());
    }
    key.credential = credential;
    key
}
