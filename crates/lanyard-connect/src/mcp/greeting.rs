//! Begins a conversation: finds out what the server speaks, and greets it.
//!
//! What is tried, in order, where the server is to be asked (`era: auto`):
//!
//! | | first | then | then |
//! |---|---|---|---|
//! | HTTP | `server/discover` | `initialize` | HTTP+SSE, where `initialize` got 400, 404 or 405 |
//! | process of which nothing is known | `server/discover` | `initialize`, to another process | |
//! | process that was heard before | what it spoke then | the other, in place or to another process | |
//!
//! Some processes that know only the older way exit on a question that they do not know before they
//! were greeted, or fall silent. So the first of a server is a probe that has a short time and is
//! thrown away unless it answers, and what the server spoke is kept with what it lists
//! ([`Target::spoken`]): starting one twice can take many seconds (`npx`), and happens once. Later
//! each is greeted as it spoke before. If it refuses that, it is asked the other way in place, or as
//! another process if it exited or if its first message settled what it listens to.
//!
//! A verdict is remembered and saves the questions before it. It is one only if the server *answered*
//! the greeting: an outage, a time limit and a refused credential say nothing about the era.

use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{Failure, Limits};
use lanyard_mcp::{Remote, Stdio, Transport};
use lanyard_wire::Version;
use lanyard_wire::splice::{elements, member};
use lanyard_wire::translate::{ErrorFacts, discover_params, initialize_params};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

use super::conversation::{Conversation, ConversationParts};
use super::exchange::Reply;
use super::link::{HttpParts, Link, LinkError};
use super::process::Processes;
use super::session::{ServerFacts, Session, Unrelated};
use super::sessions::SessionKey;
use super::target::{ClientFacts, Credentials, EraChoice, Target};
use super::verdicts::{Remembered, Verdict};
use crate::http::{PoolKey, Upstream};

/// A header is missing or disagrees with the body.
const HEADER_MISMATCH: i64 = -32020;
/// The client lacks a capability.
const CAPABILITY_MISSING: i64 = -32021;
/// The version is not spoken.
const UNSUPPORTED_VERSION: i64 = -32022;

/// The longest that a process is asked what it speaks before another one is greeted in the older
/// way. It has to be started in this time; a slow one is taken for an older one, which works too.
const PROBE_MAX: Duration = Duration::from_secs(10);

/// Time for a probe to end before the next process starts: two may not get on with each other.
const PROBE_END_MAX: Duration = Duration::from_secs(3);

/// Time between the end of what a process writes and its own.
const EXIT_MAX: Duration = Duration::from_secs(1);

/// Time for a server to answer the request for a session's stream. Some say nothing until they have
/// something to say; a session begins without it then.
const STREAM_MAX: Duration = Duration::from_millis(250);

/// What a session is opened with.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) key: SessionKey,
    pub(super) target: Arc<Target>,
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) client: ClientFacts,
    pub(super) inbox: Option<mpsc::Sender<Unrelated>>,
    pub(super) http: Upstream,
    pub(super) limits: Limits,
    pub(super) tasks: TaskTracker,
    pub(super) processes: Arc<Processes>,
    pub(super) changed: Arc<Notify>,
    pub(super) remembered: Remembered,
}

/// Why a way to greet led nowhere.
#[derive(Debug)]
enum Refusal {
    /// The server does not speak that way; another one may do.
    NotThis(LinkError),
    /// Whatever is tried, it will not do: it is down, or refuses the credential.
    Outage(LinkError),
}

/// A conversation that ends unless it is kept: who asked for it may go away while it is greeted.
struct Tentative(Option<Arc<Conversation>>);

impl Tentative {
    fn open(&self) -> Option<&Arc<Conversation>> {
        self.0.as_ref().filter(|conversation| conversation.router.is_open())
    }

    fn replace(&mut self, conversation: Arc<Conversation>) -> Arc<Conversation> {
        self.end();
        self.0 = Some(Arc::clone(&conversation));
        conversation
    }

    fn keep(mut self) {
        self.0 = None;
    }

    fn end(&mut self) {
        if let Some(conversation) = self.0.take() {
            conversation.end(&Failure::ServerEnded);
        }
    }
}

impl Drop for Tentative {
    fn drop(&mut self) {
        self.end();
    }
}

impl Greeting {
    /// Opens a session within the time that the target has for it.
    pub(super) async fn open(self) -> Result<Session, Failure> {
        let now = Instant::now();
        let deadline = now.checked_add(self.target.connect_max).unwrap_or(now);
        match timeout_at(deadline, Box::pin(self.attempt_all(deadline))).await {
            Ok(opened) => opened,
            Err(_elapsed) => Err(self.late()),
        }
    }

