//! What the program logs, and how: to stderr, never a secret.

use std::io;

use tracing_subscriber::EnvFilter;

use super::Cli;
use crate::config::Environment;
use crate::output;

/// Starts logging as the command line says, else `LANYARD_LOG`, else warnings and worse.
pub(crate) fn start(cli: &Cli, environment: &Environment) {
    let wanted = cli.log.as_deref().or_else(|| environment.get("LANYARD_LOG")).unwrap_or("warn");
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        output::notice(&format!("--log {wanted}: {error}; warnings are logged"));
        EnvFilter::new("warn")
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if cli.log_format.as_deref() == Some("json") {
        subscriber.json().try_init()
    } else {
        subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init()
    };
    if started.is_err() {
        output::notice("logging was started twice");
    }
}
