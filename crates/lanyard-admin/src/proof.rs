//! A REST API is tried before it is offered: a call that changes nothing, and what came of it.

use lanyard_core::ServerName;
use lanyard_store::Configuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::actor::Owner;
use crate::change::About;
use crate::error::ApiError;
use crate::ports::{Probe, Proof, Trial, Unproved};

/// The call with which a server is to be tried.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProbeRequest {
    tool: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl Admin {
    /// Tries a REST API among the rows as they would be. That is recorded first: a credential may go
    /// out with it. The error says what the server did and what can be done about it.
    pub(crate) async fn prove(
        &self,
        owner: &Owner,
        rows: Configuration,
        server: &ServerName,
        request: Option<ProbeRequest>,
    ) -> Result<Proof, ApiError> {
        let about = About { action: "server.try", subject: format!("server:{server}") };
        let actor = owner.actor().clone();
        self.blocking(move |shared| shared.note(&actor, about)).await?;
        let tenant = self.shared.tenant.clone();
        let trial = Trial { rows: std::sync::Arc::new(rows), tenant, server: server.clone() };
        let probe = request.map(|ProbeRequest { tool, arguments }| Probe { tool, arguments });
        self.shared.parts.verify.prove(trial, probe).await.map_err(|why| not_added(server, why))
    }
}

fn not_added(name: &ServerName, why: Unproved) -> ApiError {
    let Unproved { what, answer } = why;
    let mut lines = Vec::new();
    if !answer.trim().is_empty() {
        lines.push("its answer began with:".to_owned());
        lines.extend(answer.lines().map(|line| format!("  {line}")));
    }
    lines.push(
        "nothing was changed; --no-verify adds it as it is, and the record says so".to_owned(),
    );
    let told = format!("`{name}` was not added: {what}");
    ApiError::new(http::StatusCode::UNPROCESSABLE_ENTITY, told).with_lines(lines)
}

/// What is shown of a proof.
pub(crate) fn shown(proof: &Proof) -> Value {
    let unwritten: Vec<Value> = proof
        .unwritten
        .iter()
        .map(|(tool, problem)| json!({ "tool": tool, "problem": problem }))
        .collect();
    let call = proof.call.as_ref().map(|call| {
        json!({
            "tool": call.tool,
            "arguments": call.arguments,
            "invented": call.invented,
            "status": call.status,
            "media_type": call.media_type,
            "bytes": call.bytes,
            "begins": call.begins,
            "misfit": call.misfit,
        })
    });
    json!({ "written": proof.written, "unwritten": unwritten, "call": call })
}
