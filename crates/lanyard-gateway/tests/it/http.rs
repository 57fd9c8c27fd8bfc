//! A client that sends what it is told to, byte for byte, and hides nothing of the answer.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Only a broken gateway lets a test wait for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Where to connect.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Tcp(u16),
    Unix(PathBuf),
}

/// A request as it will be written.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    door: Door,
    line: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Request {
    pub(crate) fn new(door: &Door, method: &str, path: &str) -> Self {
        let headers = vec![("Host".to_owned(), "localhost".to_owned())];
        Self { door: door.clone(), line: format!("{method} {path} HTTP/1.1"), headers, body: None }
    }

    /// One more header, whether or not there is one of that name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All headers of a name replaced by one.
    pub(crate) fn replace(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.header(name, value)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: impl ToString) -> Self {
        self.body = Some(body.to_string());
        self
    }

    /// A JSON body with its content type.
    pub(crate) fn json(self, body: impl ToString) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        } else {
            text.push_str("\r\n");
        }
        text
    }

    /// Sends it and reads the answer to its end.
    pub(crate) async fn send(self) -> Answer {
        let stream = self.header("Connection", "close").open().await;
        timeout(PATIENCE, stream.whole()).await.expect("an answer in time")
    }

    /// Sends it and leaves the connection open: for streams, and for clients that go away.
    pub(crate) async fn open(self) -> Stream {
        let text = self.text();
        raw(&self.door, text.as_bytes()).await
    }
}

/// Connects and writes bytes.
pub(crate) async fn raw(door: &Door, bytes: &[u8]) -> Stream {
    let mut wire: Box<dyn Wire> = match door {
        Door::Tcp(port) => Box::new(TcpStream::connect(("127.0.0.1", *port)).await.unwrap()),
        Door::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
    };
    wire.write_all(bytes).await.unwrap();
    Stream { wire: BufReader::new(wire) }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON-RPC error's code and message.
    #[track_caller]
    pub(crate) fn error(&self) -> (i64, String) {
        let error = &self.json()["error"];
        let code = error["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"));
        (code, error["message"].as_str().unwrap().to_owned())
    }

    /// The first text of a tool's result, and whether it is an error.
    #[track_caller]
    pub(crate) fn result(&self) -> (bool, String) {
        let result = &self.json()["result"];
        let text = result["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("no result: {self:?}"));
        (result["isError"].as_bool().unwrap_or(false), text.to_owned())
    }
}

/// An open connection.
pub(crate) struct Stream {
    wire: BufReader<Box<dyn Wire>>,
}

impl Stream {
    /// The rest of a body, after a head that was sent before.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.wire.get_mut().write_all(bytes).await.unwrap();
    }

    /// The status and headers of the answer.
    pub(crate) async fn head(&mut self) -> Answer {
        timeout(PATIENCE, self.read_head()).await.expect("a head in time")
    }

    async fn read_head(&mut self) -> Answer {
        let mut status = String::new();
        self.wire.read_line(&mut status).await.unwrap();
        let status = status.split(' ').nth(1).map_or(0, |code| code.parse().unwrap());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.wire.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Answer { status, headers, body: String::new() }
    }

    /// A whole answer on a connection that is kept.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        timeout(PATIENCE, self.wire.read_exact(&mut body)).await.unwrap().unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    async fn whole(mut self) -> Answer {
        let mut answer = self.read_head().await;
        let mut body = String::new();
        // A gateway that refuses a body unread may reset the connection behind its answer.
        drop(self.wire.read_to_string(&mut body).await);
        answer.body = body;
        answer
    }

    /// The next event's data; `None` when the stream has ended. Comments are passed over.
    pub(crate) async fn event(&mut self) -> Option<String> {
        loop {
            // Lines of the chunked encoding are no fields of events.
            let line = self.line().await?;
            if let Some(data) = line.strip_prefix("data: ") {
                return Some(data.to_owned());
            }
        }
    }

    /// The next event's id and data; `None` when the stream has ended.
    pub(crate) async fn known_event(&mut self) -> Option<(String, String)> {
        let mut id = String::new();
        loop {
            let line = self.line().await?;
            if let Some(known) = line.strip_prefix("id: ") {
                known.clone_into(&mut id);
            }
            if let Some(data) = line.strip_prefix("data:") {
                return Some((id, data.trim_start().to_owned()));
            }
        }
    }

    /// The next line as JSON, where messages come one per line; `None` when the connection has
    /// ended.
    pub(crate) async fn line_message(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.line().await?).unwrap())
    }

    /// Says that nothing more will be written, and stays to read.
    pub(crate) async fn half_close(&mut self) {
        self.wire.get_mut().shutdown().await.unwrap();
    }

    /// The next event as JSON.
    pub(crate) async fn message(&mut self) -> Value {
        serde_json::from_str(&self.event().await.expect("an event")).unwrap()
    }

    /// Reads on until the stream ends, and gives what still came.
    pub(crate) async fn until_end(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.event().await {
            events.push(event);
        }
        events
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.wire.read_line(&mut line)).await;
        match read.expect("a line in time") {
            // The last chunk is empty.
            Ok(0) | Err(_) => None,
            Ok(_) if line == "0\r\n" => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }
}
