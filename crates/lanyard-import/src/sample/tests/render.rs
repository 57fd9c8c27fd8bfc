//! A call with the pasted values sends the pasted request: through the sample, the draft, its YAML
//! and the reader of definitions.

use std::collections::BTreeMap;

use lanyard_core::{Limits, Origin, SecretError, SecretName, SecretSource, Timestamp};
use lanyard_rest::{RenderContext, Rendered, RequestPlan};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::generate::{Login, Made, MadeBody, made};
use crate::tests::accepted;
use crate::{DraftTool, ImportOptions, Imported, PastedValues, import_curl};

/// The secrets that an import found.
struct Found<'a>(&'a Imported);

impl SecretSource for Found<'_> {
    fn expose(&self, name: &SecretName, _: &[Origin]) -> Result<&str, SecretError> {
        let found = self.0.secrets.iter().find(|secret| secret.name == *name);
        found.map(|secret| secret.value.expose()).ok_or_else(|| SecretError::Unset(name.clone()))
    }
}

/// The pasted values: the first example of each argument.
pub(super) fn examples(tool: &DraftTool) -> Map<String, Value> {
    let example = |schema: &Value| schema.get("examples").and_then(|all| all.get(0)).cloned();
    tool.args.iter().filter_map(|arg| Some((arg.name.clone(), example(&arg.schema)?))).collect()
}

/// The request of a call of the only tool.
pub(super) fn sent(imported: &Imported, arguments: &Map<String, Value>) -> RequestPlan {
    let yaml = imported.draft.to_yaml();
    let parsed = accepted(&yaml);
    let limits = Limits::standard();
    let context = RenderContext {
        secrets: &Found(imported),
        now: Timestamp(1_795_302_341_000_000),
        random: &|buffer| buffer.fill(7),
        client_ip: None,
        limits: &limits,
    };
    match parsed.definition.tools[0].render(arguments, &context) {
        Ok(Rendered::Request(plan)) => plan,
        other => panic!("{other:?}\n{yaml}"),
    }
}

fn decoded(text: &str, plus: bool) -> String {
    let spaced = if plus { text.replace('+', " ") } else { text.to_owned() };
    percent_encoding::percent_decode_str(&spaced).decode_utf8().unwrap().into_owned()
}

/// Pairs by their names: those of one name in their order.
type Pairs = BTreeMap<String, Vec<String>>;

fn pairs(text: &str) -> Pairs {
    let mut pairs = Pairs::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.entry(decoded(name, true)).or_default().push(decoded(value, true));
    }
    pairs
}

fn grouped(given: &[(String, String)]) -> Pairs {
    let mut pairs = Pairs::new();
    for (name, value) in given {
        pairs.entry(name.clone()).or_default().push(value.clone());
    }
    pairs
}

/// The parts of a multipart body.
fn parts(plan: &RequestPlan) -> Pairs {
    let content_type = header(plan, "content-type").unwrap();
    let boundary = content_type.split_once("boundary=").unwrap().1;
    let text = String::from_utf8(plan.body.clone()).unwrap();
    let mut parts = Pairs::new();
    for part in text.split(&format!("--{boundary}\r\n")).skip(1) {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let name = head.split_once("name=\"").unwrap().1.trim_end_matches('"');
        let content = content.split(&format!("\r\n--{boundary}--")).next().unwrap();
        let content = content.strip_suffix("\r\n").unwrap_or(content);
        parts.entry(name.replace("%22", "\"")).or_default().push(content.to_owned());
    }
    parts
}

fn header<'p>(plan: &'p RequestPlan, name: &str) -> Option<&'p str> {
    let mut headers = plan.headers.iter();
    headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Compares a request with what it was made of.
