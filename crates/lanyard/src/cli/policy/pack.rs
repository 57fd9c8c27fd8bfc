//! `lanyard policy pack`: ready policies, filled in and printed.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::key_value;
use crate::failure::Failure;
use crate::{output, packs};

const EXAMPLES: &str = "Examples:
  lanyard policy pack list
  lanyard policy pack show path-under-root
  lanyard policy pack show path-under-root tool=files/read_file root=/srv/data >> team.cedar
  lanyard policy check team.cedar && lanyard policy apply team.cedar";

/// Ready policies: fill in, look at, apply. See docs/policy-packs.md.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum PackCommand {
    /// List them with what they take
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one, its values filled in; as it stands where none are given
    #[command(after_help = EXAMPLES)]
    Show {
        /// The pack
        name: String,
        /// What is filled in
        #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
        values: Vec<(String, String)>,
    },
}

pub(super) fn run(command: PackCommand) -> Result<(), Failure> {
    match command {
        PackCommand::List { json: true } => {
            let pack = |it: &packs::Pack| json!({ "name": it.name, "about": it.about, "takes": it.usage() });
            let listed: Vec<Value> = packs::PACKS.iter().map(pack).collect();
            Ok(output::json(&json!({ "packs": listed }))?)
        }
        PackCommand::List { json: false } => {
            let row = |it: &packs::Pack| vec![it.name.to_owned(), it.about.to_owned(), it.usage()];
            let rows: Vec<_> = packs::PACKS.iter().map(row).collect();
            Ok(output::line(&output::table(&["PACK", "WHAT", "TAKES"], &rows))?)
        }
        PackCommand::Show { name, values } => {
            let pack = packs::find(&name).map_err(Failure::usage)?;
            if values.is_empty() && pack.parameters.iter().any(|it| it.default.is_none()) {
                output::notice(&format!("it takes: {}", pack.usage()));
                return Ok(output::line(pack.text.trim_end())?);
            }
            let text = pack.fill(&BTreeMap::from_iter(values)).map_err(Failure::usage)?;
            Ok(output::line(text.trim_end())?)
        }
    }
}
