//! A world for the fleet's tests: servers that connect, hang, die and change on command, a catalog
//! that writes down what it hears, and time that passes when the test waits.

mod links;

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_connect::http::PrivateAllowance;
use lanyard_connect::mcp::{
    ClientFacts, Credentials, EraChoice, Opened, Opening, SessionKey, Target,
};
use lanyard_core::{
    AgentName, Clock, Failure, Limits, Origin, Principal, ServerName, TenantName, Timestamp,
    UserName,
};
use lanyard_mcp::{Definition, Remote, Stdio, Transport};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::jitter::Jitters;
use super::listing::Listed;
use super::shared::{Shared, SharedParts};
use super::status::Status;
use super::visit::Held;
use super::{Catalogs, Keep, Member};

pub(super) use links::{Does, FakeLinks, FakeSession, Plan};

/// When every test begins.
const BEGIN: Timestamp = Timestamp(1_795_302_000_000_000);

/// What happened, with the second in which it did.
#[derive(Debug)]
pub(super) struct Story {
    begin: Instant,
    lines: Mutex<Vec<String>>,
}

impl Story {
    pub(super) fn tell(&self, text: &str) {
        let millis = u64::try_from(self.begin.elapsed().as_millis()).unwrap();
        let at = Duration::from_millis(millis).as_secs_f64();
        self.lines.lock().unwrap().push(format!("{at} {text}"));
    }

    /// All that happened since the last time.
    pub(super) fn read(&self) -> String {
        std::mem::take(&mut *self.lines.lock().unwrap()).join("\n")
    }
}

/// What the servers are given, and may say again.
pub(super) const KEY: &str = "tst_key";

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

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        (Cow::Borrowed(text), 0)
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
        let links = Arc::new(FakeLinks::new(&story));
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

    /// The server says on an agent's session that its lists changed.
    pub(super) fn lists_changed(&self, member: &Member, agent: &str) {
        let (fleet, key) = (Arc::clone(&self.fleet), key(member, agent));
        self.tasks.spawn(async move { fleet.lists_changed(&key).await });
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
            spoken: None,
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
            spoken: None,
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
    }
}
