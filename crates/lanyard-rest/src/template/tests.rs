//! What every test of the engine shares, and the results of the original engine.

mod contexts;
mod functions;
mod language;
mod limits;
mod properties;
mod settings;

use std::net::{IpAddr, Ipv4Addr};

use lanyard_core::{Limits, SecretError, SecretName, Timestamp};
use serde_json::Value;

pub(super) use super::Context;
use super::{RESPONSE_VARIABLES, Template, TemplateEnv, TemplateFailure};

/// 2026-11-21T23:05:41Z.
const NOW: Timestamp = Timestamp(1_795_302_341_000_000);

/// The one secret of the tests; `secret://locked` cannot be opened.
const KEY: &str = "tst_key\"&/ ?";

fn resolve(reference: &str) -> Result<Option<String>, SecretError> {
    match reference {
        "secret://key" => Ok(Some(KEY.to_owned())),
        "secret://locked" => {
            Err(SecretError::Unset("locked".parse::<SecretName>().expect("a name")))
        }
        _ => Ok(None),
    }
}

fn render_value(
    template: &str,
    root: &Value,
    source: Option<&str>,
    context: Context,
    limits: &Limits,
) -> Result<String, String> {
    let template = Template::parse(template, limits, RESPONSE_VARIABLES).map_err(|errors| {
        let errors: Vec<String> =
            errors.iter().map(|error| format!("{}: {error}", error.offset)).collect();
        format!("parse {}", errors.join("; "))
    })?;
    let variables = [("status", Value::from(200)), ("args", serde_json::json!({"q": "x"}))];
    let env = TemplateEnv {
        now: NOW,
        random: &|bytes| bytes.fill(0xa5),
        client_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        limits,
        variables: &variables,
        resolve: &resolve,
        config_must_exist: true,
        source,
    };
    template.render(root, &env, context).map_err(|failure| match failure {
        TemplateFailure::Limit(name) => format!("limit {name}"),
        TemplateFailure::Secret(error) => format!("secret {error}"),
        TemplateFailure::MissingPath(path) => format!("missing {path}"),
        TemplateFailure::Failed(message) => message,
    })
}

/// Renders over data given as text, which may be no JSON at all.
fn render_text(template: &str, data: &str) -> Result<String, String> {
    render_in(Context::Plain, template, data)
}

fn render_in(context: Context, template: &str, data: &str) -> Result<String, String> {
    let root: Value = serde_json::from_str(data).map_err(|_| "the data is not JSON".to_owned())?;
    render_value(template, &root, Some(data), context, &Limits::standard())
}

/// A line of data: template, JSON, and the output or `!` and the failure.
#[track_caller]
pub(super) fn check(context: Context, data: &str, lines: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (template, expected) in lines {
        let actual = match render_in(context, template, data) {
            Ok(text) => text,
            Err(failure) => format!("!{failure}"),
        };
        if actual != *expected {
            wrong.push(format!("{template}\n   gives {actual:?}\n  wanted {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_original_gives_the_same_but_for_the_listed_differences() {
    let cases = include_str!("../../testdata/template-cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).expect("the cases are JSON");
    assert_eq!(cases.len(), 147);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |name: &str| case[name].as_str().map(str::to_owned);
        let template = text("template").expect("a template");
        let data = text("data").expect("data");
        let expected = if case.get("differs").is_some() { text("lanyard") } else { text("expect") };
        let actual = render_text(&template, &data);
        if actual.as_ref().ok() != expected.as_ref() {
            let id = text("id").expect("an id");
            wrong.push(format!("{id}: {template}\n   gives {actual:?}\n  wanted {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_template_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Template>();
}
