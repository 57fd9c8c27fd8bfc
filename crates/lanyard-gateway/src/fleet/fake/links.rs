//! Servers that are not there: they connect, answer, hang, die and change as the test planned it.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_connect::mcp::{
    Opening, Outgoing, Reply, ServerFacts, ServerRequest, SessionKey, Step, Unrelated,
};
use lanyard_core::{Failure, Principal, ServerName};
use lanyard_mcp::Transport;
use lanyard_wire::{Id, Version};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{KEY, Story};
use crate::fleet::links::{Flow, Links, Talk};

/// What a server does when it is asked something.
#[derive(Debug, Clone)]
pub(in crate::fleet) enum Does {
    /// Answers.
    Answer(Reply),
    /// Sends notifications of these methods, and nothing more.
    Say(Vec<&'static str>),
    /// Asks the client this, and answers when it was answered.
    Ask(&'static str, Reply),
    /// Answers after so many seconds.
    Late(u64, Reply),
    /// Nothing, for ever.
    Hang,
    /// Fails.
    Fail(Failure),
}

impl Does {
    pub(in crate::fleet) fn result(text: &str) -> Self {
        Self::Answer(Reply::Result(text.to_owned()))
    }

    pub(in crate::fleet) fn error(code: i64) -> Self {
        Self::Answer(Reply::Error(format!(r#"{{"code":{code},"message":"no"}}"#)))
    }
}

/// One server as the test set it up.
#[derive(Debug)]
pub(in crate::fleet) struct Plan {
    pub(in crate::fleet) version: Version,
    pub(in crate::fleet) capabilities: &'static str,
    pub(in crate::fleet) connect: Does,
    pub(in crate::fleet) probe: Does,
    answers: HashMap<&'static str, VecDeque<Does>>,
}

impl Default for Plan {
    fn default() -> Self {
        let mut plan = Self {
            version: Version::V2025_11_25,
            capabilities: r#"{"tools":{"listChanged":true}}"#,
            connect: Does::result("{}"),
            probe: Does::result("{}"),
            answers: HashMap::new(),
        };
        plan.answer("tools/list", [Does::result(r#"{"tools":[{"name":"echo"}]}"#)]);
        plan
    }
}

impl Plan {
    /// What it does when it is asked this: in order, and the last of them for ever.
    pub(in crate::fleet) fn answer(
        &mut self,
        method: &'static str,
        does: impl IntoIterator<Item = Does>,
    ) {
        self.answers.insert(method, does.into_iter().collect());
    }

    fn does(&mut self, method: &str) -> Does {
        match self.answers.get_mut(method) {
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers.front().cloned().unwrap(),
            None => Does::error(-32_601),
        }
    }
}

/// Servers that are not there.
#[derive(Debug)]
pub(in crate::fleet) struct FakeLinks {
    story: Arc<Story>,
    plans: Arc<Mutex<HashMap<ServerName, Plan>>>,
    sessions: Mutex<HashMap<SessionKey, FakeSession>>,
    serials: AtomicU64,
    connecting: AtomicUsize,
    connecting_max: AtomicUsize,
    looks: AtomicUsize,
}

/// A session with one of them.
#[derive(Debug, Clone)]
pub(in crate::fleet) struct FakeSession {
    name: ServerName,
    who: String,
    serial: u64,
    facts: ServerFacts,
    ended: CancellationToken,
    inbox: Option<mpsc::Sender<Unrelated>>,
    story: Arc<Story>,
    plans: Arc<Mutex<HashMap<ServerName, Plan>>>,
}

impl FakeLinks {
    /// Each server does what a plan does by default.
    pub(super) fn new(story: &Arc<Story>) -> Self {
        Self {
            story: Arc::clone(story),
            plans: Arc::default(),
            sessions: Mutex::default(),
            serials: AtomicU64::new(1),
            connecting: AtomicUsize::new(0),
            connecting_max: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
        }
    }

    /// Changes what a server does.
    pub(in crate::fleet) fn plan(&self, name: &str, change: impl FnOnce(&mut Plan)) {
        let name = ServerName::parse(name).unwrap();
        change(self.plans.lock().unwrap().entry(name).or_default());
    }

    /// The open sessions with a server, oldest first.
    pub(in crate::fleet) fn sessions(&self, name: &str) -> Vec<FakeSession> {
        let sessions = self.sessions.lock().unwrap();
        let mut open: Vec<FakeSession> = sessions
            .values()
            .filter(|session| session.name.as_str() == name && session.is_open())
            .cloned()
            .collect();
        open.sort_by_key(|session| session.serial);
        open
    }

    fn open(&self, key: &SessionKey) -> Option<FakeSession> {
        self.sessions.lock().unwrap().get(key).filter(|session| session.is_open()).cloned()
    }

    /// How often a session was asked for if it is open, which is a use of it.
    pub(in crate::fleet) fn looks(&self) -> usize {
        self.looks.swap(0, Ordering::Relaxed)
    }

    /// The most servers that were being connected at a time.
    pub(in crate::fleet) fn connecting_max(&self) -> usize {
        self.connecting_max.load(Ordering::Relaxed)
    }
}

impl FakeSession {
    /// It ends by itself.
    pub(in crate::fleet) async fn end(&self) {
        self.ended.cancel();
        if let Some(inbox) = &self.inbox {
            let _gone = inbox.send(Unrelated::Ended).await;
        }
    }

    /// The server says something unasked.
    pub(in crate::fleet) async fn say(&self, method: &str) {
        let said = Unrelated::Notification(notification(method));
        self.inbox.as_ref().unwrap().send(said).await.unwrap();
    }

    /// The server asks something unasked.
    pub(in crate::fleet) async fn ask(&self, method: &str) {
        let asked = Unrelated::Request(request(method));
        self.inbox.as_ref().unwrap().send(asked).await.unwrap();
    }
}

fn notification(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#)
}

fn request(method: &str) -> ServerRequest {
    ServerRequest { id: Id::from_number(7), method: method.to_owned(), params: None }
}

fn who(key: &SessionKey) -> String {
    match &key.principal {
        None if key.owner.is_some() => "trial".to_owned(),
        None => "house".to_owned(),
        Some(Principal { tenant: _, agent: _, user: Some(user) }) => user.to_string(),
        Some(Principal { tenant: _, agent, user: None }) => agent.to_string(),
    }
}

/// Counts how many are being connected, also when the attempt is dropped.
struct Connecting<'a>(&'a FakeLinks);

impl<'a> Connecting<'a> {
    fn begin(links: &'a FakeLinks) -> Self {
        let now = links.connecting.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        links.connecting_max.fetch_max(now, Ordering::Relaxed);
        Self(links)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.connecting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Links for FakeLinks {
    type Lease = FakeSession;

    async fn lease(&self, key: &SessionKey, opening: Opening) -> Result<FakeSession, Failure> {
        if let Some(session) = self.open(key) {
            return Ok(session);
        }
        let _connecting = Connecting::begin(self);
        self.story.tell(&format!("{} opens for {}", key.server, who(key)));
        // A real one takes a moment, in which others can come.
        tokio::task::yield_now().await;
        let (does, version, capabilities) = {
            let mut plans = self.plans.lock().unwrap();
            let plan = plans.entry(key.server.clone()).or_default();
            (plan.connect.clone(), plan.version, plan.capabilities)
        };
        match does {
            Does::Fail(failure) => return Err(failure),
            Does::Hang => std::future::pending().await,
            Does::Answer(_) | Does::Say(_) | Does::Ask(..) | Does::Late(..) => {}
        }
        match opening.target.definition.transport {
            Transport::Stdio(_) => drop(opening.credentials.environment()?),
            Transport::Http(_) | Transport::Sse(_) => drop(opening.credentials.request()?),
        }
        let session = FakeSession {
            name: key.server.clone(),
            who: who(key),
            serial: self.serials.fetch_add(1, Ordering::Relaxed),
            facts: ServerFacts {
                version,
                capabilities: capabilities.to_owned(),
                info: r#"{"name":"fake","version":"1"}"#.to_owned(),
                instructions: None,
            },
            ended: CancellationToken::new(),
            inbox: opening.inbox,
            story: Arc::clone(&self.story),
            plans: Arc::clone(&self.plans),
        };
        self.sessions.lock().unwrap().insert(key.clone(), session.clone());
        Ok(session)
    }

    fn existing(&self, key: &SessionKey) -> Option<FakeSession> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.open(key)
    }

    fn last_exit(&self, _key: &SessionKey) -> Option<String> {
        Some("exited with code 7".to_owned())
    }

    fn retire(&self, gone: impl Fn(&SessionKey) -> bool) {
        self.sessions.lock().unwrap().retain(|key, session| {
            if gone(key) && session.is_open() {
                self.story.tell(&format!("{} ended for {}", session.name, session.who));
                session.ended.cancel();
            }
            !gone(key)
        });
    }
}

impl Talk for FakeSession {
    type Flow = FakeFlow;

    fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    fn clean<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        Some(match json.contains(KEY) {
            true => Cow::Owned(json.replace(KEY, "[masked]")),
            false => Cow::Borrowed(json),
        })
    }

    fn is_open(&self) -> bool {
        !self.ended.is_cancelled()
    }

    async fn request(&self, request: Outgoing<'_>) -> Result<FakeFlow, Failure> {
        let params = request.params.unwrap_or_default();
        self.story.tell(&format!("{} is asked {} {params}", self.name, request.method));
        let does = self.plans.lock().unwrap().get_mut(&self.name).unwrap().does(request.method);
        Ok(FakeFlow { session: self.clone(), does: Some(does) })
    }

    async fn respond(&self, _id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        self.story.tell(&format!("{} is answered {reply:?}", self.name));
        Ok(())
    }

    async fn probe(&self, _limit: Duration) -> Result<(), Failure> {
        self.story.tell(&format!("{} is probed", self.name));
        let does = self.plans.lock().unwrap().get(&self.name).unwrap().probe.clone();
        match does {
            Does::Fail(failure) => Err(failure),
            Does::Hang => std::future::pending().await,
            Does::Answer(_) | Does::Say(_) | Does::Ask(..) | Does::Late(..) => Ok(()),
        }
    }
}

/// A request that one of them works on.
#[derive(Debug)]
pub(in crate::fleet) struct FakeFlow {
    session: FakeSession,
    does: Option<Does>,
}

impl Flow for FakeFlow {
    async fn next(&mut self) -> Result<Step, Failure> {
        let (step, then) = match self.does.take() {
            Some(Does::Answer(reply)) => (Ok(Step::Done(reply)), None),
            Some(Does::Late(seconds, reply)) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                (Ok(Step::Done(reply)), None)
            }
            Some(Does::Ask(method, reply)) => {
                (Ok(Step::Request(request(method))), Some(Does::Answer(reply)))
            }
            Some(Does::Say(mut methods)) if !methods.is_empty() => {
                let said = notification(methods.remove(0));
                (Ok(Step::Notification(said)), Some(Does::Say(methods)))
            }
            Some(Does::Fail(failure)) => (Err(failure), None),
            Some(Does::Say(_) | Does::Hang) | None => {
                self.session.ended.cancelled().await;
                (Err(Failure::ServerEnded), None)
            }
        };
        self.does = then;
        step
    }

    async fn respond(&mut self, id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        Talk::respond(&self.session, id, reply).await
    }
}
