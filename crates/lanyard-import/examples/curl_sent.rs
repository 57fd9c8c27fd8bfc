//! What a call sends that is made with the values of a pasted curl line. `tests/outside/curl`
//! compares it with what curl itself sends.
//!
//! Standard input is a JSON list of lines; standard output has one JSON object for each: the request,
//! or the errors.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for a test")]

use std::io::Read as _;

use data_encoding::BASE64;
use lanyard_core::{Limits, Origin, SecretError, SecretName, SecretSource, Timestamp};
use lanyard_import::{ImportOptions, Imported, import_curl};
use lanyard_rest::{ParseOptions, RenderContext, Rendered, Schemas, parse};
use serde_json::{Map, Value, json};

struct Guard;

impl Schemas for Guard {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        lanyard_guard::check_schema(schema)
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        lanyard_guard::check_value(schema, value)
    }
}

/// The credentials that stood in the line.
struct Found<'a>(&'a Imported);

impl SecretSource for Found<'_> {
    fn expose(&self, name: &SecretName, _: &[Origin]) -> Result<&str, SecretError> {
        let found = self.0.secrets.iter().find(|secret| secret.name == *name);
        found.map(|secret| secret.value.expose()).ok_or_else(|| SecretError::Unset(name.clone()))
    }
}

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input is text");
    let lines: Vec<String> = serde_json::from_str(&text).expect("a list of lines");
    for line in lines {
        println!("{}", sent(&line));
    }
}

fn sent(line: &str) -> Value {
    let imported = match import_curl(line, &ImportOptions::default()) {
        Ok(imported) => imported,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return json!({ "errors": errors });
        }
    };
    match render(&imported) {
        Ok(request) => request,
        Err(problem) => json!({ "errors": [problem], "yaml": imported.draft.to_yaml() }),
    }
}

fn render(imported: &Imported) -> Result<Value, String> {
    let limits = Limits::standard();
    let options = ParseOptions {
        name: None,
        base_url: None,
        secrets: &[],
        secret_known: &|_| true,
        schemas: &Guard,
        limits: &limits,
        servers: &|_| None,
    };
    let parsed = parse("line.yaml", &imported.draft.to_yaml(), &options)
        .map_err(|problems| problems.first().map(ToString::to_string).unwrap_or_default())?;
    let draft = imported.draft.tools.first().ok_or("no tool")?;
    let tool = parsed.definition.tools.first().ok_or("no tool")?;
    let example = |schema: &Value| schema.get("examples").and_then(|all| all.get(0)).cloned();
    let arguments: Map<String, Value> = draft
        .args
        .iter()
        .filter_map(|arg| Some((arg.name.clone(), example(&arg.schema)?)))
        .collect();
    let withheld: Vec<&str> = draft
        .args
        .iter()
        .filter(|arg| !arguments.contains_key(&arg.name))
        .map(|arg| arg.wire_name.as_deref().unwrap_or(&arg.name))
        .collect();
    let context = RenderContext {
        secrets: &Found(imported),
        now: Timestamp(0),
        random: &|buffer| buffer.fill(7),
        client_ip: None,
        limits: &limits,
    };
    match tool.render(&arguments, &context).map_err(|error| error.to_string())? {
        Rendered::Direct(_) => Err("no request".to_owned()),
        Rendered::Request(plan) => Ok(json!({
            "method": plan.method,
            "origin": plan.origin.to_string(),
            "target": plan.target,
            "headers": plan.headers,
            "body": BASE64.encode(&plan.body),
            "withheld": withheld,
        })),
    }
}
