//! The secrets of a server as the command line names them: by reference, or by a value that comes
//! from stdin or the terminal and never stands on the command line.

use std::collections::BTreeMap;

use lanyard_core::SecretName;
use lanyard_core::spelling::words;

use super::AddArgs;
use crate::cli::secret::read_value;
use crate::failure::Failure;
use crate::prompt;

/// What stands for a value that is read.
const READ: &str = "-";

/// What names a secret begins with.
const REFERENCE: &str = "secret://";

/// The secrets that were named.
#[derive(Default)]
pub(super) struct Given {
    /// A parameter and the reference of its secret.
    pub(super) bindings: BTreeMap<String, String>,
    /// Values by the names of their secrets.
    pub(super) values: BTreeMap<String, String>,
}

impl Given {
    /// Reads what is read from stdin or the terminal.
    pub(super) fn read(args: &AddArgs) -> Result<Self, Failure> {
        let mut given = Self::default();
        let wanted = args.secret.iter().filter(|(_, text)| text == READ).count();
        if wanted > 0 && !prompt::is_attended() {
            let taken = args.yaml.as_ref().is_some_and(|file| file.as_os_str() == READ)
                || args.import.reads_stdin();
            if taken || wanted > 1 {
                return Err(Failure::usage(
                    "stdin can be read for one thing only; store the other with `lanyard secret set NAME` and write PARAM=secret://NAME",
                ));
            }
        }
        for (parameter, text) in &args.secret {
            if given.bindings.contains_key(parameter) {
                return Err(Failure::usage(format!("--secret {parameter} is given twice")));
            }
            if text != READ && !text.starts_with(REFERENCE) {
                // It may be the value itself, which is not to be shown again.
                return Err(Failure::usage(format!(
                    "--secret {parameter}: a value never stands on the command line, where every process of this machine reads it; write {parameter}=- to be asked for it, or {parameter}={REFERENCE}NAME for one that is stored"
                )));
            }
            if text == READ {
                let value = read_value(parameter)?;
                given.give(&args.name, parameter, value)?;
            } else {
                given.bindings.insert(parameter.clone(), text.clone());
            }
        }
        Ok(given)
    }

    /// A value for a parameter of a server: it becomes a secret of the two names.
    pub(super) fn give(
        &mut self,
        server: &str,
        parameter: &str,
        value: String,
    ) -> Result<(), Failure> {
        let name = secret_name(server, parameter)?;
        self.bindings.insert(parameter.to_owned(), name.reference());
        self.values.insert(name.as_str().to_owned(), value);
        Ok(())
    }
}

/// What a secret of a server's parameter is called: `billing-api-key`.
fn secret_name(server: &str, parameter: &str) -> Result<SecretName, Failure> {
    let all: Vec<String> = words(server).into_iter().chain(words(parameter)).collect();
    SecretName::parse(&all.join("-")).map_err(|error| {
        Failure::usage(format!(
            "--secret {parameter}=-: {error}; store it with `lanyard secret set NAME` and write {parameter}=secret://NAME"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::secret_name;

    #[test]
    fn secrets_are_called_after_server_and_parameter() {
        for (parameter, name) in [
            ("token", "billing-token"),
            ("X-API-Key", "billing-x-api-key"),
            ("apiKey", "billing-api-key"),
        ] {
            assert_eq!(secret_name("billing", parameter).unwrap().as_str(), name);
        }
        assert!(secret_name("billing", &"x".repeat(80)).is_err());
    }
}
