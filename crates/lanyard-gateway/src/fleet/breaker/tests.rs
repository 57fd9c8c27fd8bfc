//! The breaker, call by call, and beside a simple model.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{Breaker, Change, Jitter, Stand, Ticket, Verdict};

/// Plays a script and writes what happened. `u`, `d`, `s`, `n` are calls that end at once with a
/// verdict, `+N` lets seconds pass, `(` begins a call and `)V` ends the oldest that runs.
#[expect(clippy::arithmetic_side_effects, reason = "minutes after the start of a test")]
fn play(script: &str) -> String {
    let start = Instant::now();
    let (mut now, mut breaker, mut running) = (start, Breaker::default(), Vec::new());
    let mut said = Vec::new();
    for word in script.split_whitespace() {
        if let Some(seconds) = word.strip_prefix('+') {
            now += Duration::from_secs(seconds.parse().unwrap());
            continue;
        }
        let verdict = match word.trim_start_matches(')') {
            "u" => Verdict::Up,
            "d" => Verdict::Down,
            "s" => Verdict::Slow,
            _ => Verdict::Nothing,
        };
        let ticket = match word.starts_with(')') {
            true => Some(running.remove(0)),
            false => breaker.admit(now),
        };
        let Some(ticket) = ticket else {
            said.push(format!("{word} refused"));
            continue;
        };
        if word == "(" {
            said.push(format!("{word}{}", if ticket.trial { " trial" } else { "" }));
            running.push(ticket);
            continue;
        }
        let trial = if ticket.trial { " trial" } else { "" };
        let change = breaker.settle(ticket, verdict, now, Jitter::NONE);
        let until = match breaker.stand() {
            Stand::Open { until, pause } => {
                format!(" until {}{}", (until - start).as_secs(), if pause { " pause" } else { "" })
            }
            Stand::Closed => String::new(),
        };
        said.push(match change {
            Change::None => format!("{word}{trial}{until}"),
            Change::Opened | Change::Closed => format!("{word}{trial} {change:?}{until}"),
        });
    }
    said.join(", ")
}

#[track_caller]
fn check(script: &str, expected: Expect) {
    expected.assert_eq(&play(script));
}

#[test]
fn five_in_a_row_open_it() {
    check(
        "d d d d u d d d d d d",
        expect!["d, d, d, d, u, d, d, d, d, d Opened until 2, d refused"],
    );
}

#[test]
fn a_call_that_timed_out_counts_half() {
    check("s s s s s s s s s s", expect!["s, s, s, s, s, s, s, s, s, s Opened until 2"]);
    check("d d d d s s", expect!["d, d, d, d, s, s Opened until 2"]);
}

#[test]
fn what_says_nothing_changes_nothing() {
    check("d d d d n n n d", expect!["d, d, d, d, n, n, n, d Opened until 2"]);
}

#[test]
fn one_call_tries() {
    check(
        "d d d d d +1 u +1 ( u )u u",
        expect!["d, d, d, d, d Opened until 2, u refused, ( trial, u refused, )u trial Closed, u"],
    );
    check(
        "d d d d d +2 ( d )d d +4 u",
        expect![
            "d, d, d, d, d Opened until 2, ( trial, d refused, )d trial until 6, d refused, u trial Closed"
        ],
    );
}

#[test]
fn a_trial_without_verdict_lets_the_next_call_try() {
    check(
        "d d d d d +2 ( )n u",
        expect!["d, d, d, d, d Opened until 2, ( trial, )n trial until 2, u trial Closed"],
    );
}

#[test]
fn what_began_before_does_not_count_afterwards() {
    check(
        "( d d d d d +2 u )d d d d d d",
        expect![
            "(, d, d, d, d, d Opened until 2, u trial Closed, )d, d, d, d, d, d Opened until 4"
        ],
    );
    check("( d d d d d )u u", expect!["(, d, d, d, d, d Opened until 2, )u Closed, u"]);
}

#[test]
fn in_the_pause_one_call_may_try_early() {
    let ten = "d d d d d +2 d +4 d +8 d +16 d +32 d +60 d +60 d +60 d +60 d +60 d";
    let said = play(&format!("{ten} +5 ( d )d d +295 u"));
    let last: Vec<&str> = said.split(", ").skip(14).collect();
    expect![
        "d trial until 662 pause, ( trial, d refused, )d trial until 662 pause, d refused, u trial Closed"
    ]
    .assert_eq(&last.join(", "));
}

/// What a call may do in the model.
#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    End(usize, Verdict),
    Drop(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let verdict = prop_oneof![
        Just(Verdict::Up),
        Just(Verdict::Down),
        Just(Verdict::Slow),
        Just(Verdict::Nothing)
    ];
    let step = prop_oneof![
        4 => Just(Step::Begin),
        4 => (0_usize..8, verdict).prop_map(|(index, verdict)| Step::End(index, verdict)),
        1 => (0_usize..8).prop_map(Step::Drop),
        1 => (0_u64..400).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// At most one trial at a time; nothing passes before its time but one in a pause; an answer
    /// always closes; and whatever happened, waiting long enough lets a call try.
    #[test]
    fn promises_hold_whatever_happens(steps in steps(), draw in any::<u64>()) {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        let mut running: Vec<Ticket> = Vec::new();
        for step in steps {
            match step {
                Step::Begin => {
                    let (stand, passes) = (breaker.stand(), breaker.passes(now));
                    let ticket = breaker.admit(now);
                    prop_assert_eq!(ticket.is_some(), passes);
                    if let (Stand::Open { until, pause: false }, Some(_)) = (stand, &ticket) {
                        prop_assert!(now >= until);
                    }
                    running.extend(ticket);
                    let trials =
                        running.iter().filter(|it| it.trial && it.epoch == breaker.epoch).count();
                    prop_assert!(trials <= 1);
                }
                Step::End(index, verdict) if index < running.len() => {
                    let ticket = running.swap_remove(index);
                    breaker.settle(ticket, verdict, now, Jitter(draw));
                    if verdict == Verdict::Up {
                        prop_assert_eq!(breaker.stand(), Stand::Closed);
                    }
                }
                Step::Drop(index) if index < running.len() => {
                    breaker.give_back(running.swap_remove(index));
                }
                Step::End(..) | Step::Drop(_) => {}
                Step::Pass(seconds) => now = now.checked_add(Duration::from_secs(seconds)).unwrap(),
            }
        }
        for ticket in running {
            breaker.give_back(ticket);
        }
        let later = now.checked_add(Duration::from_secs(331)).unwrap();
        prop_assert!(breaker.passes(later));
    }
}