fn check(made: &Made, plan: &RequestPlan) -> Result<(), TestCaseError> {
    let (path, query) = plan.target.split_once('?').unwrap_or((&plan.target, ""));
    let segments: Vec<String> =
        path.split('/').skip(3).map(|segment| decoded(segment, false)).collect();
    prop_assert_eq!(&plan.method, made.method);
    prop_assert_eq!(plan.origin.to_string(), "https://api.example.com");
    prop_assert_eq!(&segments, &made.path);
    prop_assert_eq!(pairs(query), grouped(&made.query));
    let mut names: Vec<&str> = made.headers.iter().map(|(name, _)| *name).collect();
    names.dedup();
    for name in names {
        let values: Vec<&str> = made
            .headers
            .iter()
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value.as_str())
            .collect();
        let mut expected = values.join(", ");
        if name == "Accept" && header(plan, name) == Some(&format!("{expected}, x")) {
            expected.push_str(", x");
        }
        prop_assert_eq!(header(plan, name), Some(expected.as_str()));
    }
    match &made.login {
        Login::None => prop_assert_eq!(header(plan, "authorization"), None),
        Login::Bearer(token) => {
            let expected = format!("Bearer {token}");
            prop_assert_eq!(header(plan, "authorization"), Some(expected.as_str()));
        }
        Login::Basic(login) => {
            let value = header(plan, "authorization").unwrap_or_default();
            let encoded = value.strip_prefix("Basic ").unwrap_or_default();
            let decoded = data_encoding::BASE64.decode(encoded.as_bytes()).unwrap();
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), login.clone());
        }
        Login::Key(key) => prop_assert_eq!(header(plan, "x-api-key"), Some(key.as_str())),
    }
    let text = || String::from_utf8(plan.body.clone()).unwrap();
    match &made.body {
        MadeBody::None => prop_assert!(plan.body.is_empty()),
        MadeBody::Form(given) => {
            prop_assert_eq!(pairs(&text()), grouped(given));
            prop_assert_eq!(
                header(plan, "content-type"),
                Some("application/x-www-form-urlencoded")
            );
        }
        MadeBody::Json(value) => {
            let sent: Value = serde_json::from_str(&text()).unwrap();
            prop_assert_eq!(&sent, value);
            prop_assert!(header(plan, "content-type").unwrap().starts_with("application/json"));
        }
        MadeBody::Parts(given) => prop_assert_eq!(parts(plan), grouped(given)),
        MadeBody::Text(given) => {
            prop_assert_eq!(&text(), given);
            prop_assert_eq!(header(plan, "content-type"), Some("text/plain"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_call_with_the_pasted_values_sends_the_pasted_request(made in made()) {
        let line = made.line();
        let imported = import_curl(&line, &ImportOptions::default())
            .map_err(|errors| TestCaseError::fail(format!("{errors:?}\n{line}")))?;
        let tool = &imported.draft.tools[0];
        let arguments = examples(tool);
        for arg in tool.args.iter().filter(|arg| arg.required) {
            prop_assert!(arguments.contains_key(&arg.name), "{} has no example\n{}", arg.name, line);
        }
        let plan = sent(&imported, &arguments);
        check(&made, &plan).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{line}\n{}", imported.draft.to_yaml()))
        })?;
    }
}

#[test]
fn pasted_values_are_defaults_where_that_is_asked_for() {
    let options = ImportOptions { values: PastedValues::Defaults, ..ImportOptions::default() };
    let line = "curl 'https://api.example.com/v1/x/7?a=1' --json '{\"b\":[true]}'";
    let imported = import_curl(line, &ImportOptions { path_ids: true, ..options }).unwrap();
    let args = &imported.draft.tools[0].args;
    let told: Vec<(&str, bool, Option<&Value>)> = args
        .iter()
        .map(|arg| (arg.name.as_str(), arg.required, arg.schema.get("default")))
        .collect();
    let (seven, one, list) = (json!(7), json!(1), json!([true]));
    assert_eq!(
        told,
        [("x_id", false, Some(&seven)), ("a", false, Some(&one)), ("b", false, Some(&list))]
    );
    accepted(&imported.draft.to_yaml());
}
