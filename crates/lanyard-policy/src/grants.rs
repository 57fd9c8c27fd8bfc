//! All grants of one agent, and the decision on one call.

use std::collections::BTreeMap;

use lanyard_core::{AgentName, ServerName, Timestamp, ToolName, UserName};

use crate::{Grant, NotGranted, Permit, ToolPattern, UserPattern};

/// All grants of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    agent: AgentName,
    by_server: BTreeMap<ServerName, Vec<Grant>>,
}

impl Grants {
    /// The grants of `agent`. Several for one server add up, and what one of them denies stays
    /// denied.
    pub fn new(agent: AgentName, grants: Vec<Grant>) -> Self {
        let mut by_server: BTreeMap<ServerName, Vec<Grant>> = BTreeMap::new();
        for grant in grants {
            by_server.entry(grant.server.clone()).or_default().push(grant);
        }
        Self { agent, by_server }
    }

    /// The agent whose grants these are.
    pub fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// Decides on one call of this agent, which it makes for a user or for itself.
    pub fn decide(
        &self,
        server: &ServerName,
        tool: &ToolName,
        user: Option<&UserName>,
        now: Timestamp,
    ) -> Result<Permit, NotGranted> {
        self.grants(server, Some(tool), user, now)?;
        Ok(Permit::new(vec![self.by(server)], server, Some(tool)))
    }

    /// Whether a grant allows it; `None` for what a server has beside tools.
    pub(crate) fn grants(
        &self,
        server: &ServerName,
        tool: Option<&ToolName>,
        user: Option<&UserName>,
        now: Timestamp,
    ) -> Result<(), NotGranted> {
        match tool {
            Some(tool) => self.judge(server, user, now, |pattern| pattern.matches(tool)),
            None => self.judge(server, user, now, |pattern| *pattern == ToolPattern::All),
        }
    }

    /// A grant as records name it.
    pub(crate) fn by(&self, server: &ServerName) -> String {
        format!("grant:{}/{server}", self.agent)
    }

    /// Decides on what a server has beside tools: its prompts and resources, and whatever else it
    /// offers. They belong to the server as a whole; so it takes a grant of all its tools, and a
    /// grant of some opens nothing beside them.
    pub fn decide_whole(
        &self,
        server: &ServerName,
        user: Option<&UserName>,
        now: Timestamp,
    ) -> Result<Permit, NotGranted> {
        self.grants(server, None, user, now)?;
        Ok(Permit::new(vec![self.by(server)], server, None))
    }

    /// Whether a list shows the tool. It is no permission: to call takes a [`Permit`]. For whom
    /// the agent may call makes no difference to what it is shown.
    pub fn lists(&self, server: &ServerName, tool: &ToolName, now: Timestamp) -> bool {
        self.judge(server, None, now, |pattern| pattern.matches(tool)).is_ok()
    }

    /// Whether lists show what the server has beside tools.
    pub fn lists_whole(&self, server: &ServerName, now: Timestamp) -> bool {
        self.judge(server, None, now, |pattern| *pattern == ToolPattern::All).is_ok()
    }

    /// Whether some grant for the server is in force that lets the agent call for this user. It is no
    /// permission: what may be called is decided with each call.
    pub fn calls_for(&self, server: &ServerName, user: &UserName, now: Timestamp) -> bool {
        let grants = self.by_server.get(server).into_iter().flatten();
        grants.into_iter().any(|grant| !grant.has_expired(now) && grant.users.matches(user))
    }

    /// Whether some grant lets the agent call for somebody else than itself.
    pub fn names_users(&self) -> bool {
        self.iter().any(|grant| grant.users != UserPattern::none())
    }

    /// Whether the agent learns that the server exists: at least one of the tools it exposes
    /// could be called.
    pub fn sees(
        &self,
        server: &ServerName,
        mut tools: &mut dyn Iterator<Item = &ToolName>,
        now: Timestamp,
    ) -> bool {
        Iterator::any(&mut tools, |tool| self.lists(server, tool, now))
    }

    /// The servers for which a grant is in force, in order of their names. Whether the agent
    /// [`sees`](Self::sees) one depends on its tools as well.
    pub fn servers(&self, now: Timestamp) -> impl Iterator<Item = &ServerName> {
        self.by_server
            .iter()
            .filter(move |(_, grants)| grants.iter().any(|grant| !grant.has_expired(now)))
            .map(|(server, _)| server)
    }

    /// Every grant, also those that are over, in order of the servers' names.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.by_server.values().flatten()
    }

    /// Judges what patterns cover that `covers` says yes to.
    fn judge(
        &self,
        server: &ServerName,
        user: Option<&UserName>,
        now: Timestamp,
        covers: impl Fn(&ToolPattern) -> bool,
    ) -> Result<(), NotGranted> {
        let grants = self.by_server.get(server).ok_or(NotGranted::NoGrant)?;
        // A deny outlives its grant's date: time that passes never allows more.
        if grants.iter().any(|grant| covers(&grant.deny)) {
            return Err(NotGranted::Denied);
        }
        let mut allowing = grants.iter().filter(|grant| covers(&grant.allow)).peekable();
        if allowing.peek().is_none() {
            return Err(NotGranted::NotAllowed);
        }
        let mut in_force = allowing.filter(|grant| !grant.has_expired(now)).peekable();
        if in_force.peek().is_none() {
            return Err(NotGranted::Expired);
        }
        match user {
            Some(user) if !in_force.any(|grant| grant.users.matches(user)) => {
                Err(NotGranted::NotForUser)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The agents that may call this tool now, in the order given.
pub fn who_can(
    agents: &mut dyn Iterator<Item = &Grants>,
    server: &ServerName,
    tool: &ToolName,
    now: Timestamp,
) -> Vec<AgentName> {
    agents
        .filter(|grants| grants.lists(server, tool, now))
        .map(|grants| grants.agent().clone())
        .collect()
}

#[cfg(test)]
mod tests;
