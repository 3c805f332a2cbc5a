//! What each part of a checklist becomes. Never turns prose into a command: a command is what stood in code.

use super::markdown::{Block, unmarked};
use crate::runbook::decode::duration_from;
use crate::runbook::lint::destructive_word;
use crate::runbook::template;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A person does it.
    Manual(String),
    /// A shell text.
    Run(String),
    /// Looks until; the command that looks, when there was one.
    Await(Option<String>),
    /// Looks once.
    Check(String),
    /// A hold phase.
    Wait(String),
    /// A hold point over these steps.
    Approve(Vec<String>),
}

/// One step of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Unique.
    pub id: String,
    /// In words.
    pub title: String,
    /// What it does.
    pub deed: Deed,
    /// Open questions.
    pub decide: Vec<String>,
}

/// A phase of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A draft before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// From the file's name or title.
    pub id: String,
    /// The first heading.
    pub title: String,
    /// The first text.
    pub summary: Option<String>,
    /// What stood under a heading about limits.
    pub does_not_undo: Option<String>,
    /// Names that stood in `<…>` inside commands.
    pub params: BTreeSet<String>,
    /// Phases with steps.
    pub phases: Vec<Phase>,
}

type Pattern = LazyLock<Option<Regex>>;

static WAIT_UNTIL: Pattern = LazyLock::new(|| Regex::new(r"(?i)\bwait (?:until|for|till)\b|\bpoll\b").ok());
static WAIT_LONG: Pattern =
    LazyLock::new(|| Regex::new(r"(?i)\bwait (?:for )?(?:about )?(\d+) ?(s|sec|m|min|h|hour)").ok());
static LOOKS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:verify|check|confirm|ensure|make sure|validate|look|test|see)\b").ok()
});
static ASKS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:approval|approve|sign[- ]off|go/no-go|get (?:an? )?(?:ok|okay|yes) from|second pair of eyes)\b").ok()
});
static TELLS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:announce|notify|inform|tell|post (?:an? )?(?:update|message)|status ?page)\b").ok()
});
static CHOOSES: Pattern = LazyLock::new(|| Regex::new(r"(?i)^(?:decide|choose|if)\b").ok());
static RUNS: Pattern = LazyLock::new(|| Regex::new(r"(?i)^(?:run|execute|call|start|stop|restart)\b").ok());
static INLINE: Pattern = LazyLock::new(|| Regex::new(r"`([^`]+)`").ok());
static BLANK: Pattern = LazyLock::new(|| Regex::new(r"<([A-Za-z][A-Za-z0-9_ -]{0,40})>").ok());
static LIMITS: Pattern = LazyLock::new(|| {
    Regex::new(r"(?i)not undo|not undone|cannot be undone|limitation|caveat|does not|what stays").ok()
});

fn is(pattern: &Pattern, text: &str) -> bool {
    pattern.as_ref().is_some_and(|r| r.is_match(text))
}

/// Turns a document into a draft.
pub fn sheet(name: &str, blocks: &[Block]) -> Sheet {
    let title = blocks.iter().find_map(|b| match b {
        Block::Heading(_, title) => Some(title.clone()),
        Block::Item(_) | Block::Code(..) | Block::Text(_) => None,
    });
    let title = title.unwrap_or_else(|| name.to_owned());
    let mut maker = Maker {
        phase: String::new(),
        limits: None,
        in_limits: false,
        summary: None,
        titled: false,
        params: BTreeSet::new(),
        ids: ["declare", "override", "end", "close"].map(str::to_owned).into(),
        phases: Vec::new(),
        pending: None,
    };
    blocks.iter().for_each(|block| maker.take(block));
    maker.flush();
    let mut phases: Vec<Phase> = maker.phases.into_iter().filter(|p| !p.steps.is_empty()).collect();
    cover(&mut phases);
    Sheet {
        id: slug(if name.is_empty() { &title } else { name }),
        title: if title.trim().is_empty() { "Untitled".to_owned() } else { title },
        summary: maker.summary,
        does_not_undo: maker.limits,
        params: maker.params,
        phases,
    }
}

struct Maker {
    phase: String,
    limits: Option<String>,
    in_limits: bool,
    summary: Option<String>,
    titled: bool,
    params: BTreeSet<String>,
    ids: BTreeSet<String>,
    phases: Vec<Phase>,
    /// An item whose code may still follow.
    pending: Option<String>,
}

