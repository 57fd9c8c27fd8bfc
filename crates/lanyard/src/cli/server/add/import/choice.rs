//! What is chosen of a description, and kept for the next time.

use std::path::{Path, PathBuf};

use clap::Args;
use lanyard_import::{DraftTool, Filter, Patch, tool_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::again::Standing;
use crate::cli::key_value;
use crate::failure::Failure;
use crate::output;

/// What is chosen of a description. Kept beside the server: importing again chooses the same,
/// unless it is said anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Import")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that stands for itself")]
pub(crate) struct Choice {
    /// Only what fits: tag:NAME, path:/GLOB, method:NAME, id:GLOB; `*` stands for anything, in a
    /// path up to `/`, `**` beyond; repeatable
    #[arg(long, value_name = "FILTER", requires = "import", value_parser = filter)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<String>,
    /// Nothing that fits; repeatable
    #[arg(long, value_name = "FILTER", requires = "import", value_parser = filter)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<String>,
    /// Only what reads: GET and HEAD
    #[arg(long, requires = "import")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) read_only: bool,
    /// What is deprecated too
    #[arg(long, requires = "openapi", conflicts_with = "samples")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) deprecated: bool,
    /// Another name for a tool: an operationId, or 'GET /path', and the name; repeatable
    #[arg(long, value_name = "OPERATION=NAME", requires = "openapi", conflicts_with = "samples", value_parser = renamed)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rename: Vec<(String, String)>,
    /// Which of several servers of the description: its number, or a part of its URL or description
    #[arg(long, value_name = "WHICH", requires = "openapi", conflicts_with = "samples")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_server: Option<String>,
    /// The value of a variable in its URL; repeatable
    #[arg(long, value_name = "KEY=TEXT", requires = "openapi", conflicts_with = "samples", value_parser = key_value)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) api_variable: Vec<(String, String)>,
    /// Do not hold answers against what the description says of them
    #[arg(long, requires = "openapi", conflicts_with = "samples")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) no_output_schemas: bool,
    /// Say in words before each answer what its members mean
    #[arg(long, requires = "openapi", conflicts_with = "samples")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) explain_answers: bool,
    /// Change every tool as this file says: the template files of Higress' converter
    #[arg(long, value_name = "FILE", requires = "import")]
    #[serde(skip)]
    template: Option<PathBuf>,
    /// The text of that file.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    template_text: Option<String>,
    /// Which origin of the collection or recording
    #[arg(long, value_name = "ORIGIN", requires = "samples", conflicts_with_all = ["openapi", "curl"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<String>,
    /// The tool's name [default: made of method and path]
    #[arg(long, value_name = "NAME", requires = "curl", conflicts_with_all = ["openapi", "postman", "har"])]
    #[serde(skip)]
    pub(super) tool: Option<String>,
    /// Numbers and UUIDs in paths become arguments
    #[arg(long, requires = "samples", conflicts_with = "openapi")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) path_ids: bool,
    /// Pasted values are defaults instead of examples, and no argument is required
    #[arg(long, requires = "samples", conflicts_with = "openapi")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) defaults: bool,
    /// What requests start with, as `--base-url` says it.
    #[arg(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base_url: Option<String>,
}

fn read_template(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("--template {}: {error}", path.display())))
}

/// A new name as it will be: a name that has to be changed is not the one that was wanted.
fn renamed(text: &str) -> Result<(String, String), String> {
    let (operation, name) = key_value(text)?;
    let usable = tool_name(&name);
    match usable == name {
        true => Ok((operation, name)),
        false => Err(format!("`{name}` is no name of a tool; `{usable}` would be one")),
    }
}

fn filter(text: &str) -> Result<String, String> {
    Filter::parse(text).map(|_| text.to_owned())
}

impl Choice {
    /// What is chosen now, on top of what was chosen before.
    pub(super) fn or_before(
        &self,
        base_url: Option<&str>,
        standing: Option<&Standing>,
        format: &str,
    ) -> Result<Self, Failure> {
        let template_text = self.template.as_deref().map(read_template).transpose()?;
        let base_url = base_url.map(str::to_owned);
        let now = Self { base_url, template_text, ..self.clone() };
        let before = standing.and_then(|it| it.imported.as_ref());
        let Some(before) = before.filter(|it| it.format == format) else { return Ok(now) };
        let before: Self = serde_json::from_value(before.options.clone()).map_err(|_| {
            Failure::other("what was chosen before cannot be read; say it anew with --replace")
        })?;
        if before == Self::default() {
            return Ok(now);
        }
        let mut shown = before.to_json();
        if let Some(text) = shown.get_mut("template_text") {
            *text = Value::from("...");
        }
        output::notice(&format!("chosen before, and still: {shown} (--replace chooses anew)"));
        Ok(now.after(before))
    }

    /// What is chosen, and of what nothing is said what was chosen before: else a word on one thing
    /// would let in what another keeps out.
    fn after(self, before: Self) -> Self {
        let list = |now: Vec<String>, before| if now.is_empty() { before } else { now };
        let pairs = |now: Vec<(String, String)>, before| if now.is_empty() { before } else { now };
        Self {
            include: list(self.include, before.include),
            exclude: list(self.exclude, before.exclude),
            read_only: self.read_only || before.read_only,
            deprecated: self.deprecated || before.deprecated,
            rename: pairs(self.rename, before.rename),
            api_server: self.api_server.or(before.api_server),
            api_variable: pairs(self.api_variable, before.api_variable),
            no_output_schemas: self.no_output_schemas || before.no_output_schemas,
            explain_answers: self.explain_answers || before.explain_answers,
            template: self.template,
            template_text: self.template_text.or(before.template_text),
            origin: self.origin.or(before.origin),
            tool: self.tool,
            path_ids: self.path_ids || before.path_ids,
            defaults: self.defaults || before.defaults,
            base_url: self.base_url.or(before.base_url),
        }
    }

    /// What is changed of every tool.
    pub(super) fn patch(&self) -> Result<Option<Patch>, Failure> {
        let name = self.template.as_deref().map(|path| path.display().to_string());
        let name = name.unwrap_or_else(|| "the template of before".to_owned());
        let text = self.template_text.as_deref();
        text.map(|text| Patch::parse(&name, text).map_err(Failure::usage)).transpose()
    }

    pub(super) fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn includes(&self) -> Vec<Filter> {
        self.include.iter().filter_map(|text| Filter::parse(text).ok()).collect()
    }

    pub(super) fn excludes(&self) -> Vec<Filter> {
        self.exclude.iter().filter_map(|text| Filter::parse(text).ok()).collect()
    }

    /// Leaves out the tools that are not chosen, and gives the options that are about none.
    pub(super) fn retain(&self, tools: &mut Vec<DraftTool>) -> Vec<String> {
        let (include, exclude) = (self.includes(), self.excludes());
        let mut unfit = Vec::new();
        for (option, filters) in [("--include", &include), ("--exclude", &exclude)] {
            let fits = |filter: &Filter| tools.iter().any(|tool| filter.fits_tool(tool));
            let none = filters.iter().filter(|filter| !filter.may_fit_nothing() && !fits(filter));
            unfit.extend(none.map(|filter| format!("{option} {filter}")));
        }
        tools.retain(|tool| {
            let fits = |filters: &[Filter]| filters.iter().any(|filter| filter.fits_tool(tool));
            let reads = ["GET", "HEAD"].contains(&tool.method.as_str());
            (include.is_empty() || fits(&include)) && !fits(&exclude) && (reads || !self.read_only)
        });
        unfit
    }
}
