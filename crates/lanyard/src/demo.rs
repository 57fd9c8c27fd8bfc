//! `lanyard demo`: the whole story in one terminal, on an API of our own that demands a key.
//! It runs a real gateway on free ports and a temporary directory, and leaves nothing behind.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::admin_client::AdminClient;
use crate::agent::client::{ClientError, Endpoint, Session};
use crate::config::Environment;
use crate::demo_api::{DemoApi, Seen, definition_yaml};
use crate::failure::Failure;
use crate::output::{self, bold};
use crate::up::{Running, ScrubArg, Stop, UpArgs};

/// Show the whole story in one terminal, on a bundled API that demands a key.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

const AGENT: &str = "alice";
const SERVER: &str = "billing";
const SECRET: &str = "billing-key";

/// Runs the demo. Whatever happens, the gateway stops and the directory goes.
pub(crate) async fn run(_args: &DemoArgs, environment: &Environment) -> Result<(), Failure> {
    let place = Place::make()?;
    let mut stop = Stop::listen().map_err(Failure::other)?;
    let told = tokio::select! {
        told = stage(&place, environment) => told,
        () = stop.requested() => Err(Failure::other("stopped; nothing is left behind")),
    };
    drop(place);
    told
}

/// A temporary directory that goes when the demo does.
struct Place(PathBuf);

impl Place {
    fn make() -> Result<Self, Failure> {
        let mut bytes = [0_u8; 8];
        lanyard_vault::fill_random(&mut bytes)
            .map_err(|error| Failure::other(error.to_string()))?;
        let name = format!("lanyard-demo-{}", data_encoding::HEXLOWER.encode(&bytes));
        let path = std::env::temp_dir().join(name);
        lanyard_store::prepare_directory(&path)
            .map_err(|error| Failure::other(error.to_string()))?;
        Ok(Self(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            output::notice(&format!("{} is left behind: {error}", self.0.display()));
        }
    }
}

/// Starts the API and the gateway, tells the story, stops both.
async fn stage(place: &Place, environment: &Environment) -> Result<(), Failure> {
    let tasks = TaskTracker::new();
    let random = |bytes: &mut [u8]| {
        if lanyard_vault::fill_random(bytes).is_err() {
            tracing::warn!("The system gave no random bytes; the demo's key is all zeros.");
        }
    };
    let api = DemoApi::start(&tasks, random).await?;
    let args = UpArgs {
        listen: "127.0.0.1:0".to_owned(),
        admin_listen: "127.0.0.1:0".to_owned(),
        agent_socket: None,
        agent_socket_mode: "600".to_owned(),
        tls_cert: None,
        tls_key: None,
        tls_local_ca: false,
        public_url: None,
        allow_origin: Vec::new(),
        insecure_plaintext: None,
        upstream_ca: None,
        strict: false,
        scrub: ScrubArg::Exact,
        notify_url: None,
        notify_command: None,
    };
    let environment = environment.without_run_directory();
    let started = Running::start(&args, place.0.join("data"), &environment).await;
    let mut running = started.map_err(Failure::other)?;
    let client = AdminClient::at_socket(&running.addresses().admin_socket)?;
    let story =
        Story { api: &api, client, base: running.addresses().agents_url(), place: &place.0 };
    let told = story.tell().await;
    running.drain().await;
    running.close().map_err(Failure::other)?;
    api.stop();
    tasks.close();
    tasks.wait().await;
    told
}

struct Story<'a> {
    api: &'a DemoApi,
    client: AdminClient,
    base: String,
    place: &'a Path,
}

