//! The real program on a data directory of its own, with a small API behind it. Everything ends
//! with the test, however it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

/// The API's key: recognisable, so that it can be searched for.
pub(crate) const KEY: &str = "tst_key_of_the_api_4711";

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A data directory, and the gateway on it while one runs.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) api: Api,
    environment: Vec<(String, String)>,
    gateway: Option<Child>,
}

impl World {
    /// A data directory with no gateway yet.
    pub(crate) fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            api: Api::start(),
            environment: Vec::new(),
            gateway: None,
        }
    }

    /// A gateway that listens.
    pub(crate) fn up() -> Self {
        let mut world = Self::new();
        world.start(&[]);
        world
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Sets a variable for every command from here on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away again.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    #[expect(clippy::disallowed_methods, reason = "the program under test is a child")]
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
        command.args(args).env_clear().env("HOME", self.directory.path());
        command.env("LANYARD_DATA", self.data()).current_dir(self.directory.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the gateway and waits until it says that it listens.
    pub(crate) fn start(&mut self, more: &[&str]) {
        let mut args = vec!["up", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        args.extend(more);
        let errors = std::fs::File::create(self.path("gateway.stderr")).unwrap();
        let mut command = self.command(&args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let child = self.gateway.insert(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let errors = std::fs::read_to_string(self.path("gateway.stderr")).unwrap();
        assert!(line.contains("is ready"), "the gateway did not start: {line}{errors}");
    }

    /// Asks the gateway to stop, waits, and gives its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut child = self.gateway.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        child.wait().unwrap().code()
    }

    /// Kills the gateway, as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.gateway.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, "")
    }

    /// The same with something on stdin.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Done {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may have closed its stdin.
        drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let done = Done {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!format!("{done:?}").contains(KEY), "{args:?} showed the key");
        done
    }

    /// Runs a command that succeeds and gives what it wrote to stdout.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        done.stdout
    }

    /// The same with something on stdin.
    #[track_caller]
    pub(crate) fn ok_with(&self, args: &[&str], stdin: &str) -> String {
        let done = self.run_with(args, stdin);
        assert_eq!(done.code, Some(0), "{args:?}: {done:?}");
        done.stdout
    }

    /// What addresses.json says.
    pub(crate) fn addresses(&self) -> Value {
        let text = std::fs::read_to_string(self.data().join("run/addresses.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.addresses()["admin"].as_str().unwrap().parse().unwrap()
    }

    /// Asks the admin API over its socket, as the data directory's owner.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let stream = UnixStream::connect(self.data().join("run/admin.sock")).unwrap();
        exchange(stream, method, path, None, body)
    }

    /// Asks the admin API over TCP.
    pub(crate) fn admin_tcp(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let stream = TcpStream::connect(self.admin_address()).unwrap();
        exchange(stream, method, path, token, body)
    }

    /// Sends a message of an agent, as a client without a session does.
    pub(crate) fn message(&self, token: &str, body: &str) -> (u16, String) {
        let url = self.addresses()["url"].as_str().unwrap().to_owned();
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        exchange(stream, "POST", "/mcp", Some(token), body)
    }

    /// Writes the definition of the API into a file.
    pub(crate) fn write_definition(&self) {
        self.write("billing.yaml", &self.api.definition());
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own, read by nobody else")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The API's key, its server, an agent and a grant; gives the agent's token.
    pub(crate) fn set_up(&self) -> String {
        self.write_definition();
        let done = self.run_with(&["secret", "set", "billing-key"], KEY);
        assert_eq!(done.code, Some(0), "{done:?}");
        let secret = "BillingKey=secret://billing-key";
        let add = ["server", "add", "billing", "--yaml", "billing.yaml", "--secret", secret];
        // The tests count what the API is asked.
        self.ok(&[&add[..], &["--no-verify"]].concat());
        let token = self.ok(&["agent", "add", "alice"]).trim().to_owned();
        self.ok(&["grant", "alice", "billing", "--allow", "get_invoice"]);
        token
    }

    /// A text without what differs from run to run.
    pub(crate) fn steady(&self, text: &str) -> String {
        let mut text = text.replace(self.directory.path().to_str().unwrap(), "DIR");
        for (pattern, name) in [
            (r"127\.0\.0\.1:\d+", "HOST:PORT"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
            (r"lyd_[aio]_[A-Za-z0-9_-]{20,}", "TOKEN"),
            (r"lyd_([ao])_[A-Za-z0-9_-]+", "lyd_${1}_BEGIN"),
            (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "RECORD"),
            (r"\b(\d+) us\b", "MICROS us"),
            (r"\btk_[A-Za-z0-9_-]+", "TOKEN_ID"),
            (r"\(process \d+\)", "(process PID)"),
            (r"\bprocess +\d+,", "process PID,"),
            (r"lanyard/audit/[0-9a-f]{32}", "lanyard/audit/ID"),
            (r"checkpoint-[ab]", "checkpoint-X"),
            (r"lanyard-backup-\d{8}T\d+Z", "lanyard-backup-TIME"),
            (r"\d+ audit records", "N audit records"),
            (r"uid:\d+", "uid:UID"),
            (r"(\S) {2,}", "$1  "),
            (r" +\n", "\n"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.gateway.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn exchange(
    mut stream: impl std::io::Read + std::io::Write,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, String) {
    let token = token.map(|it| format!("Authorization: Bearer {it}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}{kind}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(!answer.contains(KEY), "the answer shows the key");
    (status, body.to_owned())
}

/// An API on this machine that wants a key, and says back in its answer which one it got.
pub(crate) struct Api {
    pub(crate) origin: String,
    pub(crate) keys_seen: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let keys_seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let keys = Arc::clone(&keys_seen);
        // Ends with the process: it holds nothing but its socket.
        drop(thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &keys);
            }
        }));
        Self { origin, keys_seen }
    }

    pub(crate) fn definition(&self) -> String {
        DEFINITION.replace("ORIGIN", &self.origin)
    }
}

fn answer(mut stream: TcpStream, keys: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let key = head.lines().find_map(|line| line.strip_prefix("x-api-key: ")).unwrap_or("none");
    keys.lock().unwrap().push(key.to_owned());
    let body = format!(r#"{{"number":"INV-7","amount":12.50,"your_key":"{key}"}}"#);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // A caller who went away is no matter here.
    drop(stream.write_all(answer.as_bytes()));
}

const DEFINITION: &str = r#"server:
  name: billing
  description: Invoices
  securitySchemes:
  - {id: BillingKey, type: apiKey, in: header, name: X-Api-Key}
  defaultUpstreamSecurity: {id: BillingKey}
tools:
- name: get_invoice
  description: One invoice
  args:
  - {name: number, description: Its number, type: string, required: true, position: path}
  requestTemplate: {url: "ORIGIN/invoices/{number}", method: GET}
- name: refund
  description: Refund an invoice
  args:
  - {name: number, description: Its number, type: string, required: true, position: body}
  requestTemplate: {url: "ORIGIN/refunds", method: POST}
"#;

/// Copies a directory of files.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
