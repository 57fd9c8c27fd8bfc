//! `lanyard server list`, `show`, `tools` and `test`: what is there, and how it does.

use http::Method;
use serde_json::{Value, json};

use crate::admin_client::AdminClient;
use crate::cli::segment;
use crate::failure::Failure;
use crate::output;

/// The most lines of a process's stderr that are printed for people.
const STDERR_LINES_MAX: usize = 20;

pub(super) async fn list(client: &AdminClient, as_json: bool) -> Result<(), Failure> {
    let listed = client.get("/v1/servers").await?;
    if as_json {
        return Ok(output::json(&listed)?);
    }
    let rows: Vec<_> = output::items(&listed, "servers").iter().map(list_row).collect();
    let head =
        ["SERVER", "KIND", "STATE", "SINCE", "TOOLS", "CALLS", "P50/P99", "PREFIX", "LAST ERROR"];
    Ok(output::line(&output::table(&head, &rows))?)
}

fn list_row(it: &Value) -> Vec<String> {
    let none = Value::Null;
    let status = it.get("status").unwrap_or(&none);
    let of = |key: &str| output::text(status, key);
    let kind = match output::text(it, "transport") {
        transport if transport.is_empty() => output::text(it, "kind"),
        transport => format!("mcp {transport}"),
    };
    let tools = match output::text(it, "waiting").as_str() {
        "" | "0" => output::text(it, "tools"),
        waiting => format!("{} ({waiting} waiting)", output::text(it, "tools")),
    };
    let took = match (of("p50_micros"), of("p99_micros")) {
        (p50, p99) if p50.is_empty() && p99.is_empty() => String::new(),
        (p50, p99) => format!("{}/{} ms", milliseconds(&p50), milliseconds(&p99)),
    };
    vec![
        output::text(it, "name"),
        kind,
        state(it, status),
        seconds(&of("since")),
        tools,
        of("calls"),
        took,
        output::text(it, "prefix"),
        trouble(it, status),
    ]
}

/// The state of a server: the fleet's where it has one, else what an operator set.
fn state(it: &Value, status: &Value) -> String {
    let is = |key: &str| it.get(key).and_then(Value::as_bool) == Some(true);
    let enabled = is("enabled");
    if is("quarantined") {
        return "quarantined".to_owned();
    }
    match (output::text(it, "problem").is_empty(), enabled) {
        (false, _) => "broken".to_owned(),
        (true, false) => "disabled".to_owned(),
        (true, true) => match output::text(status, "state") {
            state if state.is_empty() => "enabled".to_owned(),
            state => state,
        },
    }
}

/// What stands in the way, in a few words.
fn trouble(it: &Value, status: &Value) -> String {
    let problem = output::text(it, "problem");
    if !problem.is_empty() {
        return shortened(&problem);
    }
    let error = output::text(status, "last_error");
    if !error.is_empty() {
        return shortened(&error);
    }
    let unset = output::items(it, "secrets")
        .iter()
        .filter(|secret| secret.get("set").and_then(Value::as_bool) != Some(true))
        .map(|secret| format!("secret://{} is not set", output::text(secret, "name")));
    unset.collect::<Vec<_>>().join(", ")
}

/// A time without its microseconds.
fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

/// Microseconds as milliseconds with one digit; `-` where there is no number.
fn milliseconds(micros: &str) -> String {
    let Ok(micros) = micros.parse::<u64>() else { return "-".to_owned() };
    let tenths = micros.saturating_add(50).checked_div(100).unwrap_or(0);
    let (whole, tenth) = (tenths.checked_div(10).unwrap_or(0), tenths.checked_rem(10).unwrap_or(0));
    format!("{whole}.{tenth}")
}

/// The definition alone: references stand where credentials stood.
pub(super) async fn definition(client: &AdminClient, name: &str) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    match shown.get("source").and_then(Value::as_str) {
        Some(source) => Ok(output::bytes(source.as_bytes())?),
        None => Ok(output::json(shown.get("definition").unwrap_or(&Value::Null))?),
    }
}

