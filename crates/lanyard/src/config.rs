//! Reads the environment, once, and decides where things are.
//!
//! INVARIANT: nobody else reads an environment variable.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use ring::digest;

/// The longest path of a Unix socket. Source: Linux, `unix(7)`: 108 bytes with the final NUL.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The environment as it was at the start.
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

/// The variables hold tokens, so none is shown.
impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Environment(..)")
    }
}

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn read() -> Self {
        Self { variables: std::env::vars_os().filter_map(text_pair).collect() }
    }

    /// Every variable, for the agent commands.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.variables.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// A variable that is set to something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The data directory: `--data`, `$LANYARD_DATA`, else `$XDG_DATA_HOME/lanyard`, else
    /// `~/.local/share/lanyard`.
    pub(crate) fn data_directory(&self, given: Option<&Path>) -> Result<PathBuf, String> {
        let path = if let Some(given) = given {
            given.to_owned()
        } else if let Some(path) = self.get("LANYARD_DATA") {
            PathBuf::from(path)
        } else if let Some(path) = self.get("XDG_DATA_HOME") {
            Path::new(path).join("lanyard")
        } else if let Some(home) = self.get("HOME") {
            Path::new(home).join(".local/share/lanyard")
        } else {
            return Err("no data directory: give --data DIR or set LANYARD_DATA".to_owned());
        };
        std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The same without `LANYARD_RUN`, for a gateway beside another.
    pub(crate) fn without_run_directory(&self) -> Self {
        let mut variables = self.variables.clone();
        variables.remove("LANYARD_RUN");
        Self { variables }
    }

    /// Where the sockets are: `$LANYARD_RUN`, else `DATA/run`, and where that path is too long
    /// for a socket a directory of its own below `$XDG_RUNTIME_DIR` or the temporary directory.
    pub(crate) fn run_directory(&self, data: &Path) -> PathBuf {
        if let Some(path) = self.get("LANYARD_RUN") {
            return PathBuf::from(path);
        }
        let run = data.join("run");
        let longest = run.join("admin.sock");
        if longest.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
            return run;
        }
        let hash = digest::digest(&digest::SHA256, data.as_os_str().as_bytes());
        let name = HEXLOWER.encode(hash.as_ref().get(..8).unwrap_or_default());
        let uid = rustix::process::getuid().as_raw();
        match self.get("XDG_RUNTIME_DIR") {
            Some(runtime) => Path::new(runtime).join(format!("lanyard-{name}")),
            None => std::env::temp_dir().join(format!("lanyard-{uid}-{name}")),
        }
    }
}

fn text_pair((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Environment;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Environment { variables: pairs.iter().map(pair).collect() }
    }

    #[test]
    fn the_data_directory_is_found_in_order() {
        let all = [("LANYARD_DATA", "/l"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")];
        let found = |from: usize, given: Option<&str>| {
            environment(&all[from..]).data_directory(given.map(Path::new))
        };
        assert_eq!(found(0, Some("/g")).unwrap(), Path::new("/g"));
        assert_eq!(found(0, None).unwrap(), Path::new("/l"));
        assert_eq!(found(1, None).unwrap(), Path::new("/x/lanyard"));
        assert_eq!(found(2, None).unwrap(), Path::new("/h/.local/share/lanyard"));
        assert!(found(3, None).is_err());
    }

    #[test]
    fn a_long_path_gives_way_to_a_short_one() {
        let environment = environment(&[("XDG_RUNTIME_DIR", "/run/user/7")]);
        let long = format!("/{}", "d".repeat(120));
        assert_eq!(environment.run_directory(Path::new("/d")), Path::new("/d/run"));
        let short = environment.run_directory(Path::new(&long));
        assert!(short.to_str().unwrap().starts_with("/run/user/7/lanyard-"), "{short:?}");
    }
}
