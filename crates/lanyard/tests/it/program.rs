//! The real program: its commands, what they print, how it starts, stops and refuses.

mod proof;
mod refusals;
mod story;

use expect_test::Expect;

use crate::world::World;

/// Runs a command and compares its exit code and what it wrote.
#[track_caller]
fn check(world: &World, args: &[&str], expected: Expect) {
    check_with(world, args, "", expected);
}

#[track_caller]
fn check_with(world: &World, args: &[&str], stdin: &str, expected: Expect) {
    let done = world.run_with(args, stdin);
    let code = done.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
    let mut text = world.steady(&done.stdout);
    if code != "0" || !done.stderr.is_empty() {
        text = format!("{text}-- exit {code}\n{}", world.steady(&done.stderr));
    }
    expected.assert_eq(&text);
}