pub(super) async fn show(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    if as_json {
        return Ok(output::json(&shown)?);
    }
    let cell = |key: &str| output::text(&shown, key);
    let kind = format!("{} {}", cell("kind"), cell("transport"));
    output::line(&format!("{} ({})", output::bold(&cell("name")), kind.trim_end()))?;
    for (label, key) in [
        ("description", "description"),
        ("enabled", "enabled"),
        ("problem", "problem"),
        ("file", "file"),
        ("prefix", "prefix"),
        ("origins", "origins"),
        ("isolation", "isolation"),
        ("updated", "updated_at"),
        ("listed", "seen_at"),
    ] {
        field(label, &cell(key))?;
    }
    launch(&shown)?;
    for (key, value) in shown.get("options").and_then(Value::as_object).into_iter().flatten() {
        let options = json!({ "value": value });
        field(key, &output::text(&options, "value"))?;
    }
    if let Some(status) = shown.get("status").filter(|it| it.is_object()) {
        status_lines(status)?;
    }
    for it in output::items(&shown, "secrets") {
        secret_line(it)?;
    }
    print_tools(&shown)?;
    for (label, key) in
        [("prompt", "prompts"), ("resource", "resources"), ("template", "templates")]
    {
        for it in output::items(&shown, key) {
            definition_line(label, it)?;
        }
    }
    processes(&shown)
}

fn field(label: &str, value: &str) -> Result<(), Failure> {
    if value.is_empty() {
        return Ok(());
    }
    Ok(output::line(&format!("  {label:<12} {value}"))?)
}

/// How a process is started, or under which names a URL gets credentials.
pub(super) fn launch(shown: &Value) -> Result<(), Failure> {
    let none = Value::Null;
    let definition = shown.get("definition").unwrap_or(&none);
    let command = output::text(definition, "command");
    if !command.is_empty() {
        let words: Vec<String> = output::items(definition, "args")
            .iter()
            .map(|word| output::plain(word.as_str().unwrap_or_default()))
            .collect();
        field("command", format!("{command} {}", words.join(" ")).trim_end())?;
    }
    field("cwd", &output::text(definition, "cwd"))?;
    field("url", &output::text(definition, "url"))?;
    for (label, key) in [("env", "env"), ("header", "headers"), ("query", "query")] {
        let pairs = definition.get(key).and_then(Value::as_object);
        for (name, text) in pairs.into_iter().flatten() {
            let text = output::plain(text.as_str().unwrap_or_default());
            field(label, &format!("{}: {text}", output::plain(name)))?;
        }
    }
    Ok(())
}

fn status_lines(status: &Value) -> Result<(), Failure> {
    let of = |key: &str| output::text(status, key);
    field("state", &format!("{} since {}", of("state"), seconds(&of("since"))))?;
    field("last error", &of("last_error"))?;
    if !of("next_attempt_at").is_empty() {
        let next = seconds(&of("next_attempt_at"));
        field("attempt", &format!("{}, next at {next}", of("attempt")))?;
    }
    field("sessions", &of("sessions"))?;
    let failures = of("failures");
    field("calls", &format!("{} ({failures} failed)", of("calls")))?;
    if !of("p50_micros").is_empty() {
        let (p50, p99) = (milliseconds(&of("p50_micros")), milliseconds(&of("p99_micros")));
        field("took", &format!("{p50} ms (half), {p99} ms (99 of 100)"))?;
    }
    Ok(())
}

/// Its processes that run or ended lately, and the end of what each of them wrote for people.
fn processes(shown: &Value) -> Result<(), Failure> {
    for it in output::items(shown, "processes") {
        field("process", &process_line(it))?;
        let text = it.get("stderr").and_then(Value::as_str).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let before = lines.len().saturating_sub(STDERR_LINES_MAX);
        if before > 0 {
            output::line(&format!("    ({before} lines before these: --json)"))?;
        }
        for line in lines.iter().skip(before) {
            output::line(&format!("    {}", output::plain(line)))?;
        }
    }
    Ok(())
}

