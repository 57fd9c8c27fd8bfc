//! The program: reads the command line and the environment, wires the parts, runs.
//!
//! INVARIANT: this crate knows everyone and nobody knows it.

mod admin_client;
mod agent;
mod cli;
mod clock;
mod config;
mod demo;
mod demo_api;
mod failure;
mod output;
mod packs;
mod prompt;
mod schemas;
mod up;
mod views;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::config::Environment;

fn main() -> ExitCode {
    let environment = Environment::read();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli::log::start(&cli, &environment);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::notice(&format!("no runtime: {error}"));
            return ExitCode::from(1);
        }
    };
    let code = runtime.block_on(cli::run(cli, &environment));
    ExitCode::from(code)
}

/// Help that was asked for goes to stdout and is a success; anything else is a usage error. The
/// parser would end with 2, which shells give a meaning of their own.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    tracing::trace!(printed = printed.is_ok(), "The command line was answered.");
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
