//! Imports one description and says what came of it, as one JSON object on a line: for
//! `tests/outside/openapi`, which runs it over public descriptions. `--yaml` prints the definition
//! instead, `--notes` what could not be expressed.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Instant;

use lanyard_core::Limits;
use lanyard_import::{Import, OpenApiOptions, Severity, import_openapi};
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
    let mut report = summary(&imported, &yaml, &limits);
    let whole =
        json!({ "bytes": text.len(), "importMs": import_ms, "allMs": began.elapsed().as_millis() });
    if let (Value::Object(report), Value::Object(whole)) = (&mut report, whole) {
        report.extend(whole);
    }
    writeln!(out, "{report}")?;
    Ok(())
}

fn summary(imported: &Import, yaml: &str, limits: &Limits) -> Value {
    let options = ParseOptions {
        name: None,
        base_url: imported.draft.base_url.is_none().then_some(NOWHERE),
        secrets: &[],
        secret_known: &|_| true,
        schemas: &Guard,
        limits,
        servers: &|_| None,
    };
    let counts = imported.counts;
    let severity =
        |wanted: Severity| imported.notes.iter().filter(|n| n.severity == wanted).count();
    let mut problems: Vec<String> = Vec::new();
    let mut warnings = 0;
    match parse("draft.yaml", yaml, &options) {
        Ok(parsed) => {
            warnings = parsed.warnings.len();
            let mut names = BTreeSet::new();
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
            if parsed.definition.tools.len() != counts.tools {
                problems.push("not every tool of the draft is read".to_owned());
            }
        }
        Err(refused) => problems.extend(refused.iter().take(5).map(ToString::to_string)),
    }
    json!({
        "operations": counts.operations,
        "tools": counts.tools,
        "skipped": counts.skipped,
        "info": severity(Severity::Info),
        "warnings": severity(Severity::Warning),
        "readerWarnings": warnings,
        "outputSchemas": imported.draft.tools.iter().filter(|t| t.output_schema.is_some()).count(),
        "yamlBytes": yaml.len(),
        "problems": problems,
    })
}