fn process_line(it: &Value) -> String {
    let of = |key: &str| output::text(it, key);
    let is_trial = it.get("trial").and_then(Value::as_bool) == Some(true);
    let whom = match (of("agent"), of("user")) {
        (agent, _) if agent.is_empty() && is_trial => "a trial".to_owned(),
        (agent, _) if agent.is_empty() => "the gateway's own".to_owned(),
        (agent, user) if user.is_empty() => format!("for {agent}"),
        (agent, user) => format!("for {agent} and {user}"),
    };
    let how = match of("exit") {
        exit if exit.is_empty() => "running".to_owned(),
        exit => exit,
    };
    format!("{}, {whom}, since {}, {how}", of("pid"), seconds(&of("since")))
}

pub(super) fn secret_line(it: &Value) -> Result<(), Failure> {
    let flag = |key: &str| it.get(key).and_then(Value::as_bool) == Some(true);
    let name = output::text(it, "name");
    let mut notes = Vec::new();
    if flag("moved_from_file") {
        notes.push("moved out of the file into the vault".to_owned());
    }
    match output::text(it, "bound_to") {
        bound if bound.is_empty() => {}
        bound => notes.push(format!("bound to {bound}")),
    }
    if !flag("set") {
        notes.push(format!(
            "not set: calls fail until `lanyard secret set {name}`, or until whoever has it types it (`lanyard secret intake {name}`)"
        ));
    }
    Ok(output::line(format!("  uses  secret://{name}  {}", notes.join("; ")).trim_end())?)
}

pub(super) fn shortened(line: &str) -> String {
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_owned(),
    }
}

fn print_tools(shown: &Value) -> Result<(), Failure> {
    for tool in output::items(shown, "tool_details") {
        match output::text(tool, "method") {
            method if method.is_empty() => definition_line("tool", tool)?,
            method => output::line(&format!(
                "  {:<24} {method:<6} {}",
                output::text(tool, "name"),
                shortened(&output::first_line(tool, "description"))
            ))?,
        }
    }
    for listed in output::items(shown, "tool_set") {
        output::line(&format!("  {}", output::plain(listed.as_str().unwrap_or_default())))?;
    }
    Ok(())
}

/// Something that an MCP server lists, with its state where it is not simply pinned.
fn definition_line(kind: &str, it: &Value) -> Result<(), Failure> {
    let is_hidden = it.get("offered").and_then(Value::as_bool) == Some(false);
    let state = match output::text(it, "state").as_str() {
        _ if is_hidden => "[not offered] ".to_owned(),
        "" | "pinned" => String::new(),
        state => format!("[{state}] "),
    };
    let name = output::text(it, "name");
    let about = shortened(&output::first_line(it, "description"));
    Ok(output::line(format!("  {kind:<8} {name:<24} {state}{about}").trim_end())?)
}

pub(super) async fn tools(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let shown = client.get(&format!("/v1/servers/{}", segment(name))).await?;
    if as_json {
        let tools = shown.get("tool_details").cloned().unwrap_or_default();
        return Ok(output::json(&json!({ "tools": tools, "tool_set": shown.get("tool_set") }))?);
    }
    print_tools(&shown)
}

