//! What the servers behind the gateway are served with.

use std::convert::Infallible;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// Which connection a request came over: an extension of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionNumber(u64);

/// Answers requests on a listener until the test ends.
pub(crate) fn serve<A, F, B>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: Body<Error = Infallible> + Send + 'static,
    B::Data: Send,
{
    let (tasks, connections) = (TaskTracker::new(), AtomicU64::new(0));
    tasks.clone().spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            let number = ConnectionNumber(connections.fetch_add(1, Ordering::SeqCst));
            tasks.spawn(async move {
                let answer = move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(number);
                    answer(request)
                };
                let serving = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                // A gateway that cancels a call closes the connection in the middle.
                drop(serving.await);
            });
        }
    });
}