    /// Tries what may work until something does.
    async fn attempt_all(&self, deadline: Instant) -> Result<Session, Failure> {
        let remembered = self.remembered.get();
        let is_process = matches!(self.target.definition.transport, Transport::Stdio(_));
        let known = remembered.or_else(|| self.heard());
        let mut tentative = Tentative(None);
        let mut last = None;
        let mut not_sse = false;
        let attempts = self.attempts(known);
        let is_probed = is_process && known.is_none() && attempts.len() > 1;
        for verdict in attempts {
            if verdict == Verdict::Sse && not_sse {
                continue;
            }
            let attempted = if is_probed && verdict == Verdict::Modern {
                Box::pin(self.probe(&mut tentative, deadline)).await
            } else {
                Box::pin(self.attempt(verdict, &mut tentative, deadline)).await
            };
            match attempted {
                Ok(session) => {
                    tentative.keep();
                    self.remembered.set(verdict);
                    return Ok(session);
                }
                Err(Refusal::Outage(error)) => return Err(self.words(error)),
                Err(Refusal::NotThis(error)) => {
                    tracing::debug!(server = %self.key.server, ?verdict, %error, "Not spoken.");
                    not_sse |= verdict == Verdict::Legacy && !may_be_sse(&error);
                    last = Some(error);
                }
            }
            if remembered == Some(verdict) {
                self.remembered.forget();
            }
            if !is_process {
                tentative.end();
            }
        }
        Err(self.words(last.unwrap_or(LinkError::Failure(Failure::Bug))))
    }

    /// What is tried, in order: see the head of this file.
    fn attempts(&self, remembered: Option<Verdict>) -> Vec<Verdict> {
        let Target { era, definition, .. } = &*self.target;
        let all = match (&definition.transport, era) {
            (Transport::Sse(_), EraChoice::Auto | EraChoice::Legacy | EraChoice::Modern) => {
                vec![Verdict::Sse]
            }
            (Transport::Http(_) | Transport::Stdio(_), EraChoice::Modern) => vec![Verdict::Modern],
            (Transport::Http(_), EraChoice::Legacy) => vec![Verdict::Legacy, Verdict::Sse],
            (Transport::Http(_), EraChoice::Auto) => {
                vec![Verdict::Modern, Verdict::Legacy, Verdict::Sse]
            }
            (Transport::Stdio(_), EraChoice::Legacy) => vec![Verdict::Legacy],
            (Transport::Stdio(_), EraChoice::Auto) => vec![Verdict::Modern, Verdict::Legacy],
        };
        let first = remembered.filter(|verdict| all.contains(verdict));
        let rest = all.into_iter().filter(|verdict| Some(*verdict) != first);
        first.into_iter().chain(rest).collect()
    }

    /// What a process spoke when it was heard last. A server over HTTP is asked anew by whoever knows
    /// nothing of it: that costs a request, and it may have learnt to speak otherwise.
    fn heard(&self) -> Option<Verdict> {
        match (&self.target.definition.transport, self.target.spoken?.is_modern()) {
            (Transport::Http(_) | Transport::Sse(_), _) => None,
            (Transport::Stdio(_), true) => Some(Verdict::Modern),
            (Transport::Stdio(_), false) => Some(Verdict::Legacy),
        }
    }

    /// Asks a process whether it is stateless. If it does not say so, whatever else it does says
    /// nothing about the server, and the process is thrown away.
    async fn probe(
        &self,
        tentative: &mut Tentative,
        deadline: Instant,
    ) -> Result<Session, Refusal> {
        let link = self.link(Verdict::Modern, deadline).await?;
        let conversation = tentative.replace(self.conversation(link));
        let half = self.target.connect_max.checked_div(2).unwrap_or(PROBE_MAX);
        let now = Instant::now();
        let until = now.checked_add(half.min(PROBE_MAX)).unwrap_or(now).min(deadline);
        match self.greet(Verdict::Modern, Arc::clone(&conversation), until).await {
            Ok(session) => Ok(session),
            Err(Refusal::NotThis(error) | Refusal::Outage(error)) => {
                tentative.end();
                if let Link::Lines(link) = &conversation.link {
                    let _late = timeout(PROBE_END_MAX, link.exit()).await;
                }
                Err(Refusal::NotThis(error))
            }
        }
    }

    async fn attempt(
        &self,
        verdict: Verdict,
        tentative: &mut Tentative,
        deadline: Instant,
    ) -> Result<Session, Refusal> {
        if let Some(conversation) = tentative.open() {
            match self.greet(verdict, Arc::clone(conversation), deadline).await {
                // With some servers the first message settles the era of the whole conversation,
                // so another one is begun.
                Err(Refusal::NotThis(_)) => {}
                greeted @ (Ok(_) | Err(Refusal::Outage(_))) => return greeted,
            }
        }
        let link = self.link(verdict, deadline).await?;
        let conversation = tentative.replace(self.conversation(link));
        self.greet(verdict, conversation, deadline).await
    }

