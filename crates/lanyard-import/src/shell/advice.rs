//! What is said of a paste that is no plain command, and what to do about it.

pub(crate) const NEW_LINE: &str = "put a backslash at the end of that line if this belongs to it, and import \
                        one command at a time if it does not";
pub(crate) const SEMICOLON: &str =
    "quote the `;` if it belongs to a text, and import one command at a time";
pub(crate) const UNCLOSED: &str =
    "this quote is never closed; put the same quote where the text ends";
pub(crate) const SUBSTITUTION: &str = "the output of a command: nothing is executed here; write the value, or \
                            `$NAME` to make it an argument or a secret";
pub(crate) const WINDOWS: &str = "this is quoted for the Windows command prompt: choose \"Copy as cURL (bash)\" \
                       instead, or write it with straight quotes and `\\` at the ends of lines";
pub(crate) const POWERSHELL: &str =
    "this joins lines in PowerShell: write `\\` at the end of the line instead";
pub(crate) const PROMPT: &str =
    "the sign with which a terminal asks for more: take it away at the beginning of every line";
pub(crate) const FENCE: &str =
    "the fence of a block of code in Markdown: paste what stands between the fences";
pub(crate) const VARIABLE: &str = "a variable is set before the command: leave that out, and write its value, or `$NAME` to make it an \
     argument or a secret, where it is used";
