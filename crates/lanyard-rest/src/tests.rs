//! The crate from outside: files, calls and answers as lines of data. What knows the API is in
//! this file; the cases are in the files below it.

mod bad;
mod examples;
mod format;
mod hostile;
mod property;
mod proxy;
mod secrets;
mod shapes;
mod traps;
mod urls;

use std::cell::Cell;

use lanyard_core::{
    Limits, Origin, SecretError, SecretName, SecretSource, ServerName, Timestamp, ToolName,
};
use serde_json::{Map, Value};

use crate::{
    Content, ParseOptions, Parsed, Problem, RenderContext, RenderError, Rendered, RequestPlan,
    Schemas, SetTools, Tool, ToolResult, UpstreamAnswer, parse,
};

/// A judge of schemas that knows types, enums, lengths and nothing else.
struct FewSchemas;

impl Schemas for FewSchemas {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        match schema.get("type").map(|kind| kind.as_str()) {
            None | Some(Some("string" | "number" | "integer" | "boolean" | "array" | "object")) => {
            }
            Some(_) => return Err("`type` is not a type".to_owned()),
        }
        match schema.get("minimum") {
            Some(Value::String(_)) => Err("`minimum` is not a number".to_owned()),
            _ => Ok(()),
        }
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let fits = match schema.get("type").and_then(Value::as_str) {
            Some("string") => value.is_string(),
            Some("integer" | "number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        };
        if !fits {
            return Err("it is of another type".to_owned());
        }
        match schema.get("enum").and_then(Value::as_array) {
            Some(values) if !values.contains(value) => Err("it is none of the enum".to_owned()),
            _ => Ok(()),
        }
    }
}

/// What a test parses with.
#[derive(Default)]
struct Options<'a> {
    name: Option<&'a str>,
    base_url: Option<&'a str>,
    bindings: &'a [(&'a str, &'a str)],
}

impl Options<'_> {
    fn parse(&self, text: &str) -> Result<Parsed, Vec<Problem>> {
        let name = self.name.map(|name| ServerName::parse(name).unwrap());
        let bindings: Vec<(String, SecretName)> = self
            .bindings
            .iter()
            .map(|(key, secret)| ((*key).to_owned(), SecretName::parse(secret).unwrap()))
            .collect();
        let limits = Limits::standard();
        let options = ParseOptions {
            name: name.as_ref(),
            base_url: self.base_url,
            secrets: &bindings,
            secret_known: &|name| !name.as_str().starts_with("no-"),
            schemas: &FewSchemas,
            limits: &limits,
            servers: &|server| match server.as_str() {
                "tickets" => Some(SetTools::These(vec![
                    ToolName::parse("search_tickets").unwrap(),
                    ToolName::parse("add_comment").unwrap(),
                ])),
                "wiki" => Some(SetTools::These(vec![ToolName::parse("find_page").unwrap()])),
                "live" => Some(SetTools::Any),
                _ => None,
            },
        };
        parse("api.yaml", text, &options)
    }
}

fn lines(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.push(String::new());
    lines.join("\n")
}

#[track_caller]
fn parsed(text: &str) -> Parsed {
    match Options::default().parse(text) {
        Ok(parsed) => parsed,
        Err(problems) => panic!("refused:\n{}", lines(&problems)),
    }
}

/// The secrets of a call: each has the value `tst_NAME`, except for those that tell otherwise by
/// their name.
struct TestSecrets;

impl SecretSource for TestSecrets {
    fn expose(&self, name: &SecretName, origins: &[Origin]) -> Result<&str, SecretError> {
        assert!(!origins.is_empty(), "a secret is always asked for with its origin");
        match name.as_str() {
            "pair" => Ok("user:tst_pass"),
            "prefixed" => Ok("Bearer tst_token"),
            "broken" => Ok("tst_a\r\nX-Evil: 1"),
            "odd" => Ok("a|b&c\\d\"e f"),
            "empty" => Ok(""),
            "unset" => Err(SecretError::Unset(name.clone())),
            "elsewhere" => Err(SecretError::Origin(name.clone())),
            _ => Ok("tst_key&=+"),
        }
    }
}