    async fn greet(
        &self,
        verdict: Verdict,
        conversation: Arc<Conversation>,
        deadline: Instant,
    ) -> Result<Session, Refusal> {
        let greeted = match verdict {
            Verdict::Modern => self.discover(&conversation, deadline).await,
            Verdict::Legacy | Verdict::Sse => self.initialize(&conversation, deadline).await,
        };
        match greeted {
            Ok(facts) => Ok(Session::new(conversation, facts)),
            Err(refusal) => Err(explain(refusal, &conversation).await),
        }
    }

    async fn link(&self, verdict: Verdict, deadline: Instant) -> Result<Link, Refusal> {
        match &self.target.definition.transport {
            Transport::Stdio(stdio) => self.process(stdio).await,
            Transport::Http(remote) | Transport::Sse(remote) => match verdict {
                Verdict::Sse => {
                    let link = Link::sse(self.http_parts(remote), deadline).await;
                    link.map_err(sort)
                }
                Verdict::Modern | Verdict::Legacy => Ok(Link::http(self.http_parts(remote))),
            },
        }
    }

    async fn process(&self, stdio: &Stdio) -> Result<Link, Refusal> {
        let Self { key, target, credentials, processes, .. } = self;
        let started = processes.start(key, target, stdio, &**credentials).await;
        started.map(Link::Lines).map_err(|failure| Refusal::Outage(failure.into()))
    }

    fn http_parts(&self, remote: &Remote) -> HttpParts {
        HttpParts {
            http: self.http.clone(),
            pool: pool_key(&self.key),
            origin: remote.origin.clone(),
            target: Arc::clone(&self.target),
            credentials: Arc::clone(&self.credentials),
            limits: self.limits.clone(),
        }
    }

    fn conversation(&self, link: Link) -> Arc<Conversation> {
        Conversation::new(ConversationParts {
            link,
            limits: self.limits.clone(),
            client: self.client.clone(),
            credentials: Arc::clone(&self.credentials),
            tasks: self.tasks.clone(),
            changed: Arc::clone(&self.changed),
            remembered: self.remembered.clone(),
        })
    }

    /// The failure that is told of a greeting that came to nothing.
    fn words(&self, error: LinkError) -> Failure {
        match error {
            LinkError::Failure(Failure::TimedOut) => self.late(),
            LinkError::SessionLost => unusable("its HTTP status is 404"),
            LinkError::Rejected { .. } | LinkError::Status { .. } | LinkError::Failure(_) => {
                error.into()
            }
        }
    }

    /// The failure of a greeting that took too long.
    fn late(&self) -> Failure {
        match self.target.definition.transport {
            Transport::Stdio(_) => {
                let seconds = self.target.connect_max.as_secs();
                Failure::ServerStart { problem: format!("it did not greet within {seconds} s") }
            }
            Transport::Http(_) | Transport::Sse(_) => Failure::TimedOut,
        }
    }

    /// Greets a stateless server.
    async fn discover(
        &self,
        conversation: &Arc<Conversation>,
        deadline: Instant,
    ) -> Result<ServerFacts, Refusal> {
        let [version] = Version::MODERN;
        conversation.link.speak(version);
        // Once more if the server asks for the version that it was asked in: there is only one.
        for _ in 0..2 {
            let params = discover_params(conversation.envelope(version));
            let asked = conversation.ask("server/discover", Some(params), deadline);
            match Box::pin(asked).await.map_err(sort)? {
                Reply::Result(result) if lists(&result, "supportedVersions", version) => {
                    conversation.speak(version);
                    conversation.attach(self.inbox.clone());
                    return Ok(facts(version, &result, member(&result, &SERVER_INFO)));
                }
                Reply::Result(_) => return Err(not_this("it does not speak 2026-07-28")),
                Reply::Error(error) => match ErrorFacts::read(&error) {
                    Some(ErrorFacts { code: UNSUPPORTED_VERSION, data, .. })
                        if data.is_some_and(|data| lists(data, "supported", version)) => {}
                    Some(ErrorFacts { code: HEADER_MISMATCH | CAPABILITY_MISSING, .. }) => {
                        let problem = "it speaks 2026-07-28 and refused the greeting";
                        return Err(Refusal::Outage(unusable(problem).into()));
                    }
                    Some(_) | None => return Err(not_this("it refused `server/discover`")),
                },
            }
        }
        Err(not_this("it asks for a protocol version and does not speak it"))
    }

