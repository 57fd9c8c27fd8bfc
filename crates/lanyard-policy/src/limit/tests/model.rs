//! Limits against a model that is nothing like them: a history of all that was let through, searched
//! anew for every call.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test, after 1970")]

use std::sync::Arc;

use lanyard_core::{AgentName, ServerName, ToolName};
use proptest::prelude::*;

use super::super::{
    CallLimit, CallLimits, LimitScope, LimitTerms, LimitedCall, Taken, TermsAsked, Wait,
};
use super::{DAY, NOW, SECOND, after, scope, take};

/// A limit as a model: all that it let through, from the first to the last.
#[derive(Debug)]
struct Model {
    scope: LimitScope,
    rate: Option<(u64, u64, u64)>,
    concurrency: Option<u64>,
    calls_per_day: Option<u64>,
    cost_per_day: Option<u64>,
    history: Vec<Call>,
}

#[derive(Debug, Clone)]
struct Call {
    number: usize,
    at: u64,
    cost: u64,
    ended: bool,
}

impl Model {
    fn fits(&self, agent: &AgentName, server: &ServerName, tool: Option<&ToolName>) -> bool {
        self.scope.agent().is_none_or(|it| it == agent)
            && self.scope.server().is_none_or(|it| it == server)
            && self.scope.tool().is_none_or(|it| Some(it) == tool)
    }

    fn lets(&self, cost: u64, at: u64) -> bool {
        // Since each call that was let through, no more came than the burst and what the rate
        // brought since: that is what a bucket of tokens promises.
        let rate = self.rate.is_none_or(|(calls, micros, burst)| {
            burst >= 1
                && (0..self.history.len()).all(|first| {
                    let came = (self.history.len() - first) as u128 + 1;
                    let span = u128::from(at - self.history[first].at);
                    came * u128::from(micros)
                        <= u128::from(burst) * u128::from(micros) + span * u128::from(calls)
                })
        });
        let running = self.history.iter().filter(|call| !call.ended).count() as u64;
        let day = |time: u64| (NOW.0 as u64 + time) / DAY;
        let today: Vec<&Call> = self.history.iter().filter(|it| day(it.at) == day(at)).collect();
        let spent: u64 = today.iter().map(|call| call.cost).sum();
        rate && self.concurrency.is_none_or(|max| running < max)
            && self.calls_per_day.is_none_or(|max| (today.len() as u64) < max)
            && self.cost_per_day.is_none_or(|max| spent + cost <= max)
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Time passes.
    Pass(u64),
    /// A call: who, what, which tool, cost.
    Call(usize, usize, usize, u64),
    /// The n-th of those that run ends.
    End(usize),
    /// The n-th of those that run was not made after all, where it is the last that was let
    /// through: then it must be as if it had never been.
    Undo,
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![0..2 * SECOND, Just(1), Just(999_999), 0..2 * 3600 * SECOND, 0..DAY]
            .prop_map(Step::Pass),
        6 => (0..2_usize, 0..2_usize, 0..3_usize, 0..6_u64)
            .prop_map(|(agent, server, tool, cost)| Step::Call(agent, server, tool, cost)),
        2 => (0..8_usize).prop_map(Step::End),
        1 => Just(Step::Undo),
    ]
}

type Row = (usize, Option<(u64, usize, u64)>, Option<u64>, Option<u64>, Option<u64>);

fn a_row() -> impl Strategy<Value = Row> {
    let few = || proptest::option::of(1..6_u64);
    (
        0..SCOPES.len(),
        proptest::option::of((1..8_u64, 0..3_usize, 1..5_u64)),
        few(),
        proptest::option::of(1..12_u64),
        proptest::option::of(1..30_u64),
    )
}

const SCOPES: [&str; 9] = [
    "*/*/*",
    "alice/*/*",
    "bob/*/*",
    "*/billing/*",
    "*/wiki/*",
    "*/billing/refund",
    "alice/billing/*",
    "alice/billing/refund",
    "bob/wiki/find",
];

