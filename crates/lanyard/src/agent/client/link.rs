//! One HTTP/1.1 connection: opened, used for one request after another, read within a limit.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lanyard_core::{Limits, Scheme, chain};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::endpoint::Place;
use super::{ClientError, Endpoint, tls};

/// A connection and what drives it. Requests and the driver are polled together, so that no
/// task outlives the command.
pub(super) struct Link {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Option<Driver>,
    place: String,
}

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// The head of an answer; its body is read piece by piece.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    read: usize,
    /// The most that is read of the body, in bytes.
    read_max: usize,
}

impl Answer {
    /// Whether the body is a stream of events.
    pub(super) fn is_stream(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/event-stream"))
    }

    /// Reads the body to its end, however long: for what goes on to a file piece by piece.
    pub(super) fn unlimited(self) -> Self {
        Self { read_max: usize::MAX, ..self }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Link {
    /// Connects to where the endpoint is.
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, ClientError> {
        let place = endpoint.place_text();
        let offline = |problem: String| ClientError::Offline { place: place.clone(), problem };
        let stream = connect(endpoint.place()).await.map_err(offline)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|problem| offline(chain(&problem)))?;
        Ok(Self { sender, driver: Some(Box::pin(connection)), place })
    }

    /// Whether another request can be sent.
    pub(super) fn is_open(&self) -> bool {
        self.driver.is_some() && !self.sender.is_closed()
    }

    /// Sees what happened to the connection while nobody used it.
    pub(super) async fn settle(&mut self) {
        drive(&mut self.driver, std::future::ready(())).await;
    }

    /// Sends a request and reads the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        let Self { sender, driver, place } = self;
        let sent = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        let answer = drive(driver, sent).await.map_err(|problem| broken(place, &problem))?;
        let (head, body) = answer.into_parts();
        let read_max = Limits::size(Limits::standard().answer_bytes_max);
        Ok(Answer { status: head.status, headers: head.headers, body, read: 0, read_max })
    }

    /// The next piece of an answer's body; `None` at its end.
    pub(super) async fn next_piece(
        &mut self,
        answer: &mut Answer,
    ) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = drive(&mut self.driver, answer.body.frame()).await;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|problem| broken(&self.place, &problem))?;
            let Ok(piece) = frame.into_data() else { continue };
            answer.read = answer.read.saturating_add(piece.len());
            if answer.read > answer.read_max {
                return Err(ClientError::Protocol(
                    "the answer is larger than the limit".to_owned(),
                ));
            }
            return Ok(Some(piece));
        }
    }

    /// The whole body of an answer.
    pub(super) async fn whole(&mut self, answer: &mut Answer) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = self.next_piece(answer).await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Link({})", self.place)
    }
}

async fn connect(place: &Place) -> Result<Box<dyn Stream>, String> {
    let origin = match place {
        Place::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(|problem| problem.to_string())?;
            return Ok(Box::new(stream));
        }
        Place::Host(origin) => origin,
    };
    let stream = TcpStream::connect((origin.host(), origin.port()))
        .await
        .map_err(|problem| problem.to_string())?;
    // Requests are small and each waits for its answer; a failure here only costs time.
    stream.set_nodelay(true).map_err(|problem| problem.to_string())?;
    match origin.scheme() {
        Scheme::Http => Ok(Box::new(stream)),
        Scheme::Https => Ok(Box::new(tls::connect(origin.host(), stream).await?)),
    }
}

/// Polls the connection beside the work that needs it. A connection that ended makes the work
/// end with an error of its own, which says more.
async fn drive<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(context).is_ready()) {
            *driver = None;
        }
        work.as_mut().poll(context)
    })
    .await
}

fn broken(place: &str, problem: &hyper::Error) -> ClientError {
    ClientError::Offline { place: place.to_owned(), problem: chain(problem) }
}
