//! Limits on calls: rows become what calls take their places with. What was counted is carried over
//! from one configuration to the next, and at the start read from the log.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use lanyard_core::{TenantName, Timestamp, chain};
use lanyard_policy::limit::{
    CallLimit, CallLimits, DayUse, LimitScope, LimitTerms, Meter, Obliged, SharedMeter, TermsAsked,
};
use lanyard_store::{Configuration, LimitRow, audit};

/// What every limit has counted.
#[derive(Debug, Default)]
pub(crate) struct Meters(HashMap<(TenantName, LimitScope), Arc<SharedMeter>>);

/// The limits in force, by tenant.
pub(super) type ByTenant = BTreeMap<TenantName, Arc<CallLimits>>;

impl Meters {
    /// What the log says of the day. Without a limit nothing is read.
    pub(crate) fn of_today(
        rows: &Configuration,
        log: &Path,
        now: Timestamp,
    ) -> Result<Self, String> {
        if rows.limits.is_empty() {
            return Ok(Self::default());
        }
        let mut used: HashMap<(TenantName, LimitScope), DayUse> = HashMap::new();
        let count = audit::obliged_since(log, midnight(now), |call| {
            let read = (TenantName::parse(call.tenant).ok(), Obliged::read(&call.obligations));
            let (Some(tenant), Some(Obliged { limits, cost })) = read else { return };
            for scope in limits {
                let day = used.entry((tenant.clone(), scope)).or_default();
                day.calls = day.calls.saturating_add(1);
                day.cost = day.cost.saturating_add(cost);
            }
        });
        let calls = count.map_err(|error| chain(&error))?;
        tracing::debug!(calls, "What limits have counted today was read from the log.");
        let resumed = |day| Arc::new(SharedMeter::new(Meter::resumed(now, day)));
        Ok(Self(used.into_iter().map(|(key, day)| (key, resumed(day))).collect()))
    }

    /// What a limit has counted.
    pub(super) fn of(&self, tenant: &TenantName, scope: &LimitScope) -> Option<&Arc<SharedMeter>> {
        self.0.get(&(tenant.clone(), scope.clone()))
    }
}

fn midnight(now: Timestamp) -> Timestamp {
    const DAY_MICROS: i64 = 86_400_000_000;
    Timestamp(now.0.saturating_sub(now.0.rem_euclid(DAY_MICROS)))
}

/// The limits of these rows, and what they count in. A limit that is gone is remembered while its
/// calls run and until its day is over, so that taking it away and setting it again gives nobody a
/// second budget.
pub(super) fn compile(
    rows: &Configuration,
    before: &Meters,
    now: Timestamp,
) -> Result<(ByTenant, Meters), String> {
    let kept = before.0.iter().filter(|(_, meter)| !meter.is_idle(now));
    let mut meters = Meters(kept.map(|(key, it)| (key.clone(), Arc::clone(it))).collect());
    let mut limits: BTreeMap<TenantName, Vec<CallLimit>> = BTreeMap::new();
    for row in &rows.limits {
        let (scope, terms) = read(row)?;
        let key = (row.tenant.clone(), scope.clone());
        let known = || before.of(&row.tenant, &scope).map(Arc::clone).unwrap_or_default();
        let meter = Arc::clone(meters.0.entry(key).or_insert_with(known));
        limits.entry(row.tenant.clone()).or_default().push(CallLimit::new(scope, terms, meter));
    }
    let limits = limits.into_iter().map(|(tenant, of)| (tenant, Arc::new(CallLimits::new(of))));
    Ok((limits.collect(), meters))
}

fn read(row: &LimitRow) -> Result<(LimitScope, LimitTerms), String> {
    let scope = LimitScope::new(row.agent.clone(), row.server.clone(), row.tool.clone())
        .map_err(|error| format!("a limit: {error}"))?;
    let terms = LimitTerms::of(TermsAsked {
        rate: row.rate.as_deref(),
        burst: row.burst,
        concurrency: row.concurrency,
        calls_per_day: row.calls_per_day,
        cost_per_day: row.cost_per_day,
    });
    let terms = terms.map_err(|error| format!("the limit {scope}: {error}"))?;
    Ok((scope, terms))
}

#[cfg(test)]
mod tests;