    /// Greets a server in the older way, and begins a session.
    async fn initialize(
        &self,
        conversation: &Arc<Conversation>,
        deadline: Instant,
    ) -> Result<ServerFacts, Refusal> {
        let client = &conversation.client;
        let params = initialize_params(Version::LATEST_LEGACY, &client.capabilities, &client.info);
        let asked = conversation.ask("initialize", Some(params), deadline);
        let result = match Box::pin(asked).await.map_err(sort)? {
            Reply::Result(result) => result,
            Reply::Error(_) => return Err(not_this("it refused `initialize`")),
        };
        let version = member(&result, &["protocolVersion"])
            .and_then(|version| serde_json::from_str::<String>(version.get()).ok())
            .and_then(|version| Version::parse(&version))
            .filter(|version| !version.is_modern());
        let Some(version) = version else {
            return Err(not_this("it answered `initialize` with a protocol version that has none"));
        };
        conversation.speak(version);
        // Before the server may say anything: it may ask as soon as it hears that we are ready.
        conversation.attach(self.inbox.clone());
        conversation.notify("notifications/initialized", None).await.map_err(sort)?;
        if conversation.is_http() {
            conversation.listen();
            // Many servers ask on this stream even during a call, and drop what they ask before
            // it is there: so the first call waits for it, as the servers' own clients do.
            let now = Instant::now();
            conversation.link.heard(now.checked_add(STREAM_MAX).unwrap_or(now)).await;
        }
        Ok(facts(version, &result, member(&result, &["serverInfo"])))
    }
}

/// A process that ended instead of answering: it may have ended because it was asked the wrong
/// question, and what it is told with says more than a stream that ended. What ended otherwise was
/// not about the question.
async fn explain(refusal: Refusal, conversation: &Conversation) -> Refusal {
    let Link::Lines(link) = &conversation.link else { return refusal };
    match conversation.router.ended() {
        None => refusal,
        Some(Failure::ServerEnded) => match timeout(EXIT_MAX, link.exit()).await {
            Ok(exit) => {
                // Whoever hears of this looks there at once.
                link.complained().await;
                let problem =
                    format!("it {exit} before it greeted; what it wrote to stderr may say why");
                Refusal::NotThis(Failure::ServerStart { problem }.into())
            }
            Err(_elapsed) => Refusal::Outage(Failure::ServerEnded.into()),
        },
        Some(reason) => Refusal::Outage(reason.into()),
    }
}

/// Whose connections a session uses.
pub(super) fn pool_key(key: &SessionKey) -> PoolKey {
    PoolKey {
        tenant: key.tenant.clone(),
        server: key.server.clone(),
        principal: key.principal.clone(),
        credential: key.credential,
    }
}

/// Whether a server that refused `initialize` like this may be one of HTTP+SSE.
fn may_be_sse(error: &LinkError) -> bool {
    matches!(error, LinkError::SessionLost | LinkError::Status { status: 400 | 404 | 405 })
}

/// What an error of the link says about the era.
fn sort(error: LinkError) -> Refusal {
    match &error {
        LinkError::Status { status: 500.. } | LinkError::Rejected { status: _ } => {
            Refusal::Outage(error)
        }
        LinkError::SessionLost
        | LinkError::Status { status: _ }
        | LinkError::Failure(
            Failure::AnswerUnusable { problem: _ } | Failure::Redirected | Failure::AnswerTooLarge,
        ) => Refusal::NotThis(error),
        LinkError::Failure(_) => Refusal::Outage(error),
    }
}

fn unusable(problem: &str) -> Failure {
    Failure::AnswerUnusable { problem: problem.to_owned() }
}

fn not_this(problem: &str) -> Refusal {
    Refusal::NotThis(unusable(problem).into())
}

/// Where a stateless server says who it is.
const SERVER_INFO: [&str; 2] = ["_meta", "io.modelcontextprotocol/serverInfo"];

fn facts(
    version: Version,
    result: &str,
    info: Option<&serde_json::value::RawValue>,
) -> ServerFacts {
    let object = |value: Option<&serde_json::value::RawValue>| {
        let text = value.map_or("{}", |value| value.get());
        if text.starts_with('{') { text.to_owned() } else { "{}".to_owned() }
    };
    ServerFacts {
        version,
        capabilities: object(member(result, &["capabilities"])),
        info: object(info),
        instructions: member(result, &["instructions"])
            .and_then(|text| serde_json::from_str(text.get()).ok()),
    }
}

/// Whether a list of versions holds one.
fn lists(object: &str, key: &str, version: Version) -> bool {
    let quoted = format!("\"{}\"", version.as_str());
    member(object, &[key])
        .and_then(|list| elements(list.get()))
        .is_some_and(|versions| versions.iter().any(|listed| listed.get() == quoted))
}

#[cfg(test)]
mod tests;
