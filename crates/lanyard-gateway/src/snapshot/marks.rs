//! What operators say of a server and its tools beside how they work: tags and costs.

use std::collections::BTreeMap;

use lanyard_core::Tags;

/// What a call costs where nobody says, in units of cost.
pub(crate) const COST: u64 = 1;

/// The marks of a server, and of its tools by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Tags that hold for the server and each of its tools.
    pub tags: Tags,
    /// What a call of it costs; one unit where it is absent.
    pub cost: Option<u64>,
    /// What holds for single tools on top.
    pub tools: BTreeMap<String, ToolMarks>,
}

/// The marks of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolMarks {
    /// Tags; they win over its server's.
    pub tags: Tags,
    /// What a call of it costs; as its server's where it is absent.
    pub cost: Option<u64>,
}

impl Marks {
    /// The tags and the cost of one tool.
    pub(crate) fn of_tool(&self, tool: &str) -> (Tags, u64) {
        let own = self.tools.get(tool);
        let mut tags = self.tags.clone();
        tags.extend(own.iter().flat_map(|own| own.tags.clone()));
        (tags, own.and_then(|own| own.cost).or(self.cost).unwrap_or(COST))
    }
}

#[cfg(test)]
mod tests {
    use super::{COST, Marks, Tags, ToolMarks};

    #[test]
    fn what_stands_on_a_tool_wins() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let own = ToolMarks { tags: tags(&[("region", "us")]), cost: Some(5) };
        let marks = Marks {
            tags: tags(&[("region", "eu"), ("owner", "ops")]),
            cost: Some(2),
            tools: [("push".to_owned(), own)].into(),
        };
        let expected = tags(&[("region", "us"), ("owner", "ops")]);
        assert_eq!(marks.of_tool("push"), (expected, 5));
        assert_eq!(marks.of_tool("pull"), (marks.tags, 2));
        assert_eq!(Marks::default().of_tool("pull"), (Tags::new(), COST));
    }
}