impl Story<'_> {
    async fn tell(&self) -> Result<(), Failure> {
        say("A billing API runs on this machine. It answers nobody without its key:")?;
        shell("curl -H 'X-Api-Key: ...' ", &format!("{}/invoices/INV-7", self.api.origin))?;
        let token = self.set_up().await?;
        self.call(&token).await?;
        self.echo(&token).await?;
        self.refused(&token).await?;
        self.revoke(&token).await?;
        self.records().await?;
        self.farewell()
    }

    async fn set_up(&self) -> Result<Token, Failure> {
        chapter("The key goes to the desk")?;
        shell("lanyard secret set", SECRET)?;
        let value = json!({ "value": self.api.key.expose() });
        self.client.send(Method::PUT, &format!("/v1/secrets/{SECRET}"), Some(&value)).await?;
        shell(
            "lanyard server add",
            "billing --yaml billing.yaml --secret BillingKey=secret://billing-key",
        )?;
        let body = json!({
            "name": SERVER,
            "file": "billing.yaml",
            "source": definition_yaml(&self.api.origin),
            "options": { "secrets": { "BillingKey": format!("secret://{SECRET}") } },
        });
        let added = self.client.send(Method::POST, "/v1/servers", Some(&body)).await?;
        for tool in output::items(&added, "tools") {
            let cell = |key: &str| output::text(tool, key);
            output::line(&format!("    {:<16} {}", cell("name"), cell("description")))?;
        }
        chapter("The agent gets a badge, and may do two things with it")?;
        shell("lanyard agent add", AGENT)?;
        let made =
            self.client.send(Method::POST, "/v1/agents", Some(&json!({ "name": AGENT }))).await?;
        let token = Token(output::text(&made, "token"));
        output::line(&format!("    {}", token.hint()))?;
        shell("lanyard grant", "alice billing --allow get_invoice,echo_request")?;
        let grant = json!({ "allow": ["get_invoice", "echo_request"] });
        let path = format!("/v1/grants/{AGENT}/{SERVER}");
        self.client.send(Method::PUT, &path, Some(&grant)).await?;
        Ok(token)
    }

    async fn call(&self, token: &Token) -> Result<(), Failure> {
        chapter("The agent calls")?;
        shell("lanyard call", "billing.get_invoice number=INV-7")?;
        let text = self.ask(token, "get_invoice", json!({ "number": "INV-7" })).await?;
        quoted("the agent saw", &text)?;
        if let Some(seen) = self.api.seen().last() {
            quoted("the API saw", &seen_text(seen))?;
        }
        Ok(())
    }

    async fn echo(&self, token: &Token) -> Result<(), Failure> {
        chapter("Even an API that repeats the key does not give it away")?;
        shell("lanyard call", "billing.echo_request")?;
        let text = self.ask(token, "echo_request", json!({})).await?;
        quoted("the agent saw", &text)?;
        if text.contains(self.api.key.expose()) {
            return Err(Failure::other("the key reached the agent: please report this"));
        }
        Ok(())
    }

    async fn refused(&self, token: &Token) -> Result<(), Failure> {
        chapter("What is not granted does not exist")?;
        shell("lanyard call", "billing.refund number=INV-7")?;
        let before = self.api.seen().len();
        match self.ask(token, "refund", json!({ "number": "INV-7" })).await {
            Err(failure) => quoted("the agent saw", &failure.lines().join(" "))?,
            Ok(text) => quoted("the agent saw", &text)?,
        }
        let reached = self.api.seen().len() != before;
        quoted("the API saw", if reached { "a request" } else { "nothing" })
    }

    async fn revoke(&self, token: &Token) -> Result<(), Failure> {
        chapter("Revoked means now")?;
        shell("lanyard agent revoke", AGENT)?;
        self.client.send(Method::DELETE, &format!("/v1/agents/{AGENT}"), None).await?;
        shell("lanyard call", "billing.get_invoice number=INV-7")?;
        match self.ask(token, "get_invoice", json!({ "number": "INV-7" })).await {
            Err(failure) => quoted("the agent saw", &failure.lines().join(" ")),
            Ok(_) => Err(Failure::other("a revoked agent was served: please report this")),
        }
    }

    async fn records(&self) -> Result<(), Failure> {
        chapter("And all of it is on record")?;
        shell("lanyard audit", "search")?;
        let found = self.client.get("/v1/audit/records?limit=20").await?;
        for record in output::items(&found, "records").iter().rev() {
            let cell = |key: &str| output::text(record, key);
            let closed = record.get("closed").cloned().unwrap_or_default();
            let who = [cell("agent"), cell("actor")].concat();
            let what = match cell("tool") {
                tool if tool.is_empty() => format!("{} {}", cell("action"), cell("subject")),
                tool => format!("{}.{tool}", cell("server")),
            };
            let ending = [cell("denied_code"), output::text(&closed, "status")].concat();
            output::line(&format!("    {:<12} {who:<16} {what:<34} {ending}", cell("kind")))?;
        }
        shell("lanyard audit", "verify")?;
        let verdict = self.client.send(Method::POST, "/v1/audit/verify", None).await?;
        if verdict.get("holds").and_then(Value::as_bool) != Some(true) {
            return Err(Failure::other("the audit log does not hold: please report this"));
        }
        let count = output::text(&verdict, "records");
        output::line(&format!("    the log holds: {count} records, chained and signed"))?;
        Ok(())
    }

    fn farewell(&self) -> Result<(), Failure> {
        chapter("The same with your own API")?;
        output::line(
            "    lanyard up                                   # in a terminal of its own
    lanyard secret set my-key                    # asks; nothing is shown
    lanyard server add my-api --yaml my-api.yaml --secret MyKey=secret://my-key
    export LANYARD_TOKEN=$(lanyard agent add me)
    lanyard grant me my-api --allow '*'
    lanyard list my-api
    lanyard call my-api.TOOL key=value
  or give any MCP client http://127.0.0.1:7410/mcp with the header
    Authorization: Bearer $LANYARD_TOKEN",
        )?;
        output::line(&format!("\nThe demo's gateway stops, and {} goes.", self.place.display()))?;
        Ok(())
    }

    /// Calls a tool as the agent: through the listener, with the token, as any MCP client would.
    async fn ask(&self, token: &Token, tool: &str, arguments: Value) -> Result<String, Failure> {
        let url = format!("{}/servers/{SERVER}/mcp", self.base);
        let endpoint = Endpoint::parse(&url)?.with_bearer(&token.0)?;
        let mut session = Session::open(endpoint).await?;
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let result: Result<Value, ClientError> = session.call_tool(tool, &arguments, None).await;
        session.close().await;
        let result = result?;
        let texts: Vec<String> = output::items(&result, "content")
            .iter()
            .map(|content| output::text(content, "text"))
            .collect();
        Ok(texts.join("\n"))
    }
}

/// The agent's token, which the demo shows only in part, as a good habit.
struct Token(String);

impl Token {
    fn hint(&self) -> String {
        format!("{}…  (shown once; the demo cuts it)", self.0.get(..12).unwrap_or_default())
    }
}

fn seen_text(seen: &Seen) -> String {
    let key = if seen.key_right { "the right key" } else { "no right key" };
    format!("{} {} with {key} (headers: {})", seen.method, seen.path, seen.header_names.join(", "))
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(output::line(text)?)
}

fn chapter(title: &str) -> Result<(), Failure> {
    Ok(output::line(&format!("\n{}", bold(title)))?)
}

fn shell(command: &str, rest: &str) -> Result<(), Failure> {
    Ok(output::line(&format!("  $ {} {rest}", command.trim_end()))?)
}

fn quoted(who: &str, text: &str) -> Result<(), Failure> {
    output::line(&format!("    {who}:"))?;
    for line in text.lines() {
        output::line(&format!("      {line}"))?;
    }
    Ok(())
}