/// What stands between this server and a call that works. A server that speaks MCP is connected
/// to; a request to a REST API could have effects.
pub(super) async fn test(client: &AdminClient, name: &str, as_json: bool) -> Result<(), Failure> {
    let path = format!("/v1/servers/{}", segment(name));
    let shown = client.get(&path).await?;
    let grants = client.get("/v1/grants").await?;
    let mut problems = readiness(name, &shown, &grants);
    let mut listed = Value::Null;
    if output::text(&shown, "kind") == "mcp" {
        match client.send(Method::POST, &format!("{path}/test"), None).await {
            Ok(tested) => listed = tested,
            Err(failure) => problems.extend(failure.lines()),
        }
    }
    if as_json {
        let tested = json!({
            "ready": problems.is_empty(), "problems": problems, "listed": listed.get("listed"),
        });
        output::json(&tested)?;
    } else {
        for it in output::items(&listed, "listed") {
            definition_line(&output::text(it, "kind"), it)?;
        }
        if problems.is_empty() {
            output::line(&format!("{name} is ready for calls"))?;
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::definition(format!("{name} is not ready for calls"), problems))
}

fn readiness(name: &str, shown: &Value, grants: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let is_held = shown.get("quarantined").and_then(Value::as_bool) == Some(true);
    match output::text(shown, "problem") {
        // Its test says the same.
        problem if problem.is_empty() || is_held => {}
        problem => problems.push(format!("it does not load: {problem}")),
    }
    if shown.get("enabled").and_then(Value::as_bool) != Some(true) {
        problems.push(format!("it is disabled: `lanyard server enable {name}`"));
    }
    for secret in output::items(shown, "secrets") {
        let of = output::text(secret, "name");
        if secret.get("set").and_then(Value::as_bool) != Some(true) {
            problems.push(format!("secret://{of} is not set: `lanyard secret set {of}`"));
        }
        if output::text(secret, "origins").is_empty() {
            problems.push(format!("secret://{of} is bound to no origin"));
        }
    }
    let granted =
        output::items(grants, "grants").iter().any(|grant| output::text(grant, "server") == name);
    if !granted && output::items(shown, "tool_set").is_empty() {
        problems.push(format!("nobody may call it: `lanyard grant AGENT {name} --allow '*'`"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{list_row, milliseconds, process_line, seconds};

    #[test]
    fn numbers_for_people() {
        assert_eq!(seconds("2026-11-22T02:03:04.000005Z"), "2026-11-22T02:03:04Z");
        for (micros, expected) in [
            ("", "-"),
            ("0", "0.0"),
            ("49", "0.0"),
            ("50", "0.1"),
            ("1500", "1.5"),
            ("999999", "1000.0"),
        ] {
            assert_eq!(milliseconds(micros), expected, "{micros}");
        }
    }

    #[test]
    fn a_line_says_whose_process_it_is() {
        for (whom, expected) in [
            (json!({}), "7, the gateway's own, since 2026-11-22T02:03:04Z, running"),
            (json!({ "trial": true }), "7, a trial, since 2026-11-22T02:03:04Z, running"),
            (json!({ "agent": "ci" }), "7, for ci, since 2026-11-22T02:03:04Z, running"),
            (
                json!({ "agent": "ci", "user": "ann", "exit": "was ended by SIGKILL" }),
                "7, for ci and ann, since 2026-11-22T02:03:04Z, was ended by SIGKILL",
            ),
        ] {
            let mut process = whom;
            process["pid"] = json!(7);
            process["since"] = json!("2026-11-22T02:03:04.000005Z");
            assert_eq!(process_line(&process), expected);
        }
    }

    #[test]
    fn a_line_says_how_a_server_does() {
        let mcp = json!({
            "name": "git", "kind": "mcp", "transport": "stdio", "enabled": true, "tools": 3,
            "waiting": 1, "prefix": "git__", "secrets": [], "status": {
                "state": "backoff", "since": "2026-11-22T02:03:04.000005Z", "calls": 10,
                "p50_micros": 1500, "p99_micros": null, "last_error": "the server cannot be reached",
            },
        });
        assert_eq!(
            list_row(&mcp).join(" | "),
            "git | mcp stdio | backoff | 2026-11-22T02:03:04Z | 3 (1 waiting) | 10 | 1.5/- ms | git__ | the server cannot be reached"
        );
        let rest = json!({
            "name": "billing", "kind": "rest", "enabled": false, "tools": 2, "waiting": 0,
            "prefix": "billing__", "status": null, "secrets": [{ "name": "key", "set": false }],
        });
        assert_eq!(
            list_row(&rest).join(" | "),
            "billing | rest | disabled |  | 2 |  |  | billing__ | secret://key is not set"
        );
    }
}
