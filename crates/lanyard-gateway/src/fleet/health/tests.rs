//! The life of a server that is kept connected, event by event.

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{FirstStart, Gate, Health, Jitter, Phase};

/// Plays events, each attempt at the time the one before it asked for, and writes the times in
/// seconds. `c` connects, `f` fails to, `x` too, though somebody answers, `a` answers, `m` misses a
/// probe, `e` ends, `g` asks the gate, `o` is the operator, `!` attempts without waiting, `+N` lets
/// time pass.
#[expect(clippy::arithmetic_side_effects, reason = "minutes after the start of a test")]
fn play(first: FirstStart, script: &str) -> String {
    let start = Instant::now();
    let (mut now, mut next, mut health) = (start, start, Health::new(first));
    let mut said = Vec::new();
    for word in script.split_whitespace() {
        let jitter = Jitter::NONE;
        match word {
            "c" | "f" | "x" => {
                now = now.max(next);
                health.connecting();
            }
            _ => {}
        }
        match word {
            "c" => health.connected(),
            "f" => next = health.failed(true, now, jitter),
            "x" => next = health.failed(false, now, jitter),
            "a" => health.answered(),
            "m" if health.missed() => next = health.silent(now, jitter),
            "m" => {}
            "e" => next = health.ended(now, jitter),
            "g" => {
                said.push(format!("{:?}", health.gate()));
                continue;
            }
            "o" => health.forgive(),
            "!" => next = now,
            other => now += Duration::from_secs(other.trim_start_matches('+').parse().unwrap()),
        }
        let at = |until: Instant| (until - start).as_secs();
        said.push(match health.phase() {
            Phase::Connecting => format!("{word} connecting {}", at(next)),
            Phase::Connected => format!("{word} connected"),
            Phase::Backoff { until } => format!("{word} backoff {}", at(until)),
            Phase::Cooldown { until } => format!("{word} cooldown {}", at(until)),
        });
    }
    said.join(", ")
}

#[track_caller]
fn check(first: FirstStart, script: &str, expected: Expect) {
    expected.assert_eq(&play(first, script));
}

#[test]
fn a_process_gets_four_attempts_at_its_first_start() {
    check(
        FirstStart::Patient,
        "f g f g f g f g f",
        expect![
            "f connecting 2, Open, f connecting 6, Open, f connecting 14, Open, f backoff 16, Shut, f backoff 20"
        ],
    );
    check(FirstStart::Once, "f g f", expect!["f backoff 2, Shut, f backoff 6"]);
}

#[test]
fn what_is_in_the_way_of_the_house_keeps_nobody_out() {
    check(
        FirstStart::Once,
        "x g f g x g",
        expect!["x backoff 2, Open, f backoff 6, Shut, x backoff 14, Open"],
    );
    let said = play(FirstStart::Once, "x x x x x x x x x x x g f g");
    let last: Vec<&str> = said.split(", ").skip(10).collect();
    expect!["x cooldown 662, Open, f backoff 666, Shut"].assert_eq(&last.join(", "));
}

#[test]
fn two_missed_probes_change_nothing_and_three_do() {
    check(
        FirstStart::Once,
        "c m m g a m m g m g",
        expect![
            "c connected, m connected, m connected, Open, a connected, m connected, m connected, Open, m backoff 2, Shut"
        ],
    );
}

#[test]
fn the_end_of_a_conversation_keeps_nobody_out() {
    check(
        FirstStart::Patient,
        "c e g f g c g",
        expect!["c connected, e backoff 2, Open, f backoff 6, Shut, c connected, Open"],
    );
}

#[test]
fn a_server_that_ends_each_time_is_tried_less_and_less() {
    check(
        FirstStart::Patient,
        "c e c e c e a c a e",
        expect![
            "c connected, e backoff 2, c connected, e backoff 6, c connected, e backoff 14, a backoff 14, c connected, a connected, e backoff 16"
        ],
    );
}

#[test]
fn one_call_of_a_pause_has_it_tried() {
    let ten = "f f f f f f f f f f f";
    let said = play(FirstStart::Once, &format!("{ten} g g +10 ! f g +290 f"));
    let last: Vec<&str> = said.split(", ").skip(10).collect();
    expect![
        "f cooldown 662, Early, Shut, +10 cooldown 662, ! cooldown 662, f cooldown 662, Shut, +290 cooldown 662, f backoff 666"
    ]
    .assert_eq(&last.join(", "));
    let said = play(FirstStart::Once, &format!("{ten} o g ! f"));
    let last: Vec<&str> = said.split(", ").skip(10).collect();
    expect!["f cooldown 662, o cooldown 662, Open, ! cooldown 662, f backoff 364"]
        .assert_eq(&last.join(", "));
}

proptest! {
    /// Whatever happens: attempts lie two to 66 seconds or a pause apart, a connected server lets
    /// calls pass, and at most one call of a pause has it tried.
    #[test]
    fn promises_hold_whatever_happens(
        events in proptest::collection::vec((0_u8..7, any::<u64>()), 0..120),
        patient in any::<bool>(),
    ) {
        let first = if patient { FirstStart::Patient } else { FirstStart::Once };
        let (mut now, mut health) = (Instant::now(), Health::new(first));
        let mut early = Vec::new();
        for (event, draw) in events {
            let jitter = Jitter(draw);
            let next = match event {
                0 => {
                    health.connected();
                    prop_assert_eq!(health.gate(), Gate::Open);
                    None
                }
                1 => {
                    health.connecting();
                    Some(health.failed(draw % 2 == 0, now, jitter))
                }
                2 => {
                    health.answered();
                    None
                }
                3 if health.missed() => Some(health.silent(now, jitter)),
                4 => Some(health.ended(now, jitter)),
                5 => {
                    early.extend((health.gate() == Gate::Early).then_some(()));
                    None
                }
                _ => {
                    now = now.checked_add(Duration::from_millis(draw % 1000)).unwrap();
                    None
                }
            };
            if let Some(next) = next {
                let wait = next.saturating_duration_since(now);
                let pause = matches!(health.phase(), Phase::Cooldown { until: _ });
                prop_assert!(wait <= Duration::from_secs(330));
                prop_assert!(pause || wait >= Duration::from_millis(1800));
                prop_assert!(pause || wait <= Duration::from_secs(66));
                if !pause {
                    early.clear();
                }
                now = if draw % 3 == 0 { now } else { next };
                if now == next {
                    early.clear();
                }
            }
            prop_assert!(early.len() <= 1);
        }
    }
}
