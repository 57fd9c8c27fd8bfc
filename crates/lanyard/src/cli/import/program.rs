//! Looks up the programs that a file only names.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lanyard_mcp::Transport;
use lanyard_mcp::import::Found;

use crate::config::Environment;
use crate::failure::Failure;

/// Puts the path of its program into the definition of a process.
pub(super) fn resolve(found: &mut Found, environment: &Environment) -> Result<(), Failure> {
    let Transport::Stdio(stdio) = &found.definition.transport else { return Ok(()) };
    if stdio.command.starts_with('/') {
        return Ok(());
    }
    let path = environment.get("PATH").unwrap_or_default();
    let program = find(&stdio.command, path).ok_or_else(|| {
        Failure::other(format!(
            "`{}` is not on the PATH of this command; install it, or write its path into the file",
            crate::output::plain(&stdio.command)
        ))
    })?;
    let program = program.to_str().ok_or_else(|| {
        Failure::other(format!("{} is no path that can be stored", program.display()))
    })?;
    found.set_command(program);
    Ok(())
}

/// The first program of this name in the directories of a PATH. Relative ones do not count: they
/// mean another place for every caller.
fn find(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':').filter(|directory| directory.starts_with('/')).find_map(|directory| {
        let program = Path::new(directory).canonicalize().ok()?.join(name);
        let found = program.metadata().ok()?;
        (found.is_file() && found.permissions().mode() & 0o111 != 0).then_some(program)
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn programs_are_found_in_absolute_directories_alone() {
        assert_eq!(find("sh", "bin:./x::/no/such/directory"), None);
        let sh = find("sh", "/no/such/directory:/bin").unwrap();
        assert!(sh.ends_with("sh") && sh.is_absolute());
        assert_eq!(find("passwd", "/etc"), None, "no program");
    }
}
