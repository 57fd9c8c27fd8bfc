//! What is said of a server that was added.

use serde_json::{Value, json};

use crate::cli::server::show::{launch, secret_line, shortened};
use crate::failure::Failure;
use crate::output;

/// The most tools of a REST API that are shown one by one.
const TOOLS_SHOWN_MAX: usize = 30;

pub(super) fn described(added: &Value) -> Result<(), Failure> {
    let name = output::text(added, "name");
    let origins = output::text(added, "origins");
    output::line(&match output::text(added, "result").as_str() {
        "checked" => format!("{name} is a valid definition; nothing was changed"),
        "unchanged" => format!("{name} is there already, the same; nothing was changed"),
        done => format!("{done} {name}"),
    })?;
    if !origins.is_empty() {
        output::line(&format!("  sends requests to  {}", origins.replace(',', " ")))?;
    }
    launch(added)?;
    if output::text(added, "isolation") == "none" {
        output::line("  isolation  none: it runs with the rights of Lanyard's own user")?;
    }
    for it in output::items(added, "secrets") {
        secret_line(it)?;
    }
    let tools = output::items(added, "tools");
    for tool in tools.iter().take(TOOLS_SHOWN_MAX) {
        listed_line("tool", tool)?;
    }
    let left = tools.len().saturating_sub(TOOLS_SHOWN_MAX);
    if left > 0 {
        output::line(&format!("  and {left} more tools: `lanyard server tools {name}`"))?;
    }
    proved(added)?;
    for tool in output::items(added, "listed") {
        listed_line(&output::text(tool, "kind"), tool)?;
    }
    for listed in output::items(added, "tool_set") {
        output::line(&format!("  tool  {}", output::plain(listed.as_str().unwrap_or_default())))?;
    }
    let granted = output::text(added, "granted").replace(',', ", ");
    if !granted.is_empty() {
        output::line(&format!("  granted  all its tools to {granted}"))?;
    }
    notified(added)?;
    hints(added, &name);
    Ok(())
}

/// Whether somebody was told of it.
fn notified(added: &Value) -> Result<(), Failure> {
    let Some(notified) = added.get("notified") else { return Ok(()) };
    let to = output::text(notified, "to");
    match output::text(notified, "problem") {
        none if none.is_empty() => Ok(output::line(&format!("  told  {to}"))?),
        problem => {
            output::aside(&format!("warning: {to} was not told: {problem}; the server is there"));
            Ok(())
        }
    }
}

/// What came of trying a REST API.
fn proved(added: &Value) -> Result<(), Failure> {
    let Some(proof) = added.get("verified").filter(|it| it.is_object()) else { return Ok(()) };
    if let Some(call) = proof.get("call").filter(|it| it.is_object()) {
        let kind = match output::text(call, "media_type") {
            none if none.is_empty() => "no media type".to_owned(),
            kind => kind,
        };
        output::line(&format!(
            "  tried  {} {}: HTTP {}, {kind}, {} bytes",
            output::text(call, "tool"),
            output::text(call, "arguments"),
            output::text(call, "status"),
            output::text(call, "bytes"),
        ))?;
        if call.get("invented") == Some(&json!(true)) {
            output::line("         with arguments made up: it is there, and takes the credential")?;
        }
        let begins = shortened(&output::first_line(call, "begins"));
        if !begins.is_empty() {
            output::line(&format!("         {begins}"))?;
        }
        if let Some(misfit) = call.get("misfit").and_then(Value::as_str) {
            output::aside(&format!(
                "warning: the answer does not fit the tool's outputSchema, so agents get an error: {}; correct the schema, or leave it out",
                output::plain(misfit)
            ));
        }
    }
    for it in output::items(proof, "unwritten") {
        output::aside(&format!(
            "note: {} was not rehearsed: {}",
            output::text(it, "tool"),
            output::plain(&output::text(it, "problem"))
        ));
    }
    Ok(())
}

fn listed_line(kind: &str, it: &Value) -> Result<(), Failure> {
    let state = match output::text(it, "state").as_str() {
        "" | "pinned" => String::new(),
        state => format!("{state}: {}; ", output::text(it, "reasons")),
    };
    let about = shortened(&output::first_line(it, "description"));
    Ok(output::line(
        format!("  {kind}  {:<24} {state}{about}", output::text(it, "name")).trim_end(),
    )?)
}

fn hints(added: &Value, name: &str) {
    let waits = |it: &&Value| output::text(it, "state") == "quarantined";
    if output::items(added, "listed").iter().filter(waits).count() > 0 {
        output::notice(&format!(
            "what is quarantined is neither listed nor callable: `lanyard pin diff {name}`, then `lanyard pin approve {name}`"
        ));
    }
    // A replaced server keeps its grants, and a tool set needs none of its own.
    let is_set = !output::items(added, "tool_set").is_empty();
    let is_granted = !output::items(added, "granted").is_empty();
    if output::text(added, "result") == "added" && !is_set && !is_granted {
        output::notice(&format!(
            "nobody may call it yet: `lanyard grant AGENT {name} --allow '*'`"
        ));
    }
}
