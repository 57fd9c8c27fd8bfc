//! The real program: its commands, what they print, how it starts, stops and refuses.

mod approvals;
mod bridge;
mod evidence;
mod import;
mod imported;
mod intake;
mod limits;
mod payloads;
mod pins;
mod policy;
mod proof;
mod prune;
mod refusals;
mod servers;
mod skill;
mod story;
mod tried;

use expect_test::Expect;

use crate::world::{KEY, World};

/// Types commands and compares what a terminal would show.
#[track_caller]
fn transcript(world: &World, commands: &str, expected: Expect) {
    expected.assert_eq(&typed(world, commands));
}

/// Types commands, one a line, and gives all that a terminal would show. A line that begins with
/// `key |` pipes the API's key into the command; `''` is an empty word.
fn typed(world: &World, commands: &str) -> String {
    let mut shown = String::new();
    for line in commands.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (stdin, command) = match line.strip_prefix("key | ") {
            Some(command) => (KEY, command),
            None => ("", line),
        };
        let words = command.split(' ').map(|word| if word == "''" { "" } else { word });
        let done = world.run_with(&words.collect::<Vec<_>>(), stdin);
        let code = match done.code {
            Some(0) => String::new(),
            Some(code) => format!("-- exit {code}\n"),
            None => "-- killed\n".to_owned(),
        };
        let out = world.steady(&done.stdout);
        shown.push_str(&format!("$ {line}\n{out}{}{code}", world.steady(&done.stderr)));
    }
    shown
}
