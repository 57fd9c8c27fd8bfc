//! A server that is there is imported again: what is new comes in, what a person edited stays.

use lanyard_import::{Draft, Merged, merge};
use serde_json::{Map, Value};

use super::read::Source;
use crate::admin_client::AdminClient;
use crate::cli::segment;
use crate::cli::server::add::AddArgs;
use crate::failure::Failure;
use crate::{output, prompt};

/// A definition before anything was imported into it.
const NOTHING: &str = "server: {name: x}\ntools: []\n";

/// A REST server that is there already.
pub(super) struct Standing {
    /// Its definition as it is now.
    definition: String,
    /// Its version.
    pub(super) version: u64,
    /// What was said beside it.
    pub(super) options: Map<String, Value>,
    /// What it was imported from, if it was.
    pub(super) imported: Option<Before>,
    /// The names of its secrets that have a value.
    secrets: Vec<String>,
}

/// What a server was imported from the last time.
pub(super) struct Before {
    pub(super) format: String,
    pub(super) options: Value,
    pub(super) definition: String,
}

impl Standing {
    /// The REST server of that name, if there is one.
    pub(super) async fn find(client: &AdminClient, name: &str) -> Result<Option<Self>, Failure> {
        let listed = client.get("/v1/servers").await?;
        let row = output::items(&listed, "servers")
            .iter()
            .find(|it| output::text(it, "name") == name && output::text(it, "kind") == "rest");
        let Some(row) = row else { return Ok(None) };
        let found = client.get(&format!("/v1/servers/{}/import", segment(name))).await?;
        let text = |value: &Value, key: &str| {
            value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let imported = found.get("imported").filter(|it| it.is_object()).map(|it| Before {
            format: text(it, "format"),
            options: it.get("options").cloned().unwrap_or_default(),
            definition: text(it, "definition"),
        });
        let is_set = |it: &&Value| it.get("set").and_then(Value::as_bool) == Some(true);
        let secrets = output::items(row, "secrets").iter().filter(is_set);
        Ok(Some(Self {
            definition: text(&found, "definition"),
            version: found.get("version").and_then(Value::as_u64).unwrap_or_default(),
            options: found.get("options").and_then(Value::as_object).cloned().unwrap_or_default(),
            imported,
            secrets: secrets.map(|it| output::text(it, "name")).collect(),
        }))
    }

    /// Whether the server has a secret of that name with a value.
    pub(super) fn has_secret(&self, name: &str) -> bool {
        self.secrets.iter().any(|own| own == name)
    }

    /// What stands there, with what is new. Of what is no whole API, nothing is missed.
    pub(super) fn merge(&self, draft: &mut Draft, source: Source<'_>) -> Result<Merged, Failure> {
        let is_base = |it: &&Before| source.is_whole() && it.format == source.format();
        let base = match self.imported.as_ref().filter(is_base) {
            Some(before) => before.definition.as_str(),
            None => {
                // What the server says for all its tools was not said of these.
                draft.stand_alone();
                NOTHING
            }
        };
        merge(base, &self.definition, draft).map_err(|problem| {
            Failure::other(format!("what stands there cannot be read: {problem}; use --replace"))
        })
    }
}

/// Shows what would change, and finds out whether that is wanted.
pub(super) fn agreed(args: &AddArgs, says_more: bool, merged: &Merged) -> Result<bool, Failure> {
    let name = &args.name;
    if merged.changes.is_empty() {
        if says_more {
            return Ok(true);
        }
        output::line(&format!("{name} is there, and nothing is new; nothing was changed"))?;
        return Ok(false);
    }
    if args.import.merge {
        return Ok(true);
    }
    if !prompt::is_attended() || args.json {
        return Err(Failure::other(format!(
            "{name} is there already; --merge brings in what is new, --replace begins anew and loses what was edited"
        )));
    }
    let agreed = prompt::confirm(&format!("{name} is there. Bring in what is new?"), true)?;
    if !agreed {
        output::line("nothing was changed")?;
    }
    Ok(agreed)
}

/// Shows what comes in, and what does not.
pub(super) fn tell(merged: &Merged) {
    for change in &merged.changes {
        output::aside(&format!("new: {}", output::plain(&change.to_string())));
    }
    for conflict in &merged.conflicts {
        output::aside(&format!("kept: {}", output::plain(&conflict.to_string())));
    }
}
