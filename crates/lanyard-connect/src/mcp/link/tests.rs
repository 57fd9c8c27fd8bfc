//! The links against a server whose part the test itself plays.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lanyard_core::{Limits, Origin, ServerName, TenantName};
use lanyard_mcp::Definition;
use lanyard_wire::Version;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::*;
use crate::fixture::{Asked, PATIENCE, Pipe, Stage};
use crate::http::{PrivateAllowance, Roots};
use crate::mcp::target::{EraChoice, Opened};

mod answers;
mod apart;
mod faults;
mod headers;
mod resume;
mod sse;
mod unasked;

/// Credentials that tell how often they were asked for: each request carries another value.
#[derive(Debug)]
struct Counted {
    name: &'static str,
    extra: Vec<(String, String)>,
    asked: AtomicUsize,
}

impl Credentials for Counted {
    fn request(&self) -> Result<Opened, Failure> {
        let count = self.asked.fetch_add(1, Ordering::SeqCst);
        let mut headers = self.extra.clone();
        headers.push(("authorization".to_owned(), format!("Bearer tst_{}_{count}", self.name)));
        Ok(Opened { headers, target: format!("/{}/mcp?key=tst_key", self.name) })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        Err(Failure::Bug)
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        (Cow::Borrowed(text), 0)
    }
}

/// What a link needs for a server at this origin.
fn parts_with(
    name: &'static str,
    origin: &str,
    extra: &[(&str, &str)],
    limits: Limits,
) -> HttpParts {
    let tasks = TaskTracker::new();
    let http = Upstream::new(&limits, Roots::only(Vec::new()), tasks).unwrap();
    let (tenant, server) = (TenantName::parse("acme").unwrap(), ServerName::parse(name).unwrap());
    let definition = format!(r#"{{"type":"http","url":"{origin}/{name}/mcp"}}"#);
    let target = Target {
        tenant: tenant.clone(),
        server: server.clone(),
        generation: 1,
        definition: Definition::parse(&definition).unwrap(),
        era: EraChoice::Auto,
        spoken: None,
        private: PrivateAllowance::none(),
        connect_max: PATIENCE,
        directory: PathBuf::new(),
    };
    let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let credentials = Counted { name, extra: extra.collect(), asked: AtomicUsize::new(0) };
    HttpParts {
        http,
        pool: PoolKey { tenant, server, principal: None, credential: 0 },
        origin: Origin::parse(origin).unwrap(),
        target: Arc::new(target),
        credentials: Arc::new(credentials),
        limits,
    }
}

fn parts(stage: &Stage) -> HttpParts {
    parts_with("notes", &stage.origin(), &[], Limits::standard())
}

/// A link to a stateless server.
fn modern(stage: &Stage) -> Link {
    let link = Link::http(parts(stage));
    link.speak(Version::V2026_07_28);
    link
}

/// A link in a session.
async fn legacy(stage: &mut Stage, version: Version) -> Link {
    in_session(Link::http(parts(stage)), stage, version).await
}

/// Begins a session on a link.
async fn in_session(link: Link, stage: &mut Stage, version: Version) -> Link {
    let mut carrier = link.request(request(r#"{"id":0}"#, "initialize")).await.unwrap();
    let (message, ()) = tokio::join!(next(&mut carrier), async {
        let headers = [("content-type", "application/json"), ("mcp-session-id", "session-1")];
        stage.next().await.answer(200, &headers, b"{}").await;
    });
    assert_eq!(message, Ok("{}".to_owned()));
    carrier.finish();
    link.speak(version);
    link
}

fn request<'a>(message: &'a str, method: &'a str) -> LinkRequest<'a> {
    static ID: std::sync::LazyLock<Id<'static>> =
        std::sync::LazyLock::new(|| Id::from_text("ours"));
    LinkRequest {
        message,
        id: &ID,
        method,
        name: None,
        param_headers: &[],
        deadline: Some(within(PATIENCE)),
    }
}

/// A deadline that far away.
fn within(span: Duration) -> Instant {
    Instant::now().checked_add(span).unwrap()
}

async fn ask(link: &Link) -> Carrier {
    link.request(request(r#"{"id":"ours"}"#, "tools/call")).await.unwrap()
}

/// The next message, or what it came to.
async fn next(carrier: &mut Carrier) -> Result<String, String> {
    loop {
        match timeout(PATIENCE, carrier.next()).await.expect("a message") {
            Ok(Arrival::Message(message)) => return Ok(message),
            Ok(Arrival::Pause(_)) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// The next message of an inbox.
async fn hear(inbox: &mut Inbox) -> Result<Option<String>, String> {
    let next = timeout(PATIENCE, inbox.next()).await.expect("a message");
    next.map_err(|error| error.to_string())
}

/// What comes of a request that the test answers.
async fn answered<A: AsyncFnOnce(Asked)>(
    link: &Link,
    stage: &mut Stage,
    answer: A,
) -> (Carrier, Result<String, String>) {
    let mut carrier = ask(link).await;
    let (message, ()) =
        tokio::join!(next(&mut carrier), async { answer(stage.next().await).await });
    (carrier, message)
}

/// A request whose answer is an event stream that the test writes.
async fn streaming(link: &Link, stage: &mut Stage) -> (Carrier, Pipe) {
    let mut carrier = ask(link).await;
    let (message, pipe) = tokio::join!(next(&mut carrier), async {
        let pipe = stage.next().await.events();
        pipe.write(b"data: {\"first\":1}\n\n").await;
        pipe
    });
    assert_eq!(message, Ok(r#"{"first":1}"#.to_owned()));
    (carrier, pipe)
}

const ENDED: &str = "the server ended before it answered; the call may have taken effect";
const LOST: &str = "the server does not know the session any more";

/// Sessions are shared between tasks, and what comes for a request is read in any of them.
#[test]
fn links_go_from_thread_to_thread() {
    const fn shared<T: Send + Sync>() {}
    const fn moved<T: Send>() {}
    const fn carried<T: Send>(_: &T) {}
    shared::<Link>();
    moved::<Carrier>();
    moved::<Inbox>();
    let next = async |mut carrier: Carrier, mut inbox: Inbox| {
        drop(carrier.next().await);
        drop(inbox.next().await);
    };
    let _ = |carrier, inbox| carried(&next(carrier, inbox));
}
