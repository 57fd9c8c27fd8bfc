//! Nothing of a request or an answer is logged, by us or by what we build on, however it ends.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::http2::Secure;
use super::servers::Server;
use super::*;

/// Writes down every event and span at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{field} {value:?}").unwrap();
    }
}

fn secret_call(upstream: &Upstream, origin: &str, path: &str) -> Call {
    let target = format!("{path}?key=tst_query");
    Call::new(upstream, origin, &target).post("tst_body").header("authorization", "tst_header")
}

#[tokio::test]
async fn the_log_holds_no_value() {
    let log = Log::default();
    let listening = tracing::subscriber::set_default(log.clone());
    let upstream = upstream();
    let server = Server::start().await;
    for path in ["/", "/tst_path", "/redirect"] {
        secret_call(&upstream, &server.origin, path).send().await.unwrap();
    }
    for answer in [b"tst_answer" as &[u8], b"HTTP/1.1 200 OK\r\ntst_header\r\n\r\n", b""] {
        let server = Server::answer(answer).await;
        let call = secret_call(&upstream, &server.origin, "/").post("tst_BODY");
        call.send().await.unwrap_err();
    }
    let unknown = Scripted::new(&[&[], &["10.0.0.1"]]).upstream();
    for _ in 0..2 {
        secret_call(&unknown, "https://name.test", "/").send().await.unwrap_err();
    }
    let mut late = secret_call(&upstream, &server.origin, "/never");
    late.deadline = Duration::from_millis(50);
    late.send().await.unwrap_err();
    let secure = Secure::start(&[b"h2"]).await;
    secret_call(&upstream, &secure.server.origin, "/").send().await.unwrap_err();
    let trusting = secure.upstream(&TaskTracker::new());
    secret_call(&trusting, &secure.server.origin, "/").send().await.unwrap();
    drop(listening);
    let log = log.0.lock().unwrap();
    for expected in ["No answer.", "No connection.", "The name was not found."] {
        assert!(log.contains(expected), "{expected}");
    }
    let leak = log.lines().find(|line| line.contains("tst_"));
    assert_eq!(leak, None);
}
