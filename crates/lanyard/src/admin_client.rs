//! Operator commands speak to the running gateway: over the admin socket of the data directory,
//! or to `LANYARD_ADMIN_URL` with `LANYARD_ADMIN_TOKEN`.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::agent::client::{ClientError, DownloadError, Endpoint, download, exchange_once};
use crate::config::Environment;
use crate::failure::Failure;

/// Where the gateway's admin API is.
#[derive(Debug, Clone)]
pub(crate) struct AdminClient {
    endpoint: Endpoint,
}

impl AdminClient {
    /// The gateway that the environment names, else the one of the data directory.
    pub(crate) fn find(environment: &Environment, data: Option<&Path>) -> Result<Self, Failure> {
        let token = environment.get("LANYARD_ADMIN_TOKEN");
        let endpoint = match environment.get("LANYARD_ADMIN_URL") {
            Some(url) => Endpoint::parse(url)?,
            None => {
                let data = environment.data_directory(data).map_err(Failure::other)?;
                let socket = environment.run_directory(&data).join("admin.sock");
                if !socket.exists() {
                    return Err(Failure::offline(format!(
                        "no gateway runs on {}; start one with `lanyard up` (or name another with --data, LANYARD_DATA or LANYARD_ADMIN_URL)",
                        data.display()
                    )));
                }
                check_owner(&socket, &data)?;
                Endpoint::parse(&format!("unix:{}", socket.display()))?
            }
        };
        let endpoint = match token {
            Some(token) => endpoint.with_bearer(token)?,
            None => endpoint,
        };
        Ok(Self { endpoint })
    }

    /// The same, about another tenant than the default one.
    pub(crate) fn of_tenant(self, tenant: &str) -> Result<Self, Failure> {
        Ok(Self { endpoint: self.endpoint.with_header("lanyard-tenant", tenant)? })
    }

    /// The gateway at a socket, for the demo.
    pub(crate) fn at_socket(socket: &Path) -> Result<Self, Failure> {
        Ok(Self { endpoint: Endpoint::parse(&format!("unix:{}", socket.display()))? })
    }

    /// Asks.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// Changes or asks, with a body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut endpoint = self.endpoint.with_path(path);
        let bytes = match body {
            None => Vec::new(),
            Some(body) => {
                endpoint = endpoint.with_header("content-type", "application/json")?;
                body.to_string().into_bytes()
            }
        };
        let (status, bytes) = exchange_once(endpoint, method, bytes).await?;
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| Failure::protocol("the gateway answered with something else than JSON"))
    }

    /// Passes an answer on piece by piece, however long it is.
    pub(crate) async fn download(
        &self,
        path: &str,
        sink: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Failure> {
        let asked = (Method::GET, Vec::new());
        ended(download(self.endpoint.with_path(path), asked, sink).await)
    }

    /// Asks with a body, and passes the answer on piece by piece.
    pub(crate) async fn follow(
        &self,
        path: &str,
        body: &Value,
        sink: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), Failure> {
        let endpoint = self.endpoint.with_path(path);
        let endpoint = endpoint.with_header("content-type", "application/json")?;
        let asked = (Method::POST, body.to_string().into_bytes());
        ended(download(endpoint, asked, sink).await)
    }
}

/// Secrets go through this socket, and it may stand in a directory where others can make files:
/// so it must belong to this user or to the owner of the data directory.
fn check_owner(socket: &Path, data: &Path) -> Result<(), Failure> {
    let owner = |path: &Path| std::fs::metadata(path).map(|it| it.uid()).ok();
    let found = owner(socket);
    if found == Some(rustix::process::geteuid().as_raw())
        || (found.is_some() && found == owner(data))
    {
        return Ok(());
    }
    Err(Failure::other(format!(
        "{} belongs to another user; nothing was sent to it",
        socket.display()
    )))
}

fn ended(download: Result<(), DownloadError>) -> Result<(), Failure> {
    download.map_err(|error| match error {
        DownloadError::Client(error) => error.into(),
        DownloadError::Moved(location) => Failure::protocol(format!(
            "what answers points to {}: is LANYARD_ADMIN_URL the gateway's?",
            crate::output::plain(&location)
        )),
        DownloadError::Refused(status, body) => refusal(status, &body),
        DownloadError::Sink(error) => error.into(),
    })
}

fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let other = || match status {
        // The admin API says what is wrong; whoever says nothing is somebody else.
        StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => format!(
            "what answers has no admin API (HTTP {status}): is LANYARD_ADMIN_URL the listener for agents? The one \
             for operators is {OPERATORS} by default"
        ),
        _ => format!("the gateway answered with HTTP {status}"),
    };
    let message = value.get("error").and_then(Value::as_str).map_or_else(other, str::to_owned);
    let problems = value.get("problems").and_then(Value::as_array).cloned().unwrap_or_default();
    Failure::refused(status.as_u16(), message, problems)
}

/// Where operators reach a gateway unless told otherwise.
const OPERATORS: &str = "http://127.0.0.1:7411";

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Offline { .. } => Self::offline(error.to_string()),
            ClientError::Unauthorized(_) => Self::refused(401, error.to_string(), Vec::new()),
            ClientError::Denied(_) => Self::refused(403, error.to_string(), Vec::new()),
            ClientError::Status { status, .. } => {
                Self::refused(status, error.to_string(), Vec::new())
            }
            ClientError::Rpc { .. } | ClientError::Protocol(_) => Self::protocol(error.to_string()),
            ClientError::Unsendable(_) => Self::other(error.to_string()),
        }
    }
}
