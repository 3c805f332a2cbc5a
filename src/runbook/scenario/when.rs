//! Conditions of a scenario: `event('message.sent') && t >= 8m && !frozen`. Only what the record, the world's state
//! and the scenario's time say, so that the same record gives the same result as often as it is read. Never looks at
//! the wall clock.
//!
//! ```text
//! condition = all *( "||" all )          all = not *( "&&" not )
//! not       = [ "!" ] ( "(" condition ")" / event / time / state )
//! event     = "event(" kind [ "," about [ "," how ] ] ")"      each in quotes
//! time      = "t" comparison duration    state = name [ comparison ( number / "true" / "false" ) ]
//! ```

use crate::runbook::decode::{Item, duration_from, is_name, list_of, nearest, number_from};
use crate::runbook::model::Op;
use crate::runbook::yaml::{Span, Style, Value as Yaml};
use std::time::Duration;

use super::events::{self, About, EVENTS};

/// Deepest nesting of brackets and `!`.
const DEEPEST: usize = 32;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// It happened, at least once.
    Event(Event),
    /// The scenario's time stands so to this one.
    Time(Op, Duration),
    /// A state is, or stands so to a value.
    State(String, Op, Value),
    /// Not so.
    Not(Box<When>),
    /// All of these.
    All(Vec<When>),
    /// One of these at least.
    Any(Vec<When>),
}

/// Something that happens in an incident's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its kind, as in the record.
    pub kind: String,
    /// What it is about: a role, a step, a template, as its kind has it.
    pub about: Option<String>,
    /// How it ended.
    pub how: Option<String>,
}

/// What a state is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// So or not so.
    Flag(bool),
    /// So many.
    Number(f64),
}

/// What is so in a rehearsal at some moment.
pub trait Facts {
    /// Whether it has happened by now.
    fn happened(&self, event: &Event) -> bool;
    /// What a state is.
    fn state(&self, name: &str) -> Option<Value>;
    /// The scenario's time.
    fn time(&self) -> Duration;
}

impl When {
    /// Whether it holds.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        match self {
            When::Event(event) => facts.happened(event),
            When::Time(op, at) => compare(*op, facts.time().as_secs_f64(), at.as_secs_f64()),
            When::State(name, op, value) => match (facts.state(name), value) {
                (Some(Value::Flag(is)), Value::Flag(wanted)) => {
                    if *op == Op::NotEqual {
                        is != *wanted
                    } else {
                        is == *wanted
                    }
                }
                (Some(Value::Number(is)), Value::Number(wanted)) => compare(*op, is, *wanted),
                (Some(Value::Flag(_)), Value::Number(_))
                | (Some(Value::Number(_)), Value::Flag(_))
                | (None, _) => false,
            },
            When::Not(inner) => !inner.holds(facts),
            When::All(list) => list.iter().all(|w| w.holds(facts)),
            When::Any(list) => list.iter().any(|w| w.holds(facts)),
        }
    }

    /// Every event inside.
    pub fn events(&self) -> Vec<&Event> {
        let mut out = Vec::new();
        self.each(&mut |w| {
            if let When::Event(event) = w {
                out.push(event);
            }
        });
        out
    }

    /// Every state inside, with the value it is compared with.
    pub fn states(&self) -> Vec<(&str, Op, Value)> {
        let mut out = Vec::new();
        self.each(&mut |w| {
            if let When::State(name, op, value) = w {
                out.push((name.as_str(), *op, *value));
            }
        });
        out
    }

    /// Every time inside.
    pub fn times(&self) -> Vec<(Op, Duration)> {
        let mut out = Vec::new();
        self.each(&mut |w| {
            if let When::Time(op, at) = w {
                out.push((*op, *at));
            }
        });
        out
    }

    fn each<'w>(&'w self, seen: &mut dyn FnMut(&'w When)) {
        seen(self);
        match self {
            When::Not(inner) => inner.each(seen),
            When::All(list) | When::Any(list) => list.iter().for_each(|w| w.each(seen)),
            When::Event(_) | When::Time(..) | When::State(..) => {}
        }
    }
}