fn model((at, rate, concurrency, calls_per_day, cost_per_day): Row) -> Option<(Model, CallLimit)> {
    let unit = |at: usize| [("s", SECOND), ("m", 60 * SECOND), ("h", 3600 * SECOND)][at];
    let text = rate.map(|(calls, per, _)| format!("{calls}/{}", unit(per).0));
    let asked = TermsAsked {
        rate: text.as_deref(),
        burst: rate.map(|(_, _, burst)| burst),
        concurrency,
        calls_per_day,
        cost_per_day,
    };
    let terms = LimitTerms::of(asked).ok()?;
    let rate = rate.map(|(calls, per, burst)| (calls, unit(per).1, burst));
    let (scope, history) = (scope(SCOPES[at]), Vec::new());
    let limit = CallLimit::new(scope.clone(), terms, Arc::default());
    Some((Model { scope, rate, concurrency, calls_per_day, cost_per_day, history }, limit))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn limits_agree_with_a_model_that_remembers_everything(
        rows in proptest::collection::vec(a_row(), 1..6),
        steps in proptest::collection::vec(a_step(), 1..120),
    ) {
        let mut rows: Vec<(Model, CallLimit)> = rows.into_iter().filter_map(model).collect();
        rows.sort_by(|(left, _), (right, _)| left.scope.cmp(&right.scope));
        rows.dedup_by(|(left, _), (right, _)| left.scope == right.scope);
        let (mut models, limits): (Vec<Model>, Vec<CallLimit>) = rows.into_iter().unzip();
        let table = CallLimits::new(limits);
        let (mut time, mut running, mut count) = (0, Vec::<(usize, Taken)>::new(), 0);
        for step in steps {
            match step {
                Step::Pass(span) => time += span,
                Step::Call(agent, server, tool, cost) => {
                    let agent = AgentName::parse(["alice", "bob"][agent]).unwrap();
                    let server = ServerName::parse(["billing", "wiki"][server]).unwrap();
                    let tool = [None, Some("refund"), Some("find")][tool];
                    let tool = tool.map(|name| ToolName::parse(name).unwrap());
                    let call =
                        LimitedCall { agent: &agent, server: &server, tool: tool.as_ref(), cost };
                    let fits = |it: &&mut Model| it.fits(&agent, &server, tool.as_ref());
                    let lets = models.iter_mut().filter(fits).all(|model| model.lets(cost, time));
                    let taken = table.take(&call, after(NOW, time));
                    prop_assert_eq!(taken.is_ok(), lets, "{:?} at {}: {:?}", call, time, models);
                    if let Ok(taken) = taken {
                        count += 1;
                        for model in models.iter_mut().filter(fits) {
                            model.history.push(Call { number: count, at: time, cost, ended: false });
                        }
                        running.push((count, taken));
                    }
                }
                Step::End(at) if at < running.len() => {
                    let (number, taken) = running.remove(at);
                    drop(taken);
                    let calls = models.iter_mut().flat_map(|model| &mut model.history);
                    calls.filter(|call| call.number == number).for_each(|call| call.ended = true);
                }
                Step::Undo if running.last().is_some_and(|(number, _)| *number == count) => {
                    let (number, taken) = running.pop().unwrap();
                    taken.undo();
                    for model in &mut models {
                        model.history.retain(|call| call.number != number);
                    }
                }
                Step::End(_) | Step::Undo => {}
            }
        }
    }

    #[test]
    fn who_waits_as_long_as_was_said_gets_through_and_not_before(
        rate in (1..50_u64, 0..3_usize, 1..5_u64),
        gaps in proptest::collection::vec(0..3 * SECOND, 0..40),
    ) {
        let (_, limit) = model((0, Some(rate), None, None, None)).unwrap();
        let table = CallLimits::new([limit]);
        let mut time = 0;
        for gap in gaps {
            time += gap;
            if let Err(reached) = take(&table, "alice/billing/refund", 1, after(NOW, time)) {
                let Wait::For(wait) = reached.wait else { panic!("for ever") };
                let wait = u64::try_from(wait.as_micros()).unwrap();
                prop_assert!(wait > 0);
                let early = after(NOW, time + wait - 1);
                prop_assert!(take(&table, "alice/billing/refund", 1, early).is_err());
                time += wait;
                prop_assert!(take(&table, "alice/billing/refund", 1, after(NOW, time)).is_ok());
            }
        }
    }
}