fn with_context<T>(run: impl FnOnce(&RenderContext<'_>) -> T) -> T {
    let limits = Limits::standard();
    let drawn = Cell::new(0_u8);
    let random = |buffer: &mut [u8]| {
        for byte in buffer {
            *byte = drawn.get();
            drawn.set(drawn.get().wrapping_add(1));
        }
    };
    run(&RenderContext {
        secrets: &TestSecrets,
        now: Timestamp(1_795_302_341_000_000),
        random: &random,
        client_ip: None,
        limits: &limits,
    })
}

#[track_caller]
fn tool<'a>(parsed: &'a Parsed, name: &str) -> &'a Tool {
    let tools = &parsed.definition.tools;
    tools.iter().find(|tool| tool.name.as_str() == name).unwrap_or_else(|| panic!("no tool {name}"))
}

fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

/// Arguments as the gateway hands them on: with their defaults.
fn cleared(tool: &Tool, json: &str) -> Map<String, Value> {
    let mut arguments = object(json);
    for (name, schema) in tool.input_schema["properties"].as_object().unwrap() {
        if let (false, Some(default)) = (arguments.contains_key(name), schema.get("default")) {
            arguments.insert(name.clone(), default.clone());
        }
    }
    arguments
}

fn render(parsed: &Parsed, name: &str, arguments: &str) -> Result<Rendered, RenderError> {
    let tool = tool(parsed, name);
    with_context(|context| tool.render(&cleared(tool, arguments), context))
}

fn request_text(plan: &RequestPlan) -> String {
    let mut out = format!("{} {} {}\n", plan.method, plan.origin, plan.target);
    for (name, value) in &plan.headers {
        // Sent with every request, and told by its own test.
        if (name.as_str(), value.as_str()) != ("Accept", "*/*") && name != "User-Agent" {
            out.push_str(&format!("{name}: {value}\n"));
        }
    }
    if !plan.body.is_empty() {
        out.push_str(&format!("\n{}\n", String::from_utf8_lossy(&plan.body)));
    }
    out
}

fn result_text(result: &ToolResult) -> String {
    let mut out = String::new();
    if result.is_error {
        out.push_str("isError\n");
    }
    for content in &result.content {
        match content {
            Content::Text(text) => out.push_str(&format!("{text}\n")),
            Content::Image { data_base64, mime } => {
                out.push_str(&format!("image {mime} {data_base64}\n"));
            }
        }
    }
    if let Some(structured) = &result.structured {
        out.push_str(&format!("structured {structured}\n"));
    }
    out
}

/// The request of a call, or what is said instead.
fn sent(parsed: &Parsed, name: &str, arguments: &str) -> String {
    match render(parsed, name, arguments) {
        Ok(Rendered::Request(plan)) => request_text(&plan),
        Ok(Rendered::Direct(result)) => result_text(&result),
        Err(error) => format!("refused: {error}\n"),
    }
}

/// The result of a call that was answered so.
fn shaped(
    parsed: &Parsed,
    name: &str,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let tool = tool(parsed, name);
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let answer = UpstreamAnswer { status, headers: &headers, body };
    let arguments = cleared(tool, "{}");
    with_context(|context| match tool.shape(&arguments, &answer, context) {
        Ok(result) => result_text(&result),
        Err(error) => format!("failed: {error}\n"),
    })
}

/// Runs every case of a file under `testdata` and compares the whole file. A case is a line
/// `=== title`, its input, a line `>>>` and what comes of it. `UPDATE_EXPECT=1` writes the file
/// anew.
#[track_caller]
fn golden(file: &str, run: impl Fn(&str) -> String) -> usize {
    let path = format!("{}/testdata/{file}", env!("CARGO_MANIFEST_DIR"));
    let before = std::fs::read_to_string(&path).unwrap();
    let mut after = String::new();
    let cases: Vec<&str> = before.split("=== ").skip(1).collect();
    for case in &cases {
        let (input, _) = case.split_once("\n>>>\n").unwrap_or((case.trim_end(), ""));
        let (title, input) = input.split_once('\n').unwrap();
        // Line ends of HTTP are told from those of the file.
        let result = run(input).replace('\r', "\\r");
        after.push_str(&format!("=== {title}\n{input}\n>>>\n{}\n\n", result.trim_end()));
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut out = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut out, after.as_bytes()).unwrap();
    } else {
        expect_test::expect_file![path].assert_eq(&after);
    }
    cases.len()
}
