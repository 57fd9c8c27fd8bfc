//! Samples, from the line that is pasted to the request that a call sends.

mod elsewhere;
mod generate;
mod leaks;
mod merge;
mod render;
