//! What `list` prints for people, in mcporter's layout. Pure.

use std::time::Duration;

use super::{ListArgs, Report};
use crate::agent::content::pretty;
use crate::agent::issue::{Answerer, Issue, IssueKind};
use crate::agent::signature::{comment, example, hides_some, signature};
use crate::agent::streams::Paint;
use crate::agent::target::Server;

/// The longest instructions that are printed, in characters.
const INSTRUCTIONS_CHARS_MAX: usize = 500;

/// The first line of a listing of every server.
pub(super) fn header(count: usize, timeout_ms: u64) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let seconds = seconds(timeout_ms);
    format!("lanyard {version} — Listing {count} server(s) (per-server timeout: {seconds}s)")
}

/// A server on one line.
pub(super) fn row(report: &Report, verbose: bool, paint: Paint) -> String {
    let server = &report.server;
    let about = server.description.as_ref().map(|about| paint.kind(&format!(" — {about}")));
    let state = match &report.outcome {
        Ok(listing) => match listing.tools.len() {
            0 => "no tools reported".to_owned(),
            count => tools(count),
        },
        Err(issue) => state(issue, server, paint),
    };
    let took = paint.kind(&format!("{:.1}s", report.duration.as_secs_f64()));
    let source =
        if verbose { format!(" [source: {} (primary)]", server.source) } else { String::new() };
    let name = paint.plain(&server.name);
    format!("- {name}{} ({state}, {took}){source}", about.unwrap_or_default())
}

fn state(issue: &Issue, server: &Server, paint: Paint) -> String {
    let text = match issue.kind {
        IssueKind::Auth => return paint.mark(&format!("auth required — {}", next_step(server))),
        IssueKind::Offline => "offline — unable to reach server".to_owned(),
        IssueKind::Denied => format!("denied — {}", issue.message),
        IssueKind::Timeout => format!("timeout — {}", issue.message),
        IssueKind::Http => {
            let status = issue.status_code.unwrap_or_default();
            let said = issue.message.strip_prefix(&format!("HTTP {status}")).unwrap_or_default();
            let said = said.trim_start_matches(": ");
            if said.is_empty() {
                format!("HTTP {status}")
            } else {
                format!("HTTP {status} — {said}")
            }
        }
        IssueKind::Usage | IssueKind::Other | IssueKind::Tool | IssueKind::Protocol => {
            issue.message.clone()
        }
    };
    paint.error(&text)
}

fn next_step(server: &Server) -> &'static str {
    match server.answerer {
        Answerer::Gateway => "LANYARD_TOKEN is missing, expired or revoked",
        Answerer::Server => "its entry needs a valid token",
    }
}

/// The last line of a listing of every server.
pub(super) fn footer(reports: &[Report]) -> String {
    let count = |wanted: &[IssueKind]| {
        let issues = reports.iter().filter_map(|report| report.outcome.as_ref().err());
        issues.filter(|issue| wanted.contains(&issue.kind)).count()
    };
    let errors = [IssueKind::Usage, IssueKind::Other, IssueKind::Tool, IssueKind::Protocol];
    let healthy = reports.iter().filter(|report| report.outcome.is_ok()).count();
    let mut parts = vec![format!("{healthy} healthy")];
    for (kinds, label) in [
        (&[IssueKind::Auth][..], "auth required"),
        (&[IssueKind::Offline], "offline"),
        (&[IssueKind::Http], "http errors"),
        (&errors, "errors"),
        (&[IssueKind::Denied], "denied"),
        (&[IssueKind::Timeout], "timed out"),
    ] {
        let count = count(kinds);
        if count > 0 {
            parts.push(format!("{count} {label}"));
        }
    }
    let plural = if reports.len() == 1 { "" } else { "s" };
    format!("✔ Listed {} server{plural} ({}).", reports.len(), parts.join("; "))
}

/// A server with its tools. The last line feed is left to the printing.
pub(super) fn server(report: &Report, args: &ListArgs, paint: Paint) -> String {
    let server = &report.server;
    let mut page = paint.bold(&server.name);
    if let Some(about) = &server.description {
        page.push_str(&format!(" - {}", paint.faint(about)));
    }
    page.push('\n');
    let Ok(listing) = &report.outcome else {
        page.push_str(&format!("{}\n", summary(report, args, paint)));
        return page;
    };
    if let Some(line) = listing.instructions.as_deref().and_then(instructions) {
        page.push_str(&format!("  {}\n", paint.faint(&line)));
    }
    page.push('\n');
    if listing.tools.is_empty() {
        page.push_str("  Tools: <none>\n");
    }
    for tool in &listing.tools {
        let comment = if args.brief { Vec::new() } else { comment(tool, paint) };
        for line in comment.iter().chain(&signature(tool, args.shown(), paint)) {
            page.push_str(&format!("  {line}\n"));
        }
        if args.schema && !args.brief && tool.input_schema.is_object() {
            for line in pretty(&tool.input_schema).lines() {
                page.push_str(&format!("      {line}\n"));
            }
        }
        page.push('\n');
    }
    if let Some(tool) = listing.tools.first().filter(|_| !args.brief) {
        let example = example(&server.name, tool, args.shown());
        page.push_str(&format!("  {}\n    {example}\n\n", paint.kind("Examples:")));
    }
    if listing.tools.iter().any(|tool| hides_some(tool, args.shown())) {
        let hint = "Optional parameters hidden; run with --all-parameters to view all fields.";
        page.push_str(&format!("  {}\n\n", paint.faint(hint)));
    }
    page.push_str(&format!("{}\n", summary(report, args, paint)));
    page
}

/// Why a server's tools could not be listed.
pub(super) fn reason(issue: &Issue, timeout_ms: u64) -> String {
    let tools = if issue.kind == IssueKind::Timeout {
        format!("<timed out after {timeout_ms}ms>")
    } else {
        "<unavailable>".to_owned()
    };
    format!("  Tools: {tools}\n  Reason: {}", issue.message)
}

fn summary(report: &Report, args: &ListArgs, paint: Paint) -> String {
    let tools = match &report.outcome {
        Ok(listing) => tools(listing.tools.len()),
        Err(_) => "tools unavailable".to_owned(),
    };
    let took = format!("{}ms", report.duration.as_millis());
    let parts = [tools, took, report.server.transport.clone()];
    let parts = parts.iter().map(|part| paint.faint(part)).collect::<Vec<_>>();
    let mut line = format!("  {}", parts.join(&paint.faint(" · ")));
    if args.verbose {
        line.push_str(&paint.faint(&format!(" · source: {} (primary)", report.server.source)));
    }
    line
}

fn tools(count: usize) -> String {
    if count == 1 { "1 tool".to_owned() } else { format!("{count} tools") }
}

fn instructions(text: &str) -> Option<String> {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = words.chars().take(INSTRUCTIONS_CHARS_MAX).collect::<String>();
    let more = if cut.len() < words.len() { "…" } else { "" };
    (!cut.is_empty()).then(|| format!("Instructions: {cut}{more}"))
}

/// Milliseconds as seconds: `30`, `1.5`.
fn seconds(millis: u64) -> String {
    Duration::from_millis(millis).as_secs_f64().to_string()
}
