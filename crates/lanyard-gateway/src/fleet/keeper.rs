//! The task of one server that is kept connected: connects, lists, listens, probes, and does so
//! again when it is lost.

use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::mcp::{Outgoing, Step, Unrelated};
use lanyard_core::{Failure, Limits};
use lanyard_wire::translate::ErrorFacts;
use lanyard_wire::{ChangedList, ListenParams, ServerCapabilities, Version, notification_parts};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::{Backoff, Wait};
use super::house;
use super::links::{Flow as _, Links, Talk as _};
use super::listing::for_version;
use super::reference::By;
use super::server::Server;
use super::shared::Shared;
use super::standing::{End, Next};

/// What a server may say before the house has heard what it said earlier.
const INBOX_MESSAGES: usize = 64;

/// How long an attempt keeps others from starting. One that takes longer goes on beside them, so
/// that servers that hang delay nobody.
const TURN_MAX: Duration = Duration::from_secs(1);

/// The least time between two looks at its lists that it asked for.
const LIST_PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked for how a process ended, and how long between two looks.
const EXIT_LOOKS: u32 = 10;
const EXIT_LOOK: Duration = Duration::from_millis(50);

/// Keeps a server connected until it is stopped.
pub(super) async fn keep<L: Links>(shared: Arc<Shared<L>>, server: Arc<Server>, begin: Duration) {
    let keeper = Keeper { shared: &shared, server: &server };
    tokio::select! {
        () = server.stop.cancelled() => {}
        () = keeper.run(begin) => {}
    }
}

/// What is done now and then is boxed, so that a thousand tasks that wait need little memory.
struct Keeper<'a, L: Links> {
    shared: &'a Shared<L>,
    server: &'a Server,
}