impl Maker {
    fn take(&mut self, block: &Block) {
        match block {
            Block::Heading(level, title) => self.heading(*level, title),
            Block::Item(text) if self.in_limits => self.limit(text),
            Block::Text(text) if self.in_limits => self.limit(text),
            Block::Item(text) => {
                self.flush();
                self.pending = Some(text.clone());
            }
            Block::Text(text) => match &mut self.pending {
                Some(item) => {
                    item.push(' ');
                    item.push_str(text);
                }
                None if self.summary.is_none() => {
                    self.summary = Some(unmarked(text)).filter(|t| !t.is_empty())
                }
                // Prose between steps is often what the code after it is about.
                None => {}
            },
            Block::Code(language, code) => self.code(language, code),
        }
    }

    fn heading(&mut self, level: usize, title: &str) {
        self.flush();
        self.in_limits = is(&LIMITS, title);
        // The first heading names the whole when it is the top one.
        let names_all = level == 1 && !self.titled && self.phases.is_empty();
        self.titled = true;
        if !names_all && !self.in_limits {
            self.phase = title.to_owned();
        }
    }

    fn limit(&mut self, text: &str) {
        let limits = self.limits.get_or_insert_default();
        if !limits.is_empty() {
            limits.push(' ');
        }
        limits.push_str(&unmarked(text));
    }

    fn code(&mut self, language: &str, code: &str) {
        if code.trim().is_empty() {
            return;
        }
        let shell = ["", "sh", "bash", "shell", "console", "zsh", "shell-session"].contains(&language);
        let text = self.pending.take();
        if !shell {
            let text = text.unwrap_or_else(|| "Do what stands here".to_owned());
            let mut step = self.prose(&text);
            step.deed = Deed::Manual(format!("{}\n{}", unmarked(&text), code));
            step.decide
                .push(format!("this is {language}; make it a `run` step with the program that takes it"));
            return self.put(step);
        }
        let code = typed(code);
        if code.trim().is_empty() {
            return;
        }
        let text = text.unwrap_or_else(|| code.lines().next().unwrap_or_default().to_owned());
        let step = self.command(&text, &code);
        self.put(step);
    }

    /// An item that no code followed.
    fn flush(&mut self) {
        let Some(text) = self.pending.take() else { return };
        let inline: Vec<String> = INLINE
            .as_ref()
            .map(|r| r.captures_iter(&text).filter_map(|c| c.get(1)).map(|m| m.as_str().to_owned()).collect())
            .unwrap_or_default();
        let step = match inline.as_slice() {
            [one]
                if one.trim().contains(' ')
                    && (is(&RUNS, &text) || is(&LOOKS, &text) || is(&WAIT_UNTIL, &text)) =>
            {
                self.command(&text, one)
            }
            _ => self.prose(&text),
        };
        self.put(step);
    }

    fn command(&mut self, text: &str, code: &str) -> Step {
        let mut decide = Vec::new();
        let filled = self.filled(code, &mut decide);
        if code.contains("{{") {
            let mut step = self.prose(text);
            step.deed = Deed::Manual(format!("{}\n{code}", unmarked(text)));
            step.decide.push("braces in the command stand for names here; write it as a list".to_owned());
            return step;
        }
        let deed = if is(&WAIT_UNTIL, text) {
            decide.push("what it prints when the waiting is over, and how long that may take".to_owned());
            Deed::Await(Some(filled))
        } else if is(&LOOKS, text) && crate::runbook::lint::changing_word(code).is_none() {
            decide.push("what it prints when all is well".to_owned());
            Deed::Check(filled)
        } else {
            decide.push("how long it may take, and which step looks at its effect".to_owned());
            if let Some(word) = destructive_word(code) {
                let better =
                    "use `set_aside`, or `irreversible: true` with `target` and an `approve` that covers it";
                decide.push(format!("`{word}` destroys something: {better}"));
            }
            Deed::Run(filled)
        };
        Step { id: self.id(text), title: titled(text), deed, decide }
    }

