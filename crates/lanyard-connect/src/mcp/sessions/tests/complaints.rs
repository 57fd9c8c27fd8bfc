//! What processes write to stderr: kept for each, bounded, and told by whoever wrote last.

use super::fake::{Bench, ask, eventually, key, script};

/// A server that complains about what it is called.
fn complains() -> String {
    script(r#"*'"method":"complain"'*) echo complaint >&2; result '{}' ;;"#)
}

#[tokio::test]
async fn a_flood_of_complaints_hinders_nobody_and_its_end_is_kept() {
    let bench = Bench::new();
    let flood = script(
        r#"*'"method":"flood"'*) head -c 20000000 /dev/zero | tr '\0' 'x' >&2; echo >&2; echo 'the last' >&2
           result '{}' ;;"#,
    );
    let lease = bench.lease(&flood).await;
    ask(&lease, "flood").await.unwrap();
    eventually(|| bench.stderr().ends_with("the last\n")).await;
    assert!(bench.stderr().len() <= 64 << 10);
    drop(lease);
    bench.sessions.close().await;
    // It survives the process.
    assert!(bench.stderr().ends_with("the last\n"));
    bench.end().await;
}

#[tokio::test]
async fn whoever_complained_last_is_at_the_end() {
    let bench = Bench::new();
    let mut leases = Vec::new();
    for agent in ["one", "two", "three"] {
        let opening = bench.opening(&complains());
        leases.push(bench.sessions.lease(&key(agent), opening).await.unwrap());
    }
    ask(&leases[1], "complain").await.unwrap();
    eventually(|| bench.told() == ["one: ", "three: ", "two: complaint"]).await;
    ask(&leases[0], "complain").await.unwrap();
    eventually(|| bench.told() == ["three: ", "two: complaint", "one: complaint"]).await;
    // Where not all are asked for, it is the first that are left out.
    let last = bench.sessions.processes(|_| true, 1);
    assert_eq!(last.len(), 1);
    assert_eq!((&last[0].key, &last[0].exit), (&key("one"), &None));
    drop(leases);
    bench.end().await;
}

#[tokio::test]
async fn of_those_that_ended_the_last_of_each_principal_is_kept_and_not_many() {
    let bench = Bench::new();
    for agent in ["one", "one", "two", "three", "four", "five", "five"] {
        let lease = bench.sessions.lease(&key(agent), bench.opening(&complains())).await.unwrap();
        ask(&lease, "complain").await.unwrap();
        drop(lease);
        bench.sessions.retire(|_| true);
        bench.until(0, 0).await;
    }
    eventually(|| {
        bench.told() == ["two: complaint", "three: complaint", "four: complaint", "five: complaint"]
    })
    .await;
    let reports = bench.sessions.processes(|_| true, 8);
    assert!(reports.iter().all(|report| report.exit.is_some()), "{reports:?}");
    bench.end().await;
}
