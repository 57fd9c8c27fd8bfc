//! What limits have counted: read from the log at the start, and kept from one configuration to the
//! next.

use lanyard_core::{AgentName, ServerName};
use lanyard_policy::limit::{LimitReached, LimitedCall, Taken};
use lanyard_store::Store;
use tempfile::TempDir;

use super::*;

/// 2026-11-22T09:00:00Z.
const NOW: Timestamp = Timestamp(1_795_338_000_000_000);
const HOUR: i64 = 3_600_000_000;

fn limit(tenant: &str, agent: Option<&str>, calls_per_day: u64) -> LimitRow {
    LimitRow {
        tenant: TenantName::parse(tenant).unwrap(),
        agent: agent.map(|name| AgentName::parse(name).unwrap()),
        server: None,
        tool: None,
        rate: None,
        burst: None,
        concurrency: None,
        calls_per_day: Some(calls_per_day),
        cost_per_day: Some(100),
        updated_at: NOW,
    }
}

fn rows(limits: &[LimitRow]) -> Configuration {
    let directory = TempDir::new().unwrap();
    let store = Store::open(&directory.path().join("data")).unwrap();
    Configuration { limits: limits.to_vec(), ..store.load().unwrap() }
}

fn take(limits: &ByTenant, tenant: &str, at: Timestamp) -> Result<Taken, LimitReached> {
    let (agent, server) = (AgentName::parse("alice").unwrap(), ServerName::parse("b").unwrap());
    let call = LimitedCall { agent: &agent, server: &server, tool: None, cost: 1 };
    limits.get(&TenantName::parse(tenant).unwrap()).unwrap().take(&call, at)
}

fn line(at: Timestamp, tenant: &str, obligations: &str) -> String {
    let prev = "ab".repeat(32);
    format!(
        "{{\"seq\":1,\"prev\":\"{prev}\",\"time\":\"{at}\",\"kind\":\"call.open\",\"id\":\"c\",\
         \"tenant\":\"{tenant}\",\"obligations\":{obligations}}}\n"
    )
}

#[test]
fn a_day_goes_on_where_the_log_says_it_had_come() {
    let log = TempDir::new().unwrap();
    let lines = [
        line(Timestamp(NOW.0 - 9 * HOUR - 1), "default", r#"["limit:*/*/*"]"#),
        line(Timestamp(NOW.0 - 9 * HOUR), "default", r#"["limit:*/*/*","limit:alice/*/*"]"#),
        line(NOW, "default", r#"["limit:*/*/*","cost:90"]"#),
        line(NOW, "default", r#"["limit:Not A Name/*/*"]"#),
        line(NOW, "default", r#"["approval:7"]"#),
        line(NOW, "other", r#"["limit:*/*/*","limit:*/*/*"]"#),
    ];
    let path = log.path().join("00000001.log");
    lanyard_store::write_atomic(&path, lines.concat().as_bytes(), 0o600).unwrap();
    let rows = rows(&[limit("default", None, 3), limit("default", Some("alice"), 9)]);
    let read = Meters::of_today(&rows, log.path(), NOW).unwrap();
    let used = |tenant: &str, scope: &str| {
        let scope = LimitScope::parse(scope).unwrap();
        let meter = read.of(&TenantName::parse(tenant).unwrap(), &scope).unwrap();
        (meter.used(NOW).0.calls, meter.used(NOW).0.cost)
    };
    assert_eq!(used("default", "*/*/*"), (2, 91));
    assert_eq!(used("default", "alice/*/*"), (1, 1));
    assert_eq!(used("other", "*/*/*"), (2, 2));
    let (limits, _) = compile(&rows, &read, NOW).unwrap();
    drop(take(&limits, "default", NOW).unwrap());
    assert!(take(&limits, "default", NOW).is_err());
    drop(take(&limits, "default", Timestamp(NOW.0 + 15 * HOUR)).unwrap());
}

#[test]
fn without_limits_the_log_is_not_read() {
    let nowhere = Path::new("/dev/null");
    assert!(Meters::of_today(&rows(&[]), nowhere, NOW).unwrap().0.is_empty());
    assert!(Meters::of_today(&rows(&[limit("default", None, 1)]), nowhere, NOW).is_err());
}

#[test]
fn a_limit_that_comes_back_the_same_day_gives_no_second_budget() {
    let with = rows(&[limit("default", None, 2), limit("other", None, 2)]);
    let (limits, meters) = compile(&with, &Meters::default(), NOW).unwrap();
    let running = take(&limits, "default", NOW).unwrap();
    drop(take(&limits, "default", NOW).unwrap());
    assert!(take(&limits, "default", NOW).is_err());
    // The same name in another tenant is another limit.
    drop(take(&limits, "other", NOW).unwrap());
    let (none, meters) = compile(&rows(&[]), &meters, NOW).unwrap();
    assert!(none.is_empty());
    let (limits, meters) = compile(&with, &meters, NOW).unwrap();
    assert!(take(&limits, "default", NOW).is_err());
    drop(take(&limits, "other", NOW).unwrap());
    // The next day nothing is left to remember but what still runs.
    let tomorrow = Timestamp(NOW.0 + 24 * HOUR);
    let (_, meters) = compile(&rows(&[]), &meters, tomorrow).unwrap();
    assert_eq!(meters.0.len(), 1);
    drop(running);
    let (_, meters) = compile(&rows(&[]), &meters, tomorrow).unwrap();
    assert!(meters.0.is_empty());
}

#[test]
fn a_damaged_limit_is_named() {
    let rate = Some("10/y".to_owned());
    let damaged = LimitRow { rate, ..limit("default", Some("alice"), 1) };
    let error = compile(&rows(&[damaged]), &Meters::default(), NOW).unwrap_err();
    let told =
        "the limit alice/*/*: rate: write a number of calls and a unit: 10/s, 600/m or 1000/h";
    assert_eq!(error, told);
}