    fn prose(&mut self, text: &str) -> Step {
        let words = Some(unmarked(text)).filter(|w| !w.is_empty()).unwrap_or_else(|| text.to_owned());
        let mut decide = Vec::new();
        let long = WAIT_LONG.as_ref().and_then(|r| r.captures(text)).and_then(|c| {
            Some(format!("{}{}", c.get(1)?.as_str(), c.get(2)?.as_str().chars().next()?.to_ascii_lowercase()))
        });
        let long = long.filter(|d| duration_from(d).is_some_and(|d| !d.is_zero()));
        let deed = if let Some(duration) = long {
            decide.push("what must not happen meanwhile: `unless: {metric, condition}`".to_owned());
            Deed::Wait(duration)
        } else if is(&WAIT_UNTIL, text) {
            decide.push(format!("which command shows it, and what it prints: {words}"));
            Deed::Await(None)
        } else if is(&ASKS, text) {
            decide.push("who must say yes, and to which steps".to_owned());
            Deed::Approve(Vec::new())
        } else {
            if is(&TELLS, text) {
                decide.push("make it a `send` step with a message template".to_owned());
            } else if is(&CHOOSES, text) {
                decide.push("make it a `decide` step, or `when` on the steps it is about".to_owned());
            } else if is(&LOOKS, text) {
                decide.push("which command shows it? Then make it a `check` step".to_owned());
            }
            Deed::Manual(words)
        };
        Step { id: self.id(text), title: titled(text), deed, decide }
    }

    /// A command with its blanks as parameters.
    fn filled(&mut self, code: &str, decide: &mut Vec<String>) -> String {
        let Some(blank) = BLANK.as_ref().filter(|_| !code.contains("<<")) else { return code.to_owned() };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for found in blank.captures_iter(code) {
            if let (Some(whole), Some(name)) = (found.get(0), found.get(1)) {
                names.insert(whole.as_str().to_owned(), slug(name.as_str()).replace('-', "_"));
            }
        }
        let filled = names.iter().fold(code.to_owned(), |text, (blank, name)| {
            text.replace(blank.as_str(), &format!("{{{{ params.{name} }}}}"))
        });
        if names.is_empty() || code.contains("{{") {
            return code.to_owned();
        }
        if template::check_shell(&filled).is_err() {
            decide.push("blanks in quotes: write the command as a list, with `{{ params.name }}`".to_owned());
            return code.to_owned();
        }
        self.params.extend(names.into_values());
        filled
    }

    fn id(&mut self, text: &str) -> String {
        let plain = unmarked(text).replace('`', "");
        let words: Vec<&str> = plain.split_whitespace().take(4).collect();
        let base = slug(&words.join(" "));
        let mut id = base.clone();
        let mut n = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{base}-{n}");
            n += 1;
        }
        id
    }

    fn put(&mut self, step: Step) {
        let name = if self.phase.is_empty() { "Act".to_owned() } else { self.phase.clone() };
        match self.phases.last_mut() {
            Some(phase) if phase.name == name => phase.steps.push(step),
            _ => {
                let twice = self.phases.iter().filter(|p| p.name == name).count();
                let name = if twice == 0 { name } else { format!("{name} ({})", twice + 1) };
                self.phase.clone_from(&name);
                self.phases.push(Phase { name, steps: vec![step] });
            }
        }
    }
}

/// A hold point is about the commands after it, up to the next one; without any it is a thing to do by hand.
fn cover(phases: &mut [Phase]) {
    let mut waiting: Vec<String> = Vec::new();
    for step in phases.iter_mut().flat_map(|p| &mut p.steps).rev() {
        match &mut step.deed {
            Deed::Run(_) => waiting.push(step.id.clone()),
            Deed::Approve(covers) => {
                waiting.reverse();
                *covers = std::mem::take(&mut waiting);
                if covers.is_empty() {
                    step.deed = Deed::Manual(step.title.clone());
                }
            }
            Deed::Manual(_) | Deed::Await(_) | Deed::Check(_) | Deed::Wait(_) => {}
        }
    }
}

/// A session's commands without its prompts and answers.
fn typed(code: &str) -> String {
    let prompted: Vec<&str> = code.lines().filter_map(|l| l.strip_prefix("$ ")).collect();
    if prompted.is_empty() { code.to_owned() } else { prompted.join("\n") }
}

fn titled(text: &str) -> String {
    let words = unmarked(text).replace('`', "");
    let first = words.split(". ").next().unwrap_or_default().trim_end_matches(['.', ':']).trim();
    let mut title: String = first.chars().take(80).collect();
    if title.chars().count() < first.chars().count() {
        title.push('…');
    }
    if title.is_empty() { "Step".to_owned() } else { title }
}

/// An id: lower case, digits and dashes.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 40 {
            break;
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "step".to_owned() } else { out.to_owned() }
}
