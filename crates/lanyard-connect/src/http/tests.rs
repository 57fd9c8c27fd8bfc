//! The connector against real servers on this machine: `hyper` servers that answer properly, and
//! raw ones that do not.

use std::io;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use lanyard_core::{Origin, ServerName, TenantName};

use super::*;
use crate::fixture::PATIENCE;

mod answers;
mod http2;
mod reuse;
mod sending;
mod servers;
mod silence;
mod streams;

fn key(server: &str) -> PoolKey {
    PoolKey {
        tenant: TenantName::parse("acme").unwrap(),
        server: ServerName::parse(server).unwrap(),
        principal: None,
        credential: 0,
    }
}

/// A request with everything in its usual place; a test changes what it is about.
struct Call {
    upstream: Upstream,
    key: PoolKey,
    origin: Origin,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    deadline: Duration,
    private: PrivateAllowance,
}

impl Call {
    fn new(upstream: &Upstream, origin: &str, target: &str) -> Self {
        Self {
            upstream: upstream.clone(),
            key: key("billing"),
            origin: Origin::parse(origin).unwrap(),
            method: "GET",
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            deadline: PATIENCE,
            private: PrivateAllowance::none(),
        }
    }

    fn post(mut self, body: &'static str) -> Self {
        self.method = "POST";
        self.body = Bytes::from_static(body.as_bytes());
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn request(&self) -> UpstreamRequest<'_> {
        UpstreamRequest {
            pool: &self.key,
            origin: &self.origin,
            method: self.method,
            target: &self.target,
            headers: &self.headers,
            body: self.body.clone(),
            deadline: self.deadline,
            private: &self.private,
        }
    }

    async fn send(&self) -> Result<UpstreamAnswer, Failure> {
        self.upstream.send(self.request()).await
    }

    async fn stream(&self) -> Result<UpstreamStream, Failure> {
        self.upstream.stream(self.request()).await
    }

    /// The body of a 200, as text.
    async fn text(&self) -> String {
        let answer = self.send().await.unwrap();
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body.to_vec()).unwrap()
    }

    /// How the call failed, as the agent is told.
    async fn failure(&self) -> String {
        self.send().await.unwrap_err().to_string()
    }
}

/// Waits until something is so, letting everything else run meanwhile.
async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

fn upstream_with(limits: &Limits) -> Upstream {
    Upstream::new(limits, Roots::only(Vec::new()), TaskTracker::new()).unwrap()
}

fn upstream() -> Upstream {
    upstream_with(&Limits::standard())
}

/// A resolver that answers each look-up with the next list of addresses and then with the last one.
struct Scripted {
    answers: Mutex<Vec<Vec<&'static str>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn upstream(self: &Arc<Self>) -> Upstream {
        let roots = Roots::only(Vec::new());
        let resolver: Arc<dyn Resolve> = self.clone();
        Upstream::with_resolver(&Limits::standard(), roots, TaskTracker::new(), resolver).unwrap()
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _host: &'a str) -> Resolving<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move {
            if answer.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            Ok(answer.iter().map(|text| text.parse::<IpAddr>().unwrap()).collect())
        })
    }
}
