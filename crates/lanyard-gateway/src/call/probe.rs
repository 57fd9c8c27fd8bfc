//! Tries a REST API before it is offered: every tool's request is written, and one that changes
//! nothing is sent. Whoever sets the server up asks for it; no agent does, and nothing is decided.

use lanyard_connect::http::{Unreached, UpstreamAnswer};
use lanyard_core::{Denial, Failure, Origin, ServerName, TenantName, ToolName};
use lanyard_guard::{Clearance, Example, example};
use lanyard_rest::Rendered;
use serde_json::{Map, Value};

use super::screen::{mask_answer, misfit, shape};
use super::stages::{render, secret_failure, send};
use crate::edge::Core;
use crate::snapshot::{ServerEntry, Snapshot, ToolEntry};

/// How much of an answer is shown, in characters.
const SHOWN_MAX: usize = 400;

/// What came of trying a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// How many tools' requests were written with example arguments.
    pub written: usize,
    /// Tools whose request could not be written, each with the reason. No argument that the schema
    /// allows may be known for them.
    pub unwritten: Vec<(ToolName, String)>,
    /// What was sent, and what came back. None where no tool sends anything.
    pub sent: Option<Sent>,
}

/// A request that was sent, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The tool.
    pub tool: ToolName,
    /// The arguments, as JSON.
    pub arguments: String,
    /// Whether some of them are made up: then nothing may be found with them.
    pub invented: bool,
    /// Where it went.
    pub origin: Origin,
    /// What came back.
    pub came: Result<Came, Stopped>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// Its HTTP status.
    pub status: u16,
    /// Its media type, in lower case and without parameters. Empty where it says none.
    pub media_type: String,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The length of its body in bytes.
    pub bytes: usize,
    /// Its beginning, with credentials masked.
    pub text: String,
    /// Why it does not fit the tool's output schema.
    pub misfit: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// No connection, and what stands in the way.
    Unreached(Unreached),
    /// Another failure.
    Failed(Failure),
}

/// Why nothing was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untried {
    /// There is no such tool; these there are.
    NoTool(Vec<ToolName>),
    /// The arguments do not fit the tool.
    Arguments(ToolName, Denial),
    /// The request of the tool cannot be written.
    Request(ToolName, Failure),
    /// Every tool may change something.
    NothingSafe,
}

/// A call that is asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The tool.
    pub tool: &'a str,
    /// Its arguments, a JSON object.
    pub arguments: &'a Map<String, Value>,
}

/// Tries a server: with the call that is named, or with one that changes nothing.
pub(crate) async fn probe(
    core: &Core,
    snapshot: &Snapshot,
    (tenant, server): (&TenantName, &ServerName),
    named: Option<Named<'_>>,
) -> Result<Probed, Untried> {
    let server = snapshot.find(tenant, server).ok_or(Untried::NothingSafe)?;
    let trial = Trial { core, snapshot, server };
    let named = named.map(|named| trial.named(named)).transpose()?;
    let Rehearsed { written, unwritten, calls } = trial.rehearse();
    let call = match named {
        Some(call) => Some(call),
        None => trial.safe(calls)?,
    };
    let sent = match call {
        Some(call) => trial.send(call).await?,
        None => None,
    };
    Ok(Probed { written, unwritten, sent })
}

/// A call that could be made.
struct Call<'a> {
    tool: &'a ToolEntry,
    clearance: Clearance,
    invented: bool,
}

/// What came of writing every tool's request.
#[derive(Default)]
struct Rehearsed<'a> {
    written: usize,
    unwritten: Vec<(ToolName, String)>,
    /// A call of each tool that has example arguments.
    calls: Vec<Call<'a>>,
}

/// A server that is tried.
struct Trial<'a> {
    core: &'a Core,
    snapshot: &'a Snapshot,
    server: &'a ServerEntry,
}