fn compare(op: Op, is: f64, bound: f64) -> bool {
    crate::runbook::model::Threshold { op, value: bound }.holds(is)
}

/// A condition under a key.
pub fn when(item: Item<'_>) -> Option<When> {
    let text = item.text()?;
    let mut reader = Reader { text: &text, at: 0, depth: 0 };
    let read = reader.any().and_then(|when| match reader.rest().is_empty() {
        true => Ok(when),
        false => Err(reader.wrong("nothing more is expected here", "join conditions with `&&` or `||`")),
    });
    read.map_err(|wrong| wrong.tell(item, &text)).ok()
}

/// An event under a key: its kind alone, or `event(…)`.
pub fn event(item: Item<'_>) -> Option<Event> {
    let text = item.text()?;
    if events::of(&text).is_some() {
        return Some(Event { kind: text, about: None, how: None });
    }
    match when(item)? {
        When::Event(event) => Some(event),
        When::Time(..) | When::State(..) | When::Not(_) | When::All(_) | When::Any(_) => {
            let help = "write an event's kind such as message.sent, or event('message.sent', 'status')";
            item.refuse("scenario-when", &format!("`{}` must be one event", item.name()), help);
            None
        }
    }
}

/// What is wrong at which byte of the text.
struct Wrong {
    at: usize,
    message: String,
    help: String,
}