impl<L: Links> Keeper<'_, L> {
    async fn run(&self, begin: Duration) {
        sleep(begin).await;
        loop {
            self.forget_bells();
            self.server.connecting();
            let end = tokio::select! {
                biased;
                () = self.server.bell.anew.notified() => End::Anew,
                end = self.attempt() => end,
            };
            let next = self.server.ended(&end);
            self.tell(&end, next);
            self.shared.end_house(self.server);
            tokio::select! {
                () = sleep_until(next.at) => {}
                () = self.server.bell.attempt.notified() => {}
            }
        }
    }

    /// What was asked for before an attempt is what the attempt does.
    fn forget_bells(&self) {
        let bell = &self.server.bell;
        for notify in [&bell.attempt, &bell.anew, &bell.relist, &bell.probe] {
            // A notification that waits is taken by the first look.
            let mut waiting = std::pin::pin!(notify.notified());
            waiting.as_mut().enable();
        }
    }

    /// Connects and stays connected for as long as that lasts.
    async fn attempt(&self) -> End {
        let (inbox, heard) = mpsc::channel(INBOX_MESSAGES);
        let session = match Box::pin(self.connect(inbox)).await {
            Ok(session) => session,
            Err(failure) => return End::failed(failure.to_string(), &failure),
        };
        // Three things at once, so that none waits for another: a server may say something while
        // it lists, and must be heard so that it can go on.
        tokio::select! {
            end = self.look_after(&session) => end,
            () = hear(&session, heard, self.server) => self.ended().await,
            () = self.listen(&session) => self.ended().await,
        }
    }

    async fn connect(&self, inbox: mpsc::Sender<Unrelated>) -> Result<L::Lease, Failure> {
        let turn = self.shared.turn().await;
        let member = &self.server.member;
        let opening = house::opening(member, Some(inbox));
        let key = house::key(member);
        let leasing = self.shared.lease_in_time(member, &key, opening);
        tokio::select! {
            leased = leasing => leased,
            never = hold(turn) => match never {},
        }
    }

    /// Lists, then probes now and then, and lists again when that is wanted.
    async fn look_after(&self, session: &L::Lease) -> End {
        if let Err(error) =
            Box::pin(self.shared.list_and_tell(self.server, By::House, session)).await
        {
            return End::failed(error.to_string(), &error.into());
        }
        self.server.connected();
        let (tenant, server) = self.server.names();
        tracing::info!(tenant, server, "mcp.server.connected");
        let bell = &self.server.bell;
        let (mut listed, mut probe_at, mut list_at) = (true, self.tick(), later(LIST_PAUSE));
        loop {
            // A server that says all the time that it changed is still probed, and is not listed
            // all the time.
            let is_relist = tokio::select! {
                biased;
                () = sleep_until(probe_at) => false,
                () = bell.probe.notified() => false,
                () = async { sleep_until(list_at).await; bell.relist.notified().await } => true,
            };
            if !is_relist {
                if let Some(end) = Box::pin(self.probe(session)).await {
                    return end;
                }
                probe_at = self.tick();
            }
            if is_relist || !listed {
                listed = Box::pin(self.relist(session)).await;
                list_at = later(LIST_PAUSE);
            }
        }
    }

    /// When the next probe is due.
    fn tick(&self) -> Instant {
        later(self.shared.draw().around(Limits::span(self.shared.limits.server_probe_ms)))
    }

    async fn probe(&self, session: &L::Lease) -> Option<End> {
        if !session.is_open() {
            return Some(self.ended().await);
        }
        let limit = Limits::span(self.shared.limits.server_probe_ms_max);
        let probing = tokio::time::timeout(limit, session.probe(limit));
        let Err(failure) = probing.await.unwrap_or(Err(Failure::TimedOut)) else {
            self.server.answered();
            return None;
        };
        let (tenant, server) = self.server.names();
        tracing::debug!(tenant, server, error = %failure, "mcp.server.probe_failed");
        let lost = self.server.missed(&failure);
        if !session.is_open() {
            return Some(self.ended().await);
        }
        lost.then(|| End::Silent(failure.to_string()))
    }

    /// The conversation ended. A process says how it ended a moment after it went silent.
    async fn ended(&self) -> End {
        if !self.server.is_process() {
            return End::Ended(None);
        }
        let key = house::key(&self.server.member);
        for _ in 0..EXIT_LOOKS {
            if let Some(exit) = self.shared.links.last_exit(&key) {
                return End::Ended(Some(format!("its process {exit}")));
            }
            sleep(EXIT_LOOK).await;
        }
        End::Ended(None)
    }

    /// Whether it worked. A list that fails changes nothing, and is read after the next probe.
    async fn relist(&self, session: &L::Lease) -> bool {
        let Err(error) = self.shared.list_and_tell(self.server, By::House, session).await else {
            return true;
        };
        let (tenant, server) = self.server.names();
        tracing::warn!(tenant, server, %error, "mcp.server.list_failed");
        false
    }

    /// Hears of changed lists where a stateless server offers to tell of them. Ends never.
    async fn listen(&self, session: &L::Lease) {
        let facts = session.facts();
        let wanted = ServerCapabilities::read(&facts.capabilities).list_changes();
        if !facts.version.is_modern() || wanted == ListenParams::default() {
            return std::future::pending().await;
        }
        let mut backoff = Backoff::default();
        loop {
            match Box::pin(self.subscribe(session, facts.version, &wanted)).await {
                Subscribed::Refused => return std::future::pending().await,
                Subscribed::Until(told) => {
                    if told {
                        backoff.reset();
                    }
                }
            }
            let (Wait::Retry(span) | Wait::Cooldown(span)) = backoff.failed(self.shared.draw());
            sleep(span).await;
            // What changed while nobody listened was not told.
            self.server.bell.relist.notify_one();
        }
    }

    async fn subscribe(
        &self,
        session: &L::Lease,
        version: Version,
        wanted: &ListenParams<'_>,
    ) -> Subscribed {
        let params = format!(r#"{{"notifications":{}}}"#, wanted.to_json());
        let request = Outgoing {
            method: "subscriptions/listen",
            params: for_version(version, Some(params)),
            param_headers: Vec::new(),
            deadline: None,
        };
        let Ok(mut flow) = session.request(request).await else { return Subscribed::Until(false) };
        let mut told = false;
        loop {
            match flow.next().await {
                Ok(Step::Notification(message)) => {
                    told = true;
                    note(&message, self.server);
                }
                Ok(Step::Request(asked)) => {
                    if flow.respond(&asked.id, house::answer(&asked.method)).await.is_err() {
                        return Subscribed::Until(told);
                    }
                }
                Ok(Step::Done(lanyard_connect::mcp::Reply::Error(error)))
                    if ErrorFacts::read(&error).is_some() && !told =>
                {
                    return Subscribed::Refused;
                }
                Ok(Step::Pause(_)) => {}
                Ok(Step::Done(_)) | Err(_) => return Subscribed::Until(told),
            }
        }
    }

    fn tell(&self, end: &End, next: Next) {
        let (tenant, server) = self.server.names();
        let Next { at, attempt, after_pause } = next;
        let wait = at.saturating_duration_since(Instant::now());
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match end {
            // A server that stays down is told of when it went and when it is given a pause, and
            // not with each attempt between.
            End::Failed { error, obstacle: _ } if attempt <= 1 || after_pause => {
                tracing::warn!(tenant, server, error, wait_ms, "mcp.server.connect_failed");
            }
            End::Failed { error, obstacle: _ } => {
                tracing::info!(tenant, server, error, wait_ms, "mcp.server.connect_failed");
            }
            End::Silent(error) => {
                tracing::warn!(tenant, server, error, wait_ms, "mcp.server.disconnected");
            }
            End::Ended(why) => {
                let error = why.as_deref().unwrap_or("its conversation ended");
                tracing::warn!(tenant, server, error, wait_ms, "mcp.server.disconnected");
            }
            End::Anew => tracing::info!(tenant, server, "mcp.server.disconnected"),
        }
    }
}

/// How listening ended.
enum Subscribed {
    /// The server does not offer it.
    Refused,
    /// The stream ended; whether it told anything.
    Until(bool),
}

fn later(span: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(span).unwrap_or(now)
}

/// Gives a turn to the next after a while, whatever the holder still does.
async fn hold(turn: Option<OwnedSemaphorePermit>) -> std::convert::Infallible {
    sleep(TURN_MAX).await;
    drop(turn);
    std::future::pending().await
}

/// Hears what the server says unasked, until the conversation ends.
async fn hear<T: super::links::Talk>(
    session: &T,
    mut heard: mpsc::Receiver<Unrelated>,
    server: &Server,
) {
    while let Some(unrelated) = heard.recv().await {
        match unrelated {
            Unrelated::Notification(message) => note(&message, server),
            Unrelated::Request(asked) => {
                // A server that is gone by now is noticed by whoever waits for it.
                let answer = house::answer(&asked.method);
                let _gone = Box::pin(session.respond(&asked.id, answer)).await;
            }
            Unrelated::Ended => return,
        }
    }
    // Nobody is at the other end any more: there is none, or there was no room to say that it
    // ended.
    if session.is_open() {
        std::future::pending::<()>().await;
    }
}

/// Has the lists read again if this says that one of them changed.
fn note(message: &str, server: &Server) {
    let changed = notification_parts(message).and_then(|(method, _)| ChangedList::of(&method));
    if changed.is_some() {
        server.bell.relist.notify_one();
    }
}

#[cfg(test)]
mod tests;
