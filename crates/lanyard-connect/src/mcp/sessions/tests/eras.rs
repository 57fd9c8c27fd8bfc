//! What a process speaks: found out once, by a probe that is thrown away, and known from then on.

use std::time::Duration;

use lanyard_wire::Version;

use super::fake::{Bench, key, modern, opening, script};
use crate::mcp::Target;

/// A server that speaks both ways.
fn both() -> String {
    script(
        r#"*'"method":"server/discover"'*)
        result '{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}' ;;"#,
    )
}

/// Opens two sessions one after the other. Gives what is spoken, how often the server was started
/// and what it heard.
async fn met(script: &str, change: impl Fn(&mut Target)) -> (bool, usize, String) {
    let bench = Bench::new();
    let mut modern = false;
    for name in ["one", "two"] {
        let mut target = bench.target(script);
        target.spoken = None;
        change(&mut target);
        let lease = bench.sessions.lease(&key(name), opening(target)).await.unwrap();
        modern = lease.facts().version.is_modern();
    }
    let heard: Vec<String> =
        bench.heard().into_iter().filter(|it| !it.starts_with("notifications/")).collect();
    let met = (modern, bench.starts(), heard.join(" "));
    bench.end().await;
    met
}

#[tokio::test]
async fn one_that_speaks_both_ways_is_spoken_to_as_a_stateless_one() {
    let (is_modern, starts, heard) = met(&both(), |_| {}).await;
    assert_eq!((is_modern, starts, &*heard), (true, 2, "server/discover server/discover"));
    // Unless it was heard otherwise before: to ask again would cost a process each time.
    let legacy = |target: &mut Target| target.spoken = Some(Version::V2025_06_18);
    let (is_modern, starts, heard) = met(&both(), legacy).await;
    assert_eq!((is_modern, starts, &*heard), (false, 2, "initialize initialize"));
}

#[tokio::test]
async fn one_that_knows_only_the_older_way_costs_one_more_process_once() {
    let refuses = script("");
    let exits = script(r#"*'"method":"server/discover"'*) exit 1 ;;"#);
    let chatters = script(r#"*'"method":"server/discover"'*) say '{"what":1' ; exit 0 ;;"#);
    for script in [refuses, exits, chatters] {
        let (is_modern, starts, heard) = met(&script, |_| {}).await;
        let expected = "server/discover initialize initialize";
        assert_eq!((is_modern, starts, &*heard), (false, 3, expected));
    }
    // One that falls silent is given up soon.
    let silent = script(r#"*'"method":"server/discover"'*) while read -r line; do :; done ;;"#);
    let (is_modern, starts, _) =
        met(&silent, |target| target.connect_max = Duration::from_secs(8)).await;
    assert_eq!((is_modern, starts), (false, 3));
}

#[tokio::test]
async fn what_was_heard_before_costs_nothing() {
    let legacy = |target: &mut Target| target.spoken = Some(Version::V2025_06_18);
    assert_eq!(met(&script(""), legacy).await, (false, 2, "initialize initialize".to_owned()));
    let stateless = |target: &mut Target| target.spoken = Some(Version::V2026_07_28);
    let (is_modern, starts, heard) = met(&modern("exit 1"), stateless).await;
    assert_eq!((is_modern, starts, &*heard), (true, 2, "server/discover server/discover"));
    // It was replaced by one that knows less: found out in place, and remembered.
    let (is_modern, starts, heard) = met(&script(""), stateless).await;
    let expected = "server/discover initialize initialize";
    assert_eq!((is_modern, starts, &*heard), (false, 2, expected));
}
