//! Limits one by one. Time is a number that the test moves.

mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_core::{AgentName, Timestamp, ToolName};

use super::{
    CallLimit, CallLimits, DayUse, LimitReached, LimitScope, LimitTerms, LimitedCall, Meter,
    Obliged, SharedMeter, Taken, TermsAsked, Wait,
};

/// 2026-11-22T09:00:00Z.
const NOW: Timestamp = Timestamp(1_795_338_000_000_000);
const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;

const RATE: TermsAsked<'_> = TermsAsked {
    rate: None,
    burst: None,
    concurrency: None,
    calls_per_day: None,
    cost_per_day: None,
};

fn terms(asked: TermsAsked<'_>) -> LimitTerms {
    LimitTerms::of(asked).unwrap()
}

fn after(time: Timestamp, micros: u64) -> Timestamp {
    time.plus(Duration::from_micros(micros))
}

fn scope(text: &str) -> LimitScope {
    LimitScope::parse(text).unwrap()
}

fn limits(rows: &[(&str, TermsAsked<'_>)]) -> CallLimits {
    CallLimits::new(rows.iter().map(|(name, asked)| {
        CallLimit::new(scope(name), terms(*asked), Arc::new(SharedMeter::default()))
    }))
}

/// A call by `AGENT/SERVER/TOOL`, `*` for no tool.
fn take(limits: &CallLimits, who: &str, cost: u64, now: Timestamp) -> Result<Taken, LimitReached> {
    let who = scope(who);
    let (agent, server) = (who.agent().unwrap(), who.server().unwrap());
    limits.take(&LimitedCall { agent, server, tool: who.tool(), cost }, now)
}

#[track_caller]
fn refused(taken: Result<Taken, LimitReached>) -> (String, Option<Duration>) {
    let reached = taken.expect_err("it was let through");
    let wait = match reached.wait {
        Wait::For(wait) => Some(wait),
        Wait::Never => None,
    };
    (format!("{} | {}", reached.limit, reached.which), wait)
}

#[test]
fn terms_that_make_no_sense_are_refused_by_name() {
    let of = |asked| LimitTerms::of(asked).unwrap_err().to_string();
    assert_eq!(of(RATE), "a limit needs a rate, a concurrency, calls per day or cost per day");
    for rate in [
        "",
        "10",
        "/s",
        "10/",
        "10/d",
        "10/S",
        "-1/s",
        "+1/s",
        "1.5/s",
        "10/s ",
        " 1/s",
        "٣/s",
        "99999999999999999999/s",
    ] {
        let text = of(TermsAsked { rate: Some(rate), ..RATE });
        assert_eq!(
            text, "rate: write a number of calls and a unit: 10/s, 600/m or 1000/h",
            "{rate}"
        );
    }
    for rate in ["0/s", "1000001/h"] {
        assert_eq!(of(TermsAsked { rate: Some(rate), ..RATE }), "rate: a number from 1 to 1000000");
    }
    assert_eq!(
        of(TermsAsked { burst: Some(1), concurrency: Some(1), ..RATE }),
        "burst: it belongs to a rate; say the rate too"
    );
    assert_eq!(
        of(TermsAsked { rate: Some("1/s"), burst: Some(0), ..RATE }),
        "burst: a number from 1 to 1000000"
    );
    assert_eq!(
        of(TermsAsked { calls_per_day: Some(0), ..RATE }),
        "calls per day: a number from 1 to 1000000000000"
    );
}

#[test]
fn a_scope_is_what_it_was_written_as_and_a_tool_is_one_of_a_server() {
    for name in [
        "*/*/*",
        "alice/*/*",
        "*/billing/*",
        "*/billing/a/b.c",
        "alice/billing/*",
        "alice/billing/refund",
    ] {
        assert_eq!(scope(name).to_string(), name);
        for cost in [0, 1, 5, u64::MAX] {
            let limits = vec![scope(name), scope("*/*/*")];
            let mut texts = Obliged::texts(&limits.iter().collect::<Vec<_>>(), cost);
            texts.push("approval:7".to_owned());
            let read = Obliged::read(&texts);
            assert_eq!(read, Some(Obliged { limits, cost }));
        }
    }
    for bad in ["", "*", "*/*", "alice/*/refund", "Alice/*/*", "*/*/", "a b/*/*"] {
        assert_eq!(LimitScope::parse(bad), None, "{bad}");
    }
    for unreadable in ["limit:", "limit:alice", "cost:x", "cost:-1", "cost:"] {
        assert_eq!(Obliged::read(&[unreadable]), None, "{unreadable}");
    }
    let tool = ToolName::parse("refund").unwrap();
    assert!(LimitScope::new(Some(AgentName::parse("alice").unwrap()), None, Some(tool)).is_err());
}

#[test]
fn each_limit_says_which_it_is_and_when_to_come_again() {
    let one = |asked| limits(&[("alice/billing/*", asked)]);
    let call = "alice/billing/refund";
    let rate = one(TermsAsked { rate: Some("3/m"), burst: Some(1), ..RATE });
    drop(take(&rate, call, 1, NOW).unwrap());
    let (text, wait) = refused(take(&rate, call, 1, after(NOW, 5 * SECOND)));
    assert_eq!(text, "limit:alice/billing/* | calls per minute of this agent to this server");
    assert_eq!(wait, Some(Duration::from_secs(15)));
    drop(take(&rate, call, 1, after(NOW, 20 * SECOND)).unwrap());

    let places = one(TermsAsked { concurrency: Some(1), ..RATE });
    let running = take(&places, call, 1, NOW).unwrap();
    let (text, wait) = refused(take(&places, call, 1, NOW));
    assert_eq!(text, "limit:alice/billing/* | calls at a time of this agent to this server");
    assert_eq!(wait, Some(Duration::from_secs(1)));
    drop(running);
    drop(take(&places, call, 1, NOW).unwrap());

    let calls = one(TermsAsked { calls_per_day: Some(1), ..RATE });
    drop(take(&calls, call, 1, NOW).unwrap());
    let (text, wait) = refused(take(&calls, call, 1, NOW));
    assert_eq!(text, "limit:alice/billing/* | calls per day of this agent to this server");
    assert_eq!(wait, Some(Duration::from_hours(15)));
    drop(take(&calls, call, 1, after(NOW, 15 * 3600 * SECOND)).unwrap());

    let cost = one(TermsAsked { cost_per_day: Some(10), ..RATE });
    drop(take(&cost, call, 7, NOW).unwrap());
    let (text, wait) = refused(take(&cost, call, 4, NOW));
    assert_eq!(text, "limit:alice/billing/* | cost per day of this agent to this server");
    assert_eq!(wait, Some(Duration::from_hours(15)));
    assert_eq!(refused(take(&cost, call, 11, NOW)).1, None, "it fits no day");
    drop(take(&cost, call, 3, NOW).unwrap());
}

#[test]
fn all_that_fit_are_taken_or_none_and_the_longest_wait_is_told() {
    let places = TermsAsked { concurrency: Some(1), ..RATE };
    let daily = TermsAsked { calls_per_day: Some(2), ..RATE };
    let table = limits(&[("*/*/*", daily), ("alice/*/*", places), ("*/billing/refund", places)]);
    let running = take(&table, "alice/billing/refund", 1, NOW).unwrap();
    // Refused by two; what the tenant's budget has left is untouched by that.
    for _ in 0..5 {
        refused(take(&table, "alice/billing/refund", 1, NOW)).1.unwrap();
    }
    drop(take(&table, "bob/billing/other", 1, NOW).unwrap());
    let (text, wait) = refused(take(&table, "alice/billing/refund", 1, NOW));
    assert_eq!(text, "limit:*/*/* | calls per day of all agents together");
    assert_eq!(wait, Some(Duration::from_hours(15)));
    drop(running);
}

#[test]
fn a_limit_on_a_tool_does_not_count_prompts_and_one_on_a_server_does() {
    let daily = TermsAsked { calls_per_day: Some(1), ..RATE };
    let table = limits(&[("*/billing/refund", daily), ("bob/billing/*", daily)]);
    for _ in 0..3 {
        let mut taken = take(&table, "alice/billing/*", 1, NOW).unwrap();
        assert!(taken.obligations().is_empty());
    }
    let mut taken = take(&table, "bob/billing/*", 5, NOW).unwrap();
    assert_eq!(taken.obligations(), ["limit:bob/billing/*", "cost:5"]);
    assert!(take(&table, "bob/billing/*", 1, NOW).is_err());
}

#[test]
fn what_was_not_made_costs_nothing() {
    let all = TermsAsked {
        rate: Some("1/h"),
        concurrency: Some(1),
        calls_per_day: Some(1),
        cost_per_day: Some(5),
        burst: None,
    };
    let table = limits(&[("*/*/*", all)]);
    for _ in 0..10 {
        take(&table, "alice/billing/refund", 5, NOW).unwrap().undo();
    }
    drop(take(&table, "alice/billing/refund", 5, NOW).unwrap());
    assert!(take(&table, "alice/billing/refund", 5, NOW).is_err());
}

#[test]
fn a_clock_that_is_set_back_gives_no_budget_twice_and_stops_nothing() {
    let daily = limits(&[("*/*/*", TermsAsked { calls_per_day: Some(1), ..RATE })]);
    drop(take(&daily, "a/b/c", 1, NOW).unwrap());
    let midnight = after(NOW, 15 * 3600 * SECOND);
    drop(take(&daily, "a/b/c", 1, midnight).unwrap());
    assert!(take(&daily, "a/b/c", 1, Timestamp(midnight.0 - 1)).is_err());
    assert!(take(&daily, "a/b/c", 1, midnight).is_err());
    // A clock that had been years ahead: the budget is that of the right day again.
    drop(take(&daily, "a/b/c", 1, after(NOW, 1000 * DAY)).unwrap());
    drop(take(&daily, "a/b/c", 1, NOW).unwrap());
    let rate = limits(&[("*/*/*", TermsAsked { rate: Some("1/s"), ..RATE })]);
    drop(take(&rate, "a/b/c", 1, NOW).unwrap());
    let earlier = Timestamp(NOW.0 - 3_600_000_000);
    assert!(take(&rate, "a/b/c", 1, earlier).is_err());
    drop(take(&rate, "a/b/c", 1, after(earlier, SECOND)).unwrap());
}

#[test]
fn what_was_counted_outlives_the_terms() {
    let meter = Arc::new(SharedMeter::default());
    let under =
        |asked| CallLimits::new([CallLimit::new(scope("*/*/*"), terms(asked), Arc::clone(&meter))]);
    let first = under(TermsAsked { concurrency: Some(3), ..RATE });
    let running: Vec<Taken> = (0..3).map(|_| take(&first, "a/b/c", 2, NOW).unwrap()).collect();
    assert_eq!(meter.used(NOW), (DayUse { calls: 3, cost: 6 }, 3));
    // A budget that comes later in the day knows of what was before it.
    assert!(take(&under(TermsAsked { cost_per_day: Some(7), ..RATE }), "a/b/c", 2, NOW).is_err());
    assert!(take(&under(TermsAsked { concurrency: Some(2), ..RATE }), "a/b/c", 2, NOW).is_err());
    drop(take(&under(TermsAsked { concurrency: Some(4), ..RATE }), "a/b/c", 2, NOW).unwrap());
    drop(running);
    assert_eq!(meter.used(NOW), (DayUse { calls: 4, cost: 8 }, 0));
    assert!(!meter.is_idle(NOW) && meter.is_idle(after(NOW, DAY)));
    // A rate that changes its unit keeps the tokens it has, and no more than it may have.
    drop(take(&under(TermsAsked { rate: Some("60/m"), ..RATE }), "a/b/c", 1, NOW).unwrap());
    let narrow = under(TermsAsked { rate: Some("5/h"), ..RATE });
    for _ in 0..5 {
        drop(take(&narrow, "a/b/c", 1, NOW).unwrap());
    }
    assert!(take(&narrow, "a/b/c", 1, NOW).is_err());
    assert!(take(&under(TermsAsked { rate: Some("9/s"), ..RATE }), "a/b/c", 1, NOW).is_err());
}

#[test]
fn a_resumed_meter_goes_on_where_the_day_had_come() {
    let meter = Arc::new(SharedMeter::new(Meter::resumed(NOW, DayUse { calls: 9, cost: 90 })));
    let asked = TermsAsked { calls_per_day: Some(10), cost_per_day: Some(100), ..RATE };
    let table = CallLimits::new([CallLimit::new(scope("a/*/*"), terms(asked), meter)]);
    assert!(take(&table, "a/b/c", 11, NOW).is_err());
    drop(take(&table, "a/b/c", 10, NOW).unwrap());
    assert!(take(&table, "a/b/c", 0, NOW).is_err());
    drop(take(&table, "a/b/c", 50, after(NOW, DAY)).unwrap());
}

#[test]
fn no_more_run_at_a_time_than_may_however_many_try() {
    let (places, rounds) = (3, 2000);
    let asked = TermsAsked { concurrency: Some(places), ..RATE };
    let wide = TermsAsked { concurrency: Some(6), ..RATE };
    let table = limits(&[
        ("*/billing/refund", asked),
        ("*/*/*", wide),
        ("alice/*/*", wide),
        ("bob/*/*", wide),
    ]);
    let (running, most, through) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|threads| {
        for number in 0..8 {
            let (table, running, most, through) = (&table, &running, &most, &through);
            threads.spawn(move || {
                let who = ["alice/billing/refund", "bob/billing/refund"][number % 2];
                for _ in 0..rounds {
                    let Ok(taken) = take(table, who, 1, NOW) else { continue };
                    let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    through.fetch_add(1, Ordering::SeqCst);
                    std::thread::yield_now();
                    running.fetch_sub(1, Ordering::SeqCst);
                    drop(taken);
                }
            });
        }
    });
    let most = most.load(Ordering::SeqCst);
    assert!((1..=places).contains(&most), "{most} ran at a time");
    assert!(through.load(Ordering::SeqCst) > 0);
    let left: Vec<Taken> =
        (0..places).map(|_| take(&table, "alice/billing/refund", 1, NOW).unwrap()).collect();
    assert!(take(&table, "bob/billing/refund", 1, NOW).is_err());
    drop(left);
}
