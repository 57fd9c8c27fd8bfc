//! A world for the fleet's tests: servers that connect, hang, die and change on command, a catalog
//! that writes down what it hears, and time that passes when the test waits.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_connect::http::PrivateAllowance;
use lanyard_connect::mcp::{
    ClientFacts, Credentials, EraChoice, Opened, Opening, Outgoing, Reply, ServerFacts,
    ServerRequest, SessionKey, Step, Target, Unrelated,
};
use lanyard_core::{
    AgentName, Clock, Failure, Limits, Origin, Principal, ServerName, TenantName, Timestamp,
    UserName,
};
use lanyard_mcp::{Definition, Remote, Stdio, Transport};
use lanyard_wire::{Id, Version};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::jitter::Jitters;
use super::links::{Flow, Links, Talk};
use super::listing::Listed;
use super::shared::{Shared, SharedParts};
use super::status::Status;
use super::visit::Held;
use super::{Catalogs, Keep, Member};

/// When every test begins.
const BEGIN: Timestamp = Timestamp(1_795_302_000_000_000);

/// What a server does when it is asked something.
#[derive(Debug, Clone)]
pub(super) enum Does {
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
    pub(super) fn result(text: &str) -> Self {
        Self::Answer(Reply::Result(text.to_owned()))
    }

