//! What is promised of the whole: the shape of the workspace, the admin API's access, and the
//! real program with its commands.
//!
//! `cfg(test)` stands at each module because it tells the lints that these are tests.

#[cfg(test)]
mod access;
#[cfg(test)]
mod program;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod world;
