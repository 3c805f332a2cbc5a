//! From parser events to the tree. Never recurses, so that depth is a number and not a stack overflow.

use super::{Faults, Key, MAX_DEPTH, Node, Scalar, Span, Style, Value, faults};
use serde_yaml::granit_parser::{Event, Options, Parser, ScalarStyle, Span as Mark, StructureStyle};
use std::collections::HashMap;

/// Builds the tree of the only document; `None` when there is none. Problems go to `faults`.
pub fn tree(text: &str, faults: &Faults) -> Option<Node> {
    let mut options = Options::default();
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    // One more than allowed here, so that the depth finding below comes first.
    options.flow_nesting_limit = MAX_DEPTH + 1;
    options.block_nesting_limit = MAX_DEPTH + 1;
    let mut builder = Builder { text, faults, open: Vec::new(), root: None, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, mark)) => {
                if builder.take(event, mark) == Progress::Stop || faults.is_full() {
                    return None;
                }
            }
            Err(error) => {
                faults::syntax(text, &error, faults);
                return None;
            }
        }
    }
    builder.root
}

#[derive(PartialEq, Eq)]
enum Progress {
    GoOn,
    Stop,
}

enum Open {
    List { at: Span, items: Vec<Node> },
    Map { at: Span, entries: Vec<(Key, Node)>, key: Option<Key>, seen: HashMap<String, Span> },
}

struct Builder<'a> {
    text: &'a str,
    faults: &'a Faults,
    open: Vec<Open>,
    root: Option<Node>,
    documents: u32,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, mark: Mark) -> Progress {
        let at = self.span(&mark);
        match event {
            Event::DocumentStart(..) => return self.document(at),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                faults::alias(self.faults, at);
                self.put(empty(at));
            }
            Event::Scalar(text, style, anchor, tag) => {
                faults::anchor_or_tag(self.faults, at, anchor, tag.is_some());
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let text = text.into_owned();
                self.scalar(Node { at, value: Value::Scalar(Scalar { text, style }) });
            }
            Event::SequenceStart(_, anchor, tag) => {
                faults::anchor_or_tag(self.faults, at, anchor, tag.is_some());
                return self.push(at, Open::List { at: one_wide(at), items: Vec::new() });
            }
            Event::MappingStart(style, anchor, tag) => {
                faults::anchor_or_tag(self.faults, at, anchor, tag.is_some());
                self.unquoted_template(style, &mark, at);
                let map =
                    Open::Map { at: one_wide(at), entries: Vec::new(), key: None, seen: HashMap::new() };
                return self.push(at, map);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            // Stream marks, and what only a richer build of the parser reports (comments).
            _ => {}
        }
        Progress::GoOn
    }

    fn document(&mut self, at: Span) -> Progress {
        self.documents += 1;
        if self.documents < 2 {
            return Progress::GoOn;
        }
        let help = "remove the `---` and what follows, or put it in a file of its own";
        self.faults.error(
            "yaml-documents",
            at,
            "a second document starts here; one file holds one document",
            help,
        );
        Progress::Stop
    }

    fn push(&mut self, at: Span, open: Open) -> Progress {
        if self.open.len() >= MAX_DEPTH {
            let message = format!("lists and mappings are nested deeper than {MAX_DEPTH} levels");
            self.faults.error("yaml-depth", at, &message, "flatten it");
            return Progress::Stop;
        }
        // A collection in the place of a key has nowhere to go; the finding ends the file.
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            let help = "a key is plain text; quote it if it holds brackets or `{{ }}`";
            if !self.faults.any_error() {
                self.faults.error("yaml-complex-key", at, "a list or mapping cannot be a key", help);
            }
            return Progress::Stop;
        }
        self.open.push(open);
        Progress::GoOn
    }

    /// `title: {{ params.x }}` is a mapping inside a mapping to YAML, never what was meant.
    fn unquoted_template(&self, style: StructureStyle, mark: &Mark, at: Span) {
        let start = mark.start.byte_offset().and_then(|b| self.text.get(b..));
        if style == StructureStyle::Flow && start.is_some_and(|s| s.starts_with("{{")) {
            faults::unquoted_template(self.text, self.faults, at);
        }
    }

    fn scalar(&mut self, node: Node) {
        let Some(Open::Map { key: slot @ None, seen, .. }) = self.open.last_mut() else {
            return self.put(node);
        };
        let Value::Scalar(scalar) = node.value else { return };
        if scalar.text == "<<" && scalar.style == Style::Plain {
            self.faults.error(
                "yaml-merge-key",
                node.at,
                "merge keys (`<<`) are not read",
                "write the keys out",
            );
        } else if let Some(first) = seen.get(&scalar.text) {
            faults::duplicate(self.faults, node.at, &scalar.text, *first);
        } else {
            seen.insert(scalar.text.clone(), node.at);
        }
        *slot = Some(Key { at: node.at, name: scalar.text });
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(k) => entries.push((k, node)),
                // An alias in the place of a key: already a finding.
                None => *key = Some(Key { at: node.at, name: String::new() }),
            },
        }
    }

    fn close(&mut self, end: Span) {
        let node = match self.open.pop() {
            None => return,
            Some(Open::List { at, items }) => Node { at: flow_width(at, end), value: Value::List(items) },
            Some(Open::Map { at, entries, .. }) => {
                let first =
                    entries.first().map(|(k, _)| k.at).filter(|k| (k.line, k.column) == (at.line, at.column));
                Node { at: first.unwrap_or(flow_width(at, end)), value: Value::Map(entries) }
            }
        };
        self.put(node);
    }

    fn span(&self, mark: &Mark) -> Span {
        let (start, end) = (&mark.start, &mark.end);
        let len = if start.line() == end.line() { end.index().saturating_sub(start.index()) } else { 1 };
        Span {
            line: number(start.line()).max(1),
            column: number(start.col()).saturating_add(1),
            len: number(len),
        }
    }
}

fn empty(at: Span) -> Node {
    Node { at, value: Value::Scalar(Scalar { text: String::new(), style: Style::Plain }) }
}

fn one_wide(at: Span) -> Span {
    Span { len: 1, ..at }
}

/// A collection in brackets on one line is underlined as a whole.
fn flow_width(at: Span, end: Span) -> Span {
    if at.line == end.line && end.len > 0 {
        Span { len: (end.column + end.len).saturating_sub(at.column), ..at }
    } else {
        at
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
