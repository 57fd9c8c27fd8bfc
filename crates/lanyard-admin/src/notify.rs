//! Somebody outside is told of a server that was added: which, with which tools, for whom. Never
//! an argument, an answer or a credential, and nothing of a tool that waits for approval but that
//! it does: its name and its words are a stranger's, and nobody has looked at them.

use std::sync::Arc;

use lanyard_store::DefinitionState;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Owner;
use crate::change::About;
use crate::error::ApiError;
use crate::ports::Notify;

/// The most tools that the sentence for people names; the list has all of them.
const NAMED_MAX: usize = 10;

impl Admin {
    /// The hook, or what to do to have one.
    pub(crate) fn hook(&self) -> Result<Arc<dyn Notify>, ApiError> {
        self.shared.parts.notify.clone().ok_or_else(|| {
            ApiError::invalid(
                "nobody is there to notify: start the gateway with `lanyard up --notify-url URL` or `--notify-command PROGRAM`",
            )
        })
    }

    /// Tells of a server that was added. That is recorded first. A hook that fails changes nothing:
    /// the server is there.
    pub(crate) async fn tell(
        &self,
        hook: &dyn Notify,
        owner: &Owner,
        added: &Value,
        agents: &[String],
    ) -> Value {
        let place = hook.place();
        let name = added.get("name").and_then(Value::as_str).unwrap_or_default();
        let (actor, by) = (owner.actor().clone(), owner.actor().by().name);
        let about = About { action: "server.notify", subject: format!("server:{name}") };
        let to = place.clone();
        let recorded =
            self.blocking(move |shared| shared.note_with(&actor, about, [("to", to)])).await;
        if let Err(error) = recorded {
            return json!({ "to": place, "problem": error.message() });
        }
        let news = self.news(added, agents, &by).to_string();
        let problem = hook.tell(news).await.err();
        if let Some(problem) = &problem {
            tracing::warn!(hook = place, problem, "The hook was not told of a server.");
        }
        json!({ "to": place, "problem": problem })
    }

    fn news(&self, added: &Value, agents: &[String], by: &str) -> Value {
        let member = |key: &str| added.get(key).cloned().unwrap_or(Value::Null);
        let name = added.get("name").and_then(Value::as_str).unwrap_or_default();
        let (tools, waiting) = tools(added);
        let event = match added.get("result").and_then(Value::as_str) {
            Some("replaced") => "server.replaced",
            Some(_) | None => "server.added",
        };
        let base = self.shared.parts.about.get("url").map_or("", String::as_str);
        json!({
            "event": event,
            "text": sentence(name, event, (tools.as_slice(), waiting), agents),
            "time": self.shared.parts.clock.now().to_string(),
            "by": by,
            "tenant": self.shared.tenant.as_str(),
            "server": name,
            "description": member("description"),
            "url": format!("{base}/servers/{name}/mcp"),
            "tools": tools,
            "waiting": waiting,
            "agents": agents,
        })
    }
}

/// The tools of what was added (of a REST API, of a set, of a server that speaks MCP), and how many
/// wait for approval.
fn tools(added: &Value) -> (Vec<Value>, usize) {
    let list = |key: &str| added.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let is_tool = |it: &Value| it.get("kind").is_none_or(|kind| kind == "tool");
    let waits = |it: &Value| {
        it.get("state").is_some_and(|state| state == DefinitionState::Quarantined.as_str())
    };
    let named =
        |it: &Value| json!({ "name": it.get("name"), "description": it.get("description") });
    let set = list("tool_set").into_iter().map(|name| json!({ "name": name }));
    let own = list("tools").into_iter().chain(list("listed")).filter(is_tool);
    let (waiting, told): (Vec<Value>, Vec<Value>) = own.partition(waits);
    (told.iter().map(named).chain(set).collect(), waiting.len())
}

/// One sentence for people: chats show the member `text` of what they are sent.
fn sentence(
    name: &str,
    event: &str,
    (tools, waiting): (&[Value], usize),
    agents: &[String],
) -> String {
    let names: Vec<&str> =
        tools.iter().filter_map(|it| it.get("name")?.as_str()).take(NAMED_MAX).collect();
    let more = if tools.len() > names.len() { ", ..." } else { "" };
    let verb = if event == "server.replaced" { "was replaced" } else { "is there" };
    let noun = if tools.len() == 1 { "tool" } else { "tools" };
    let whom = match agents {
        [] => "Nobody may call it yet".to_owned(),
        agents => format!("For {}", agents.join(", ")),
    };
    let listed = match names.as_slice() {
        [] => String::new(),
        names => format!(": {}{more}", names.join(", ")),
    };
    let held = match waiting {
        0 => String::new(),
        1 => " 1 more waits for approval.".to_owned(),
        more => format!(" {more} more wait for approval."),
    };
    format!("The server {name} {verb}, with {} {noun}{listed}.{held} {whom}.", tools.len())
}
