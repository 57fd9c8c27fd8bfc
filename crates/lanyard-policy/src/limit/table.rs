//! All limits of a tenant, and the places that a call takes with those that fit: with all of them
//! or with none.
//!
//! INVARIANT: of each level of [`Fitting`] a call locks one meter at most, and the levels always
//! in their order. So no two calls can wait for each other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_core::{AgentName, ServerName, Timestamp, ToolName};

use super::meter::{DayUse, Meter, Wait};
use super::scope::{LimitScope, Obliged};
use super::terms::{LimitKind, LimitTerms};

/// A meter that calls share, and that outlives the configuration it was made for.
#[derive(Debug, Default)]
pub struct SharedMeter(Mutex<Meter>);

impl SharedMeter {
    /// Goes on from what was counted before.
    pub fn new(meter: Meter) -> Self {
        Self(Mutex::new(meter))
    }

    /// What the day of this moment has used, and how many calls run.
    pub fn used(&self, now: Timestamp) -> (DayUse, u64) {
        let meter = self.lock();
        (meter.used(now), meter.running())
    }

    /// Whether forgetting it would lose anything.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.used(now) == (DayUse::default(), 0)
    }

    fn lock(&self) -> MutexGuard<'_, Meter> {
        // Nothing in a meter can be half done when a thread panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A limit in force.
#[derive(Debug)]
pub struct CallLimit {
    scope: LimitScope,
    terms: LimitTerms,
    meter: Arc<SharedMeter>,
}

impl CallLimit {
    /// Joins a limit with what it has counted.
    pub fn new(scope: LimitScope, terms: LimitTerms, meter: Arc<SharedMeter>) -> Self {
        Self { scope, terms, meter }
    }
}

/// A call as limits see it.
#[derive(Debug, Clone, Copy)]
pub struct LimitedCall<'a> {
    /// Who calls.
    pub agent: &'a AgentName,
    /// What is called.
    pub server: &'a ServerName,
    /// Which tool; `None` for a prompt or a resource, which limits on tools do not count.
    pub tool: Option<&'a ToolName>,
    /// What it costs.
    pub cost: u64,
}

/// A limit that let a call not through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitReached {
    /// Which limit, in words that the agent may read.
    pub which: String,
    /// Which limit, as operators name it.
    pub limit: String,
    /// How long until it may be tried again.
    pub wait: Wait,
}

impl LimitReached {
    fn new(limit: &CallLimit, kind: LimitKind, wait: Wait) -> Self {
        Self {
            which: format!("{kind} {}", limit.scope.words()),
            limit: limit.scope.obligation(),
            wait,
        }
    }
}

/// The limits of one tenant.
#[derive(Debug, Default)]
pub struct CallLimits {
    any: Option<CallLimit>,
    agents: HashMap<AgentName, CallLimit>,
    servers: HashMap<ServerName, OfServer>,
}

/// The limits on one server.
#[derive(Debug, Default)]
struct OfServer {
    any: OfTools,
    agents: HashMap<AgentName, OfTools>,
}

/// The limits on one server for some agents: as a whole and tool by tool.
#[derive(Debug, Default)]
struct OfTools {
    whole: Option<CallLimit>,
    tools: HashMap<ToolName, CallLimit>,
}

/// The limits that fit one call, level by level.
type Fitting<'a> = [Option<&'a CallLimit>; 6];

impl CallLimits {
    /// The limits together; of two with one scope the later.
    pub fn new(limits: impl IntoIterator<Item = CallLimit>) -> Self {
        let mut all = Self::default();
        for limit in limits {
            all.add(limit);
        }
        all
    }

    fn add(&mut self, limit: CallLimit) {
        let LimitScope { agent, server, tool } = limit.scope.clone();
        let Some(server) = server else {
            match agent {
                Some(agent) => drop(self.agents.insert(agent, limit)),
                None => self.any = Some(limit),
            }
            return;
        };
        let server = self.servers.entry(server).or_default();
        let of = match agent {
            Some(agent) => server.agents.entry(agent).or_default(),
            None => &mut server.any,
        };
        match tool {
            Some(tool) => drop(of.tools.insert(tool, limit)),
            None => of.whole = Some(limit),
        }
    }

    fn fitting(&self, call: &LimitedCall<'_>) -> Fitting<'_> {
        let server = self.servers.get(call.server);
        let any = server.map(|server| &server.any);
        let agent = server.and_then(|server| server.agents.get(call.agent));
        [
            self.any.as_ref(),
            self.agents.get(call.agent),
            any.and_then(|of| of.whole.as_ref()),
            any.and_then(|of| of.tools.get(call.tool?)),
            agent.and_then(|of| of.whole.as_ref()),
            agent.and_then(|of| of.tools.get(call.tool?)),
        ]
    }

    /// Takes a place with every limit that fits, or says which lets the call not through; then
    /// nothing is taken. Of several it is the one that lasts longest.
    pub fn take(&self, call: &LimitedCall<'_>, now: Timestamp) -> Result<Taken, LimitReached> {
        let fitting = self.fitting(call);
        let mut locked = fitting.map(|limit| limit.map(|limit| (limit, limit.meter.lock())));
        let mut refused = None;
        for (limit, meter) in locked.iter_mut().flatten() {
            if let Err((kind, wait)) = meter.check(&limit.terms, call.cost, now)
                && refused.is_none_or(|(_, _, longest)| wait > longest)
            {
                refused = Some((*limit, kind, wait));
            }
        }
        if let Some((limit, kind, wait)) = refused {
            return Err(LimitReached::new(limit, kind, wait));
        }
        for (_, meter) in locked.iter_mut().flatten() {
            meter.take(call.cost);
        }
        drop(locked);
        let places = fitting.into_iter().flatten();
        let scopes: Vec<&LimitScope> = places.clone().map(|limit| &limit.scope).collect();
        Ok(Taken {
            obligations: Obliged::texts(&scopes, call.cost),
            places: places.map(|limit| Arc::clone(&limit.meter)).collect(),
            cost: call.cost,
            at: now,
        })
    }
}

/// The places that a call took. Dropping it says that the call ended.
#[derive(Debug)]
pub struct Taken {
    places: Vec<Arc<SharedMeter>>,
    obligations: Vec<String>,
    cost: u64,
    at: Timestamp,
}

impl Taken {
    /// The places of a call that nothing limits.
    pub const fn none() -> Self {
        Self { places: Vec::new(), obligations: Vec::new(), cost: 0, at: Timestamp(0) }
    }

    /// What the opening record says of them. Given out once: the record keeps them.
    pub fn obligations(&mut self) -> Vec<String> {
        std::mem::take(&mut self.obligations)
    }

    /// Gives everything back: the call was not made.
    pub fn undo(mut self) {
        for meter in std::mem::take(&mut self.places) {
            meter.lock().undo(self.cost, self.at);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for meter in &self.places {
            meter.lock().end();
        }
    }
}