impl<'a> Trial<'a> {
    fn tools(&self) -> impl Iterator<Item = &'a ToolEntry> {
        self.server.tools().iter().filter(|tool| tool.as_rest().is_some())
    }

    fn named(&self, named: Named<'_>) -> Result<Call<'a>, Untried> {
        let found = self.tools().find(|tool| tool.name().as_str() == named.tool);
        let all = || self.tools().map(|tool| tool.name().clone()).collect();
        let tool = found.ok_or_else(|| Untried::NoTool(all()))?;
        let arguments = Value::Object(named.arguments.clone()).to_string();
        let clearance = tool.clear(Some(&arguments));
        let clearance = clearance.map_err(|it| Untried::Arguments(tool.name().clone(), it))?;
        Ok(Call { tool, clearance, invented: false })
    }

    /// A call that changes nothing: with arguments that are known where there is one, and of those
    /// the one that needs fewest. None where no tool sends anything.
    fn safe(&self, calls: Vec<Call<'a>>) -> Result<Option<Call<'a>>, Untried> {
        let sends = |tool: &ToolEntry| tool.as_rest().is_some_and(|it| it.tool.method().is_some());
        if !self.tools().any(sends) {
            return Ok(None);
        }
        let quiet = |call: &Call<'_>| sends(call.tool) && call.tool.hints().read_only == Some(true);
        let best = calls.into_iter().filter(quiet);
        let best = best.min_by_key(|call| (call.invented, call.clearance.arguments().len()));
        best.map(Some).ok_or(Untried::NothingSafe)
    }

    /// Writes every tool's request with example arguments, and sends none.
    fn rehearse(&self) -> Rehearsed<'a> {
        let mut rehearsed = Rehearsed::default();
        for tool in self.tools() {
            let written = example_call(tool).and_then(|call| {
                let written = self.write(tool, &call.clearance).map_err(|it| it.to_string());
                rehearsed.calls.push(call);
                written
            });
            match written {
                Ok(_) => rehearsed.written = rehearsed.written.saturating_add(1),
                Err(problem) => rehearsed.unwritten.push((tool.name().clone(), problem)),
            }
        }
        rehearsed
    }

    fn write(&self, tool: &ToolEntry, clearance: &Clearance) -> Result<Rendered, Failure> {
        let names = tool.as_rest().ok_or(Failure::Bug)?.tool.secrets();
        let secrets = self.snapshot.vault.arm(&self.server.tenant, names);
        render(self.core, tool, clearance, &secrets.map_err(secret_failure)?, None)
    }

    async fn send(&self, call: Call<'_>) -> Result<Option<Sent>, Untried> {
        let Call { tool, clearance, invented } = call;
        let written = self.write(tool, &clearance);
        let written = written.map_err(|it| Untried::Request(tool.name().clone(), it))?;
        let Rendered::Request(plan) = written else { return Ok(None) };
        let origin = plan.origin.clone();
        let came = match send(self.core, self.server, plan).await {
            Ok(answer) => Ok(self.came(tool, &clearance, answer)),
            Err(failure) => Err(self.stopped(&origin, failure).await),
        };
        let arguments = Value::Object(clearance.arguments().clone()).to_string();
        Ok(Some(Sent { tool: tool.name().clone(), arguments, invented, origin, came }))
    }

    async fn stopped(&self, origin: &Origin, failure: Failure) -> Stopped {
        let unreached = matches!(failure, Failure::Unreachable | Failure::AddressForbidden);
        if unreached && let Err(why) = self.core.upstream.reach(origin, &self.server.private).await
        {
            return Stopped::Unreached(why);
        }
        Stopped::Failed(failure)
    }

    fn came(&self, tool: &ToolEntry, clearance: &Clearance, answer: UpstreamAnswer) -> Came {
        let bytes = answer.body.len();
        let masker = self.snapshot.masker(self.server, None);
        let (answer, _) = mask_answer(&masker, answer);
        let header = |wanted: &str| {
            let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone())
        };
        let media_type = header("content-type").unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let good = (200..300).contains(&answer.status);
        let misfit = match shape(self.core, tool, clearance.arguments(), &answer) {
            Ok(result) if good && !result.is_error => misfit(tool, &result),
            Ok(_) => None,
            Err(failure) => good.then(|| failure.to_string()),
        };
        let text = String::from_utf8_lossy(&answer.body);
        Came {
            status: answer.status,
            media_type: media_type.to_ascii_lowercase(),
            location: header("location"),
            bytes,
            text: text.chars().take(SHOWN_MAX).collect(),
            misfit,
        }
    }
}

/// A call with what the schema gives, or with what is made up.
fn example_call(tool: &ToolEntry) -> Result<Call<'_>, String> {
    let rest = tool.as_rest().ok_or("it is carried out elsewhere")?;
    let unknown = "no arguments that fit its schema can be made up";
    let Example { value, invented } = example(&rest.tool.input_schema).ok_or(unknown)?;
    let clearance = tool.clear(Some(&value.to_string())).map_err(|it| it.to_string())?;
    Ok(Call { tool, clearance, invented })
}