impl Wrong {
    /// The place inside the file, where the scalar stands on one line as it was written.
    fn tell(self, item: Item<'_>, text: &str) {
        let whole = item.at();
        let before = text.get(..self.at).unwrap_or(text).chars().count();
        let quote = match item.value() {
            Yaml::Scalar(s) if s.style == Style::Plain => Some(0),
            Yaml::Scalar(s) if s.style == Style::Quoted => Some(1),
            Yaml::Scalar(_) | Yaml::List(_) | Yaml::Map(_) => None,
        };
        let as_written = |q: &usize| text.chars().count() + 2 * q == whole.len as usize;
        let at = match quote.filter(as_written) {
            Some(q) => Span {
                column: whole.column.saturating_add(u32::try_from(before + q).unwrap_or(0)),
                len: 1,
                ..whole
            },
            None => whole,
        };
        item.faults().error("scenario-when", at, &format!("`{}`: {}", item.name(), self.message), &self.help);
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, Wrong>;

impl<'t> Reader<'t> {
    fn rest(&mut self) -> &'t str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn wrong(&self, message: &str, help: &str) -> Wrong {
        Wrong { at: self.at, message: message.to_owned(), help: help.to_owned() }
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn any(&mut self) -> Read<When> {
        let first = self.all()?;
        let mut list = vec![first];
        while self.takes("||") {
            list.push(self.all()?);
        }
        Ok(single(list, When::Any))
    }

    fn all(&mut self) -> Read<When> {
        let first = self.not()?;
        let mut list = vec![first];
        while self.takes("&&") {
            list.push(self.not()?);
        }
        Ok(single(list, When::All))
    }

    fn not(&mut self) -> Read<When> {
        if self.depth >= DEEPEST {
            return Err(self.wrong("this is nested too deeply", "write it in fewer brackets"));
        }
        self.depth += 1;
        let read = if self.takes("!") {
            self.not().map(|inner| When::Not(Box::new(inner)))
        } else if self.takes("(") {
            self.any().and_then(|inner| match self.takes(")") {
                true => Ok(inner),
                false => Err(self.wrong("a `)` is missing", "close the bracket")),
            })
        } else {
            self.atom()
        };
        self.depth -= 1;
        read
    }

    fn atom(&mut self) -> Read<When> {
        let rest = self.rest();
        let length =
            rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let word = rest.get(..length).unwrap_or_default();
        if !is_name(word) {
            let help = "write event('kind'), t >= 8m, or the name of a state";
            return Err(self.wrong("a condition is expected here", help));
        }
        let begin = self.at;
        self.at += length;
        match word {
            "event" => self.event(),
            "t" => {
                let op =
                    self.op().ok_or_else(|| self.wrong("`t` is compared with nothing", "write t >= 8m"))?;
                self.rest();
                let at = self.at;
                let length = self.word();
                let read = duration_from(length);
                read.map(|d| When::Time(op, d)).ok_or_else(|| Wrong {
                    at,
                    message: format!("`{length}` is no duration"),
                    help: "write it with a unit: 90s, 8m".to_owned(),
                })
            }
            name => match self.op() {
                None => Ok(When::State(name.to_owned(), Op::Equal, Value::Flag(true))),
                Some(op) => self.value(name, op, begin),
            },
        }
    }

    fn value(&mut self, name: &str, op: Op, begin: usize) -> Read<When> {
        let text = self.word();
        let value = match text {
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            number => number_from(number).map(Value::Number),
        };
        let fits = |v: &Value| matches!((v, op), (Value::Number(_), _) | (_, Op::Equal | Op::NotEqual));
        value.filter(fits).map(|v| When::State(name.to_owned(), op, v)).ok_or_else(|| Wrong {
            at: begin,
            message: format!("`{name} {} {text}` compares with nothing that a state can be", op.word()),
            help: "compare with a number, or write == true or == false".to_owned(),
        })
    }

    fn op(&mut self) -> Option<Op> {
        let all = [Op::LessOrEqual, Op::GreaterOrEqual, Op::Equal, Op::NotEqual, Op::Less, Op::Greater];
        all.into_iter().find(|op| self.takes(op.word()))
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c: char| c.is_whitespace() || "()&|!,".contains(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn quoted(&mut self) -> Read<(usize, String)> {
        let rest = self.rest();
        let at = self.at;
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inside = quote.and_then(|q| rest.get(1..)?.split_once(q));
        let Some((inside, _)) = inside else {
            return Err(self.wrong("a word in quotes is expected here", "write event('message.sent')"));
        };
        self.at += inside.len() + 2;
        Ok((at, inside.to_owned()))
    }

    fn event(&mut self) -> Read<When> {
        let help = "write event('kind'), event('kind', 'about') or event('kind', 'about', 'how')";
        if !self.takes("(") {
            return Err(self.wrong("`event` has no brackets", help));
        }
        let mut words = vec![self.quoted()?];
        while words.len() < 3 && self.takes(",") {
            words.push(self.quoted()?);
        }
        if !self.takes(")") {
            return Err(self.wrong("a `)` is missing", help));
        }
        let mut words = words.into_iter();
        let Some((at, kind)) = words.next() else { return Err(self.wrong("`event` is empty", help)) };
        let Some((about, ends)) = events::of(&kind) else { return Err(unknown_kind(at, &kind)) };
        let second = words.next();
        if let (Some((at, _)), About::Nothing) = (&second, about) {
            let message = format!("`{kind}` is about nothing in particular");
            return Err(Wrong { at: *at, message, help: format!("write event('{kind}')") });
        }
        let third = words.next();
        if let Some((at, how)) = third.as_ref().filter(|(_, how)| !ends.contains(&how.as_str())) {
            let help = match ends {
                [] => format!("`{kind}` has no third word"),
                some => format!("allowed: {}", list_of(some.iter().copied())),
            };
            return Err(Wrong { at: *at, message: format!("`{kind}` is never `{how}`"), help });
        }
        Ok(When::Event(Event { kind, about: second.map(|(_, w)| w), how: third.map(|(_, w)| w) }))
    }
}

fn unknown_kind(at: usize, kind: &str) -> Wrong {
    let known = || EVENTS.iter().map(|(word, ..)| *word);
    let help = match nearest(kind, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", list_of(known())),
    };
    Wrong { at, message: format!("the record has no event `{kind}`"), help }
}

fn single(mut list: Vec<When>, many: fn(Vec<When>) -> When) -> When {
    match (list.len(), list.pop()) {
        (1, Some(one)) => one,
        (_, last) => {
            list.extend(last);
            many(list)
        }
    }
}
