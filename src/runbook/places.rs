//! Where the parts of a runbook stand in its file. Never answers without a place.

use super::finding::{Finding, Severity, attach_source};
use super::yaml::{Node, Span};

/// The file behind a runbook.
#[derive(Debug, Clone)]
pub struct Places {
    path: String,
    text: String,
    root: Node,
}

impl Places {
    /// Keeps the tree and the text of a file.
    pub fn new(path: &str, text: &str, root: Node) -> Self {
        Places { path: path.to_owned(), text: text.to_owned(), root }
    }

    /// The file's label.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value of a path such as `phases[0].steps[2].timeout` stands. A part that is not in the file (a
    /// default) gives the place of what is around it.
    pub fn value(&self, path: &str) -> Span {
        self.walk(path).1
    }

    /// Where the last key of a path stands; for a list item, the item.
    pub fn key(&self, path: &str) -> Span {
        self.walk(path).0
    }

    /// A finding at the value of a path, with its line of the file.
    pub fn finding(
        &self,
        code: &'static str,
        severity: Severity,
        path: &str,
        message: &str,
        help: &str,
    ) -> Finding {
        self.finding_at(code, severity, self.value(path), message, help)
    }

    /// A finding at a place of the file.
    pub fn finding_at(
        &self,
        code: &'static str,
        severity: Severity,
        at: Span,
        message: &str,
        help: &str,
    ) -> Finding {
        Finding::at(code, severity, &self.path, at, message).help(help)
    }

    /// Sorts findings by place and gives each its line of the file.
    pub fn finish(&self, findings: &mut [Finding]) {
        findings.sort_by(|a, b| (a.line, a.column, a.code).cmp(&(b.line, b.column, b.code)));
        attach_source(findings, &self.text);
    }

    fn walk(&self, path: &str) -> (Span, Span) {
        let mut node = &self.root;
        let mut found = (node.at, node.at);
        for part in parts(path) {
            let next = match part {
                Part::Key(key) => node.entry(key).map(|(k, n)| (k.at, n)),
                Part::Index(i) => node.item(i).map(|n| (n.at, n)),
            };
            let Some((key, value)) = next else { break };
            found = (key, value.at);
            node = value;
        }
        found
    }
}

enum Part<'p> {
    Key(&'p str),
    Index(usize),
}

fn parts(path: &str) -> impl Iterator<Item = Part<'_>> {
    path.split('.').flat_map(|section| {
        let (key, indexes) = section.split_once('[').unwrap_or((section, ""));
        let indexes = indexes.split('[').filter_map(|i| i.strip_suffix(']')?.parse().ok().map(Part::Index));
        std::iter::once(Part::Key(key)).filter(|_| !key.is_empty()).chain(indexes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::yaml::parse;

    #[test]
    fn a_missing_part_answers_with_what_is_around_it() {
        let text = "phases:\n  - name: Act\n    steps:\n      - id: a\n        timeout: 5s\n";
        let places = Places::new("r.yaml", text, parse("r.yaml", text).unwrap());
        let at = |path| (places.value(path).line, places.value(path).column);
        assert_eq!(at("phases[0].steps[0].timeout"), (5, 18));
        assert_eq!(
            (places.key("phases[0].steps[0].timeout").line, places.key("phases[0].steps[0].timeout").column),
            (5, 9)
        );
        assert_eq!(at("phases[0].steps[0].role"), (4, 9));
        assert_eq!(at("metrics.x"), (1, 1));
    }
}
