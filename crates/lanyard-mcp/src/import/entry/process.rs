//! The entry of a server that is a process.

use serde_json::{Map, Value as Json, json};

use super::Reader;
use crate::import::tree::{Node, Value};

/// Ends of file names, by which an argument is known for a path.
const FILES: &[&str] = &[
    "cjs", "db", "jar", "js", "json", "mjs", "mts", "py", "rb", "sh", "sqlite", "toml", "ts",
    "yaml", "yml",
];

impl Reader<'_> {
    /// Fills in what there is to say about a process, and gives its command: an absolute path, or a
    /// name that is yet to be looked up.
    pub(super) fn process(
        &mut self,
        node: &Node,
        members: &mut Map<String, Json>,
    ) -> Option<String> {
        let (command, args) = self.command_line(node)?;
        let command = self.plain("command", &command)?;
        let args: Vec<Option<String>> = args
            .iter()
            .enumerate()
            .map(|(index, argument)| self.plain(&format!("args[{index}]"), argument))
            .collect();
        let args: Vec<String> = args.into_iter().flatten().collect();
        let is_relative = command.contains('/') && !command.starts_with('/');
        let cwd = match self.text_of(node, &["cwd", "workingDirectory"]) {
            Some(cwd) => self.plain("cwd", &cwd).map(|cwd| self.absolute(&cwd)),
            None if is_relative || args.iter().any(|argument| is_relative_path(argument)) => {
                let directory = self.around.directory.to_owned();
                self.notes.push(format!("cwd: it starts in {directory}, for its relative paths"));
                Some(directory)
            }
            None => None,
        };
        let command = if is_relative { self.absolute(&command) } else { command };
        // A name is looked up later; what may stand there is checked as if it were a path.
        let path = if command.starts_with('/') { command.clone() } else { format!("/{command}") };
        members.insert("command".to_owned(), json!(path));
        members.insert("args".to_owned(), json!(args));
        if let Some(cwd) = cwd {
            members.insert("cwd".to_owned(), json!(cwd));
        }
        let env = self.environment(node);
        members.insert("env".to_owned(), Json::Object(env));
        Some(command)
    }

    /// The program and its arguments. One text without arguments is a command line.
    fn command_line(&mut self, node: &Node) -> Option<(String, Vec<String>)> {
        let key = if node.get("command").is_some() { "command" } else { "executable" };
        let args = self.texts(node, "args");
        let words = match &node.get(key)?.value {
            Value::Array(_) => self.texts(node, key),
            Value::Text(line) if args.is_empty() && !line.starts_with('/') => words(line),
            Value::Text(command) => vec![command.clone()],
            Value::Object(_) | Value::Number(_) | Value::Bool(_) | Value::Null => Vec::new(),
        };
        let mut words = words.into_iter().filter(|word| !word.is_empty());
        let Some(command) = words.next() else {
            self.problem(key, "must be a text, or a list of texts");
            return None;
        };
        Some((command, words.chain(args).collect()))
    }

    fn environment(&mut self, node: &Node) -> Map<String, Json> {
        let mut env = Map::new();
        for key in ["env", "environment"] {
            for (name, text) in self.pairs(node, key) {
                if let Some(text) = self.template(&format!("env.{name}"), &text) {
                    env.insert(name, json!(text));
                }
            }
        }
        for name in self.texts(node, "env_vars") {
            if let Some(text) = self.template(&format!("env.{name}"), &format!("${{{name}}}")) {
                env.insert(name, json!(text));
            }
        }
        env
    }

    /// A path from the directory of the file.
    fn absolute(&self, path: &str) -> String {
        let home = path
            .strip_prefix("~/")
            .and_then(|rest| Some(format!("{}/{rest}", (self.around.variable)("HOME")?)));
        let path = home.unwrap_or_else(|| path.to_owned());
        let whole =
            if path.starts_with('/') { path } else { format!("{}/{path}", self.around.directory) };
        let mut segments: Vec<&str> = Vec::new();
        for segment in whole.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                segment => segments.push(segment),
            }
        }
        format!("/{}", segments.join("/"))
    }
}

/// Whether an argument is a path that depends on where the process starts.
fn is_relative_path(argument: &str) -> bool {
    let file = |argument: &str| {
        let end = argument.rsplit_once('.').map(|(_, end)| end);
        end.is_some_and(|end| FILES.contains(&end))
    };
    let elsewhere = argument.starts_with(['/', '-', '@']) || argument.contains("://");
    matches!(argument, "." | "..")
        || argument.starts_with("./")
        || argument.starts_with("../")
        || (!elsewhere && file(argument))
}

/// The words of a command line; quotes keep what is between them together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_with(String::new);
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (Some(_) | None, _) => word.get_or_insert_with(String::new).push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::{is_relative_path, words};

    #[test]
    fn command_lines_are_split_as_a_shell_would() {
        for (line, expected) in [
            ("", &[][..]),
            ("npx", &["npx"]),
            (" npx  -y x ", &["npx", "-y", "x"]),
            (r#"sh -c "a b" '' c"d e"f"#, &["sh", "-c", "a b", "", "cd ef"]),
            ("a 'b", &["a", "b"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn relative_paths() {
        for path in [".", "./a", "../b", "server.py", "build/index.js"] {
            assert!(is_relative_path(path), "{path}");
        }
        for other in
            ["-y", "@scope/pkg", "/a/b.js", "https://x/y.js", "stdio", "pkg@1.2.3", "--a=b.js"]
        {
            assert!(!is_relative_path(other), "{other}");
        }
    }
}
