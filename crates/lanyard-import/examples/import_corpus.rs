//! Imports one description and says what came of it, as one JSON object on a line: for
//! `tests/outside/openapi`, which runs it over public descriptions. `--yaml` prints the definition
//! instead, `--notes` what could not be expressed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Instant;

use lanyard_core::Limits;
use lanyard_import::{Draft, Import, OpenApiOptions, Severity, import_openapi};
use lanyard_rest::{ParseOptions, Schemas, parse};
use serde_json::{Value, json};

/// Where requests go if a description does not say: no such host exists.
const NOWHERE: &str = "https://api.invalid";

struct Guard;

impl Schemas for Guard {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        lanyard_guard::check_schema(schema)
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        lanyard_guard::check_value(schema, value)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let shows = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let file = arguments.iter().find(|argument| !argument.starts_with("--"));
    let file = file.ok_or("usage: import_corpus [--yaml | --notes] FILE")?;
    let text = std::fs::read_to_string(file)?;
    let limits = Limits::standard();
    let bytes_max = usize::try_from(limits.definition_bytes_max)?;
    let options = OpenApiOptions { deprecated: true, ..OpenApiOptions::new(&Guard, bytes_max) };
    let mut out = std::io::stdout().lock();
    let began = Instant::now();
    let imported = match import_openapi(&text, &options) {
        Ok(imported) => imported,
        Err(error) => {
            writeln!(out, "{}", json!({ "refused": error.to_string(), "bytes": text.len() }))?;
            return Ok(());
        }
    };
    let import_ms = began.elapsed().as_millis();
    let yaml = imported.draft.to_yaml();
    if shows("--yaml") {
        return Ok(out.write_all(yaml.as_bytes())?);
    }
    if shows("--notes") {
        for note in &imported.notes {
            writeln!(out, "{note}")?;
        }
        return Ok(());
    }
    let peak_kb = peak_kb();
    let mut report = summary(imported, &yaml, &limits);
    let all_ms = began.elapsed().as_millis();
    let whole = json!({
        "bytes": text.len(), "importMs": import_ms, "allMs": all_ms, "peakKb": peak_kb,
    });
    if let (Value::Object(report), Value::Object(whole)) = (&mut report, whole) {
        report.extend(whole);
    }
    writeln!(out, "{report}")?;
    Ok(())
}

/// The most memory that this process has had.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    peak.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

fn summary(mut imported: Import, yaml: &str, limits: &Limits) -> Value {
    let counts = imported.counts;
    let severity =
        |wanted: Severity| imported.notes.iter().filter(|n| n.severity == wanted).count();
    let mut problems: Vec<String> = Vec::new();
    let mut names = BTreeSet::new();
    let fits = u64::try_from(yaml.len()).is_ok_and(|size| size <= limits.definition_bytes_max);
    // One that is too large says so, and is read in parts.
    let together = if fits { counts.tools.max(1) } else { 100 };
    let tools = std::mem::take(&mut imported.draft.tools);
    let parts = tools.chunks(together);
    let read: usize = parts
        .map(|tools| {
            let part = Draft { tools: tools.to_vec(), ..imported.draft.clone() };
            judge(&part, limits, &mut names, &mut problems)
        })
        .sum();
    if read != counts.tools {
        problems.push("not every tool of the draft is read".to_owned());
    }
    json!({
        "operations": counts.operations,
        "tools": counts.tools,
        "skipped": counts.skipped,
        "info": severity(Severity::Info),
        "warnings": severity(Severity::Warning),
        "outputSchemas": tools.iter().filter(|t| t.output_schema.is_some()).count(),
        "yamlBytes": yaml.len(),
        "problems": problems,
    })
}

/// Holds a draft against the reader of definitions; how many tools were read.
fn judge(
    draft: &Draft,
    limits: &Limits,
    names: &mut BTreeSet<String>,
    problems: &mut Vec<String>,
) -> usize {
    let options = ParseOptions {
        name: None,
        base_url: draft.base_url.is_none().then_some(NOWHERE),
        secrets: &[],
        secret_known: &|_| true,
        schemas: &Guard,
        limits,
        servers: &|_| None,
    };
    match parse("draft.yaml", &draft.to_yaml(), &options) {
        Ok(parsed) => {
            for tool in &parsed.definition.tools {
                if let Err(reason) = lanyard_guard::check_schema(&tool.input_schema) {
                    problems.push(format!("{}: {reason}", tool.name));
                }
                if !names
                    .insert(tool.name.as_str().replace(['_', '-', '.', '/'], "").to_lowercase())
                {
                    problems.push(format!("{}: the name stands twice", tool.name));
                }
            }
            parsed.definition.tools.len()
        }
        Err(refused) => {
            problems.extend(refused.iter().take(5).map(ToString::to_string));
            0
        }
    }
}
