//! `lanyard server render`: what a call would send, without a gateway and without sending it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use lanyard_core::{Clock as _, Limits, Origin, SecretError, SecretName, SecretSource};
use lanyard_guard::ArgumentSchema;
use lanyard_rest::{
    Content, ParseOptions, Problem, RenderContext, RenderError, Rendered, RequestPlan, Tool,
    ToolResult, UpstreamAnswer, parse,
};
use serde_json::{Map, Value, json};

use super::key_value;
use super::server::read_definition;
use crate::clock::SystemClock;
use crate::failure::Failure;
use crate::output;
use crate::schemas::GuardSchemas;

/// What stands for a key in what is printed.
const MASK: &str = "********";

const EXAMPLES: &str = "Examples:
  lanyard server render billing.yaml get_invoice number=INV-7
  lanyard server render billing.yaml get_invoice number=INV-7 --secret BillingKey=secret://k
  lanyard server render billing.yaml get_invoice number=INV-7 --response answer.json
      shows the text that an agent would get for this answer

Values are read as JSON where the tool's schema wants something else than text. Nothing is sent,
no gateway is asked, and keys are shown as ********.";

/// Show the request that a call would send; nothing is sent.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RenderArgs {
    /// The definition; `-` reads stdin
    file: PathBuf,
    /// The tool
    tool: String,
    /// Arguments
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    arguments: Vec<(String, String)>,
    /// Shape this file as if it were the server's answer (status 200, JSON), and print the text
    #[arg(long, value_name = "FILE")]
    response: Option<PathBuf>,
    /// A secret for a key of server.config or a security scheme, as for `server add`; repeatable
    #[arg(long, value_name = "PARAM=secret://NAME", value_parser = key_value)]
    secret: Vec<(String, String)>,
    /// What path-only URLs of the definition start with
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Keys that nobody sees.
struct Masked;

impl SecretSource for Masked {
    fn expose(&self, _name: &SecretName, _origins: &[Origin]) -> Result<&str, SecretError> {
        Ok(MASK)
    }
}

pub(super) fn render(args: &RenderArgs) -> Result<(), Failure> {
    let limits = Limits::standard();
    let tool = tool(args, &limits)?;
    let given = arguments(&args.arguments, &tool.input_schema).to_string();
    let schema = ArgumentSchema::compile(&tool.input_schema)
        .map_err(|error| Failure::other(error.to_string()))?;
    let cleared =
        schema.clear(Some(&given)).map_err(|denial| Failure::usage(denial.to_string()))?;
    let random = |bytes: &mut [u8]| {
        if lanyard_vault::fill_random(bytes).is_err() {
            tracing::warn!("The system gave no random bytes.");
        }
    };
    let context = RenderContext {
        secrets: &Masked,
        now: SystemClock.now(),
        random: &random,
        client_ip: None,
        limits: &limits,
    };
    let text = |error: RenderError| Failure::other(error.to_string());
    let Some(path) = &args.response else {
        return match tool.render(cleared.arguments(), &context).map_err(text)? {
            Rendered::Direct(result) => print_result(&result, args.json),
            Rendered::Request(plan) => print_request(&plan, args.json),
        };
    };
    let body = std::fs::read(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let answer = UpstreamAnswer { status: 200, headers: &headers, body: &body };
    let shaped = tool.shape(cleared.arguments(), &answer, &context).map_err(text)?;
    print_result(&shaped, args.json)
}

/// The tool that is asked for, of the file that is given.
fn tool(args: &RenderArgs, limits: &Limits) -> Result<Tool, Failure> {
    let (file, source) = read_definition(&args.file)?;
    let secrets = args
        .secret
        .iter()
        .map(|(parameter, name)| {
            let name = SecretName::from_reference(name).unwrap_or_else(|| SecretName::parse(name));
            name.map(|name| (parameter.clone(), name))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let options = ParseOptions {
        name: None,
        base_url: args.base_url.as_deref(),
        secrets: &secrets,
        secret_known: &|_| true,
        schemas: &GuardSchemas,
        limits,
        servers: &|_| None,
    };
    let parsed = parse(&file, &source, &options).map_err(|problems| {
        let lines = problems.iter().map(Problem::to_string).collect();
        Failure::definition("the definition cannot be used", lines)
    })?;
    let tools = parsed.definition.tools;
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let unknown = format!("{file} has no tool `{}`; it has: {}", args.tool, names.join(", "));
    tools
        .into_iter()
        .find(|tool| tool.name.as_str() == args.tool)
        .ok_or_else(|| Failure::usage(unknown))
}

/// Arguments as the schema wants them: text for strings, JSON for anything else.
fn arguments(pairs: &[(String, String)], schema: &Value) -> Value {
    let mut all = Map::new();
    let properties: BTreeMap<&str, &Value> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|it| it.iter().map(|(name, schema)| (name.as_str(), schema)).collect())
        .unwrap_or_default();
    for (name, text) in pairs {
        let kind = properties.get(name.as_str()).and_then(|it| it.get("type"));
        let wants_text = kind.and_then(Value::as_str) == Some("string");
        let value = match serde_json::from_str::<Value>(text) {
            Ok(value) if !wants_text => value,
            Ok(_) | Err(_) => Value::String(text.clone()),
        };
        all.insert(name.clone(), value);
    }
    Value::Object(all)
}

fn print_request(plan: &RequestPlan, as_json: bool) -> Result<(), Failure> {
    let body = String::from_utf8_lossy(&plan.body);
    if as_json {
        let headers: Vec<Value> =
            plan.headers.iter().map(|(name, value)| json!([name, value])).collect();
        return Ok(output::json(&json!({
            "method": plan.method,
            "url": format!("{}{}", plan.origin, plan.target),
            "headers": headers,
            "body": body,
        }))?);
    }
    output::line(&format!("{} {}{}", plan.method, plan.origin, plan.target))?;
    for (name, value) in &plan.headers {
        output::line(&format!("{name}: {value}"))?;
    }
    if !plan.body.is_empty() {
        output::line("")?;
        output::line(&body)?;
    }
    Ok(())
}

fn print_result(result: &ToolResult, as_json: bool) -> Result<(), Failure> {
    let texts = result.content.iter().map(|content| match content {
        Content::Text(text) => text.clone(),
        Content::Image { data_base64, mime } => {
            format!("[image {mime}, {} base64 characters]", data_base64.len())
        }
    });
    if as_json {
        return Ok(output::json(&json!({
            "content": texts.collect::<Vec<_>>(),
            "structured": result.structured,
            "is_error": result.is_error,
        }))?);
    }
    for text in texts {
        output::line(&text)?;
    }
    Ok(())
}