    pub(super) fn error(code: i64) -> Self {
        Self::Answer(Reply::Error(format!(r#"{{"code":{code},"message":"no"}}"#)))
    }
}

/// One server as the test set it up.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) version: Version,
    pub(super) capabilities: &'static str,
    pub(super) connect: Does,
    pub(super) probe: Does,
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
    pub(super) fn answer(&mut self, method: &'static str, does: impl IntoIterator<Item = Does>) {
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

/// What happened, with the second in which it did.
#[derive(Debug)]
pub(super) struct Story {
    begin: Instant,
    lines: Mutex<Vec<String>>,
}

impl Story {
    fn tell(&self, text: &str) {
        let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap();
        let at = Duration::from_millis(millis).as_secs_f64();
        self.lines.lock().unwrap().push(format!("{at} {text}"));
    }

    /// All that happened since the last time.
    pub(super) fn read(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap()).join("\n")
    }
}

/// Servers that are not there.
#[derive(Debug)]
pub(super) struct FakeLinks {
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
pub(super) struct FakeSession {
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
    /// Changes what a server does.
    pub(super) fn plan(&self, name: &str, change: impl FnOnce(&mut Plan)) {
        let name = ServerName::parse(name).unwrap();
        change(self.plans.lock().unwrap().entry(name).or_default());
    }

    /// The open sessions with a server, oldest first.
    pub(super) fn sessions(&self, name: &str) -> Vec<FakeSession> {
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
    pub(super) fn looks(&self) -> usize {
        self.looks.swap(0, Ordering::Relaxed)
    }

    /// The most servers that were being connected at a time.
    pub(super) fn connecting_max(&self) -> usize {
        self.connecting_max.load(Ordering::Relaxed)
    }
}

impl FakeSession {
    /// It ends by itself.
    pub(super) async fn end(&self) {
        self.ended.cancel();
        if let Some(inbox) = &self.inbox {
            let _gone = inbox.send(Unrelated::Ended).await;
        }
    }

    /// The server says something unasked.
    pub(super) async fn say(&self, method: &str) {
        let said = Unrelated::Notification(notification(method));
        self.inbox.as_ref().unwrap().send(said).await.unwrap();
    }

    /// The server asks something unasked.
    pub(super) async fn ask(&self, method: &str) {
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
pub(super) struct FakeFlow {
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

/// Credentials that nobody asks for here.
#[derive(Debug)]
struct NoCredentials;

impl Credentials for NoCredentials {
    fn request(&self) -> Result<Opened, Failure> {
        Ok(Opened::default())
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        Ok(Vec::new())
    }
}

/// A clock that goes with tokio's.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        BEGIN.plus(self.0.elapsed())
    }

    fn monotonic(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

/// Writes down what it hears, and refuses what the test tells it to.
#[derive(Debug)]
pub(super) struct FakeCatalogs {
    story: Arc<Story>,
    pub(super) refuses: Mutex<Option<String>>,
}

impl Catalogs for FakeCatalogs {
    fn observed(
        &self,
        _tenant: &TenantName,
        server: &ServerName,
        generation: u64,
        listed: Listed,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        let names: Vec<&str> = listed.items.iter().map(|item| item.name.as_str()).collect();
        let lists = if listed.whole { "lists" } else { "shows" };
        self.story.tell(&format!("{server} {generation} {lists} {}", names.join(" ")));
        let refuses = self.refuses.lock().unwrap().clone();
        Box::pin(async move { refuses.map_or(Ok(()), Err) })
    }
}

/// A fleet over servers that are not there.
#[derive(Debug)]
pub(super) struct World {
    pub(super) links: Arc<FakeLinks>,
    pub(super) catalogs: Arc<FakeCatalogs>,
    pub(super) fleet: Arc<Shared<FakeLinks>>,
    pub(super) story: Arc<Story>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

/// How a member is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Process,
    Http,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_limits(Limits::standard())
    }

    pub(super) fn with_limits(limits: Limits) -> Self {
        let begin = Instant::now();
        let story = Arc::new(Story { begin, lines: Mutex::default() });
        let links = Arc::new(FakeLinks {
            story: Arc::clone(&story),
            plans: Arc::default(),
            sessions: Mutex::default(),
            serials: AtomicU64::new(1),
            connecting: AtomicUsize::new(0),
            connecting_max: AtomicUsize::new(0),
            looks: AtomicUsize::new(0),
        });
        let catalogs =
            Arc::new(FakeCatalogs { story: Arc::clone(&story), refuses: Mutex::default() });
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let fleet = Arc::new(Shared::new(SharedParts {
            links: Arc::clone(&links),
            limits,
            catalogs: Arc::clone(&catalogs) as Arc<dyn Catalogs>,
            clock: Arc::new(PausedClock(begin)),
            jitters: Jitters::Still,
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        }));
        Self { links, catalogs, fleet, story, tasks, shutdown }
    }

    /// A session for a call by this agent.
    pub(super) async fn enter(
        &self,
        member: &Arc<Member>,
        agent: &str,
    ) -> Result<Held<FakeSession>, Failure> {
        self.fleet.enter(member, &key(member, agent), opening(member)).await
    }

    /// A call that ends like this as soon as it has begun.
    pub(super) async fn call(
        &self,
        member: &Arc<Member>,
        outcome: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let held = self.enter(member, "ci").await?;
        held.visit.settle(outcome.as_ref().copied(), Some(Duration::from_millis(5)));
        outcome
    }

    /// How a server does.
    pub(super) fn status(&self, name: &str) -> Status {
        let name = ServerName::parse(name).unwrap();
        self.fleet.status(&TenantName::default_tenant(), &name).unwrap()
    }

    /// The same in one line.
    pub(super) fn state(&self, name: &str) -> String {
        let status = self.status(name);
        let seconds = |at: Timestamp| at.seconds().saturating_sub(BEGIN.seconds());
        let mut line = format!("{} since {}", status.state.as_str(), seconds(status.since));
        if status.attempt > 0 {
            line.push_str(&format!(", attempt {}", status.attempt));
        }
        if let Some(next) = status.next_attempt_at {
            line.push_str(&format!(", next at {}", seconds(next)));
        }
        if let Some(error) = status.last_error {
            line.push_str(&format!(", {error}"));
        }
        line
    }

    pub(super) fn reconcile(&self, members: &[&Arc<Member>]) {
        let members: Vec<Arc<Member>> = members.iter().map(|it| Arc::clone(it)).collect();
        self.fleet.reconcile(&members);
    }
}

/// Lets time pass.
pub(super) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

/// A server that is to be connected always.
pub(super) fn member(name: &str, kind: Kind) -> Member {
    let transport = match kind {
        Kind::Process => Transport::Stdio(Stdio {
            command: "/bin/fake".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: None,
        }),
        Kind::Http => Transport::Http(Remote {
            origin: Origin::parse("https://mcp.example.com").unwrap(),
            target: "/mcp".to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
        }),
    };
    Member {
        target: Arc::new(Target {
            tenant: TenantName::default_tenant(),
            server: ServerName::parse(name).unwrap(),
            generation: 1,
            definition: Definition { description: None, transport },
            era: EraChoice::Auto,
            private: PrivateAllowance::default(),
            connect_max: Duration::from_secs(30),
            directory: "/nowhere".into(),
        }),
        credentials: Arc::new(NoCredentials),
        keep: Keep::Always,
        concurrency: 2,
        enabled: true,
        per_user: false,
    }
}

/// The same with another generation.
pub(super) fn changed(member: &Member, generation: u64) -> Member {
    let target = &member.target;
    Member {
        target: Arc::new(Target {
            tenant: target.tenant.clone(),
            server: target.server.clone(),
            generation,
            definition: target.definition.clone(),
            era: target.era,
            private: target.private.clone(),
            connect_max: target.connect_max,
            directory: target.directory.clone(),
        }),
        credentials: Arc::clone(&member.credentials),
        keep: member.keep,
        concurrency: member.concurrency,
        enabled: member.enabled,
        per_user: member.per_user,
    }
}

/// The key of an agent's session; of a user's where the name has an `@`.
pub(super) fn key(member: &Member, name: &str) -> SessionKey {
    let user = name.contains('@').then(|| UserName::parse(name).unwrap());
    let agent = if user.is_some() { "ci" } else { name };
    SessionKey {
        tenant: member.target.tenant.clone(),
        server: member.target.server.clone(),
        generation: member.target.generation,
        principal: Some(Principal {
            tenant: member.target.tenant.clone(),
            agent: AgentName::parse(agent).unwrap(),
            user,
        }),
        credential: 0,
        client: [0; 32],
        owner: None,
    }
}

pub(super) fn opening(member: &Member) -> Opening {
    Opening {
        target: Arc::clone(&member.target),
        credentials: Arc::clone(&member.credentials),
        client: ClientFacts { capabilities: "{}".to_owned(), info: "{}".to_owned() },
        inbox: None,
        exclusive: false,
    }
}
