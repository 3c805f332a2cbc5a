//! The console's loop: keys, updates, time and signals in; frames and acts out. Never decides anything itself.

mod signals;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::clipboard::{self, Around};
use super::gate::{Gate, colour, level::Level};
use super::input::decoder::{Decoder, LOCAL_WAIT, REMOTE_WAIT};
use super::input::{Input, reader::Reader};
use super::keep;
use super::keymap::Keymap;
use super::link::{Asked, Line, Me, Update};
use super::model::{Model, Pointer};
use super::terminal::clock::Clock;
use super::terminal::pace::{Pace, QUESTION, Urgency};
use super::terminal::screen::Screen;
use super::terminal::{self, Guard, Size};
use super::update::{Effect, Msg, update};
use super::view;
use crate::core::incident::Stage;
use crate::sanitize::Clean;
use crate::theme::{MONO, Role, Theme, shipped};
use signals::{Signal, Signals};

/// The console's ends of the channels to the client.
pub struct Ends {
    /// What is new.
    pub updates: mpsc::Receiver<Update>,
    /// What is wanted.
    pub asked: mpsc::Sender<Asked>,
}

/// Whether shown times move by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seconds {
    /// Once a second.
    Tick,
    /// Only when something else changes: an idle screen costs nothing.
    Stand,
}

/// How the console is set up.
pub struct Setup {
    /// Who sits here.
    pub me: Me,
    /// Keys in use.
    pub keymap: Keymap,
    /// The theme.
    pub theme: Theme,
    /// What the terminal can show.
    pub gate: Gate,
    /// Whether shown times move by themselves.
    pub seconds: Seconds,
    /// How long an ESC waits for the rest of a sequence.
    pub esc_wait: Duration,
    /// What surrounds this program's terminal.
    pub around: Around,
    /// How somebody who looks elsewhere is called.
    pub call: Call,
    /// Whose the mouse is at first.
    pub pointer: Pointer,
    /// Folders for texts that are kept, in the order they are tried; none where nothing may be written.
    pub folders: Vec<PathBuf>,
    /// For tests: after each paint, say in the window's title how many bytes of input it includes.
    pub markers: Markers,
}

/// How somebody who looks elsewhere is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// By the bell, which every terminal and multiplexer hands on.
    Bell,
    /// Also by a notification of the desktop (OSC 9), which only some terminals know: others may print it.
    Notification,
}

/// Whether paints are marked for a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markers {
    /// They are.
    Written,
    /// They are not.
    Silent,
}

impl Setup {
    /// The usual set-up for the terminal that the environment describes.
    pub fn new(me: Me, theme: Theme, gate: Gate, env: impl Fn(&str) -> Option<String>) -> Setup {
        let remote = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"].iter().any(|name| env(name).is_some());
        Setup {
            me,
            keymap: Keymap::default(),
            theme: fitting(theme, gate.level),
            gate,
            seconds: Seconds::Tick,
            esc_wait: if remote { REMOTE_WAIT } else { LOCAL_WAIT },
            around: if env("TMUX").is_some() { Around::Tmux } else { Around::Terminal },
            call: Call::Bell,
            pointer: Pointer::Terminals,
            folders: Vec::new(),
            markers: if env("BO_SYNC").is_some() { Markers::Written } else { Markers::Silent },
        }
    }
}

/// The form of a theme that a terminal with so many colours shows best.
pub fn fitting(theme: Theme, level: Level) -> Theme {
    let theme = match level {
        // What a background colour says must be said by reverse and bold then.
        Level::None => shipped(MONO).unwrap_or(theme),
        Level::Ansi16 => theme.named(),
        Level::Ansi256 | Level::True => theme,
    };
    theme.fitted(|colour| colour::fit(colour, level))
}

/// Why the console ended. What happens at a terminal never ends an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The person left.
    Detached,
    /// The same, of a record that was closed by then.
    DetachedFromClosed,
    /// The terminal is gone, or its input ended.
    TerminalGone,
    /// A signal asked for it.
    Signalled,
}

/// Shows the incident until the person leaves or the terminal is gone.
///
/// # Errors
/// When there is no terminal.
pub async fn run(ends: Ends, setup: Setup) -> io::Result<Left> {
    let guard = Guard::enter()?;
    let reader = Reader::stdin()?;
    let signals = Signals::listen()?;
    let clock = Clock::start();
    let mut model = Model::new(setup.me.clone(), setup.keymap.clone(), Size::now(), clock.now());
    model.pointer = setup.pointer;
    let decoder = Decoder::new(setup.esc_wait);
    let screen = Screen::new(setup.gate);
    let mut console = Console {
        guard,
        ends,
        setup,
        clock,
        model,
        decoder,
        screen,
        pace: Pace::default(),
        wanted: Some(Urgency::Person),
        began: clock.instant(),
        ticked: clock.instant(),
        hub_open: true,
        stopping: false,
        consumed: 0,
        marked: 0,
    };
    console.take_mouse()?;
    let left = console.go(reader, signals).await;
    Ok(left.unwrap_or(Left::TerminalGone))
}

struct Console {
    guard: Guard,
    ends: Ends,
    setup: Setup,
    clock: Clock,
    model: Model,
    decoder: Decoder,
    screen: Screen,
    pace: Pace,
    /// Whether, and how urgently, a frame is wanted.
    wanted: Option<Urgency>,
    began: Instant,
    ticked: Instant,
    hub_open: bool,
    /// Whether this process is to be stopped before the next frame.
    stopping: bool,
    consumed: u64,
    marked: u64,
}

/// So long the first frame waits for the hub.
const PATIENCE: Duration = Duration::from_millis(250);

/// So much later than a second after a frame the clock asks for its own.
const SHARED: Duration = Duration::from_millis(100);

/// Between two ticks.
const SECOND: Duration = Duration::from_secs(1);

impl Console {
    /// Errors are all the terminal's: it is gone.
    async fn go(&mut self, mut reader: Reader, mut signals: Signals) -> io::Result<Left> {
        loop {
            if !self.guard.is_held() {
                // Something panicked and the terminal was given back: what was printed then must stay readable.
                return Ok(Left::TerminalGone);
            }
            if std::mem::take(&mut self.stopping) {
                self.guard.give_back();
                signals.stop_and_wait().await?;
                self.again()?;
            }
            let wake = self.draw()?;
            let left = tokio::select! {
                biased;
                signal = signals.next() => self.signal(signal)?,
                chunk = reader.next() => match chunk {
                    Some(bytes) => self.bytes(&bytes)?,
                    None => Some(Left::TerminalGone),
                },
                news = self.ends.updates.recv(), if self.hub_open => self.news(news)?,
                () = self.guard.lost() => None,
                () = tokio::time::sleep_until(wake.into()) => self.time()?,
            };
            if let Some(left) = left {
                return Ok(left);
            }
        }
    }

    /// Draws if a frame is wanted and may be written. Gives the next moment at which something is due.
    fn draw(&mut self) -> io::Result<Instant> {
        let now = self.clock.instant();
        let mut wake = self.next_tick();
        if let Some(at) = self.decoder.deadline() {
            wake = wake.min(at);
        }
        let Some(urgency) = self.wanted else {
            self.mark()?;
            return Ok(wake);
        };
        let mut when = self.pace.when(urgency, now);
        if self.model.incident.is_none() {
            // A first frame that says "waiting" would only delay the one that shows something.
            when = when.max(self.began + PATIENCE);
        }
        if when > now {
            return Ok(wake.min(when));
        }
        self.wanted = None;
        let mut canvas = self.screen.canvas(self.model.size);
        let area = canvas.area;
        view::render(&self.model, &self.setup.theme, area, &mut canvas);
        if let Some(mut frame) = self.screen.frame(canvas, None) {
            if self.pace.drew(urgency, frame.len(), now) {
                frame.push_str(QUESTION);
            }
            terminal::write(frame.as_bytes())?;
        }
        // This frame shows the second it was drawn in. What comes once a second from the hub is waited for a moment
        // longer than a second, so that clock and numbers share their frames.
        self.ticked = now + SHARED;
        self.mark()?;
        Ok(wake)
    }

    fn mark(&mut self) -> io::Result<()> {
        // Bytes that wait for the rest of a sequence have not done anything yet.
        let waits = self.decoder.deadline().is_some();
        if self.setup.markers == Markers::Written && self.marked != self.consumed && !waits {
            self.marked = self.consumed;
            terminal::write(format!("\x1b]2;bo:{}\x1b\\", self.consumed).as_bytes())?;
        }
        Ok(())
    }

    fn next_tick(&self) -> Instant {
        let passing =
            self.model.toast.is_some() || self.model.leaving.is_some() || !self.model.layers.is_empty();
        let every = if self.setup.seconds == Seconds::Tick || passing { SECOND } else { SECOND * 3600 };
        // A clock that stands must not keep anybody from being called.
        self.ticked + self.model.to_next_mark().map_or(every, |mark| every.min(mark))
    }

    fn time(&mut self) -> io::Result<Option<Left>> {
        let now = self.clock.instant();
        let mut inputs = Vec::new();
        self.decoder.tick(now, &mut inputs);
        let left = self.inputs(inputs)?;
        if now >= self.next_tick() {
            self.ticked = now;
            self.want(Urgency::Feed);
            return Ok(left.or(self.fold(Msg::Tick)?));
        }
        Ok(left)
    }

    fn want(&mut self, urgency: Urgency) {
        self.wanted = self.wanted.max(Some(urgency));
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<Option<Left>> {
        self.consumed += bytes.len() as u64;
        let mut inputs = Vec::new();
        self.decoder.feed(bytes, self.clock.instant(), &mut inputs);
        self.inputs(inputs)
    }

    fn inputs(&mut self, inputs: Vec<Input>) -> io::Result<Option<Left>> {
        for input in inputs {
            if input == Input::Ack {
                self.pace.answered(self.clock.instant());
                continue;
            }
            self.want(Urgency::Person);
            if let Some(left) = self.fold(Msg::Input(input))? {
                return Ok(Some(left));
            }
        }
        Ok(None)
    }

    /// Takes what the client has, all of it before the next frame.
    fn news(&mut self, first: Option<Update>) -> io::Result<Option<Left>> {
        self.want(Urgency::Feed);
        let Some(first) = first else {
            self.hub_open = false;
            // Whoever carried the updates said why before it ended.
            if matches!(self.model.room.line, Line::Gone(_)) {
                return Ok(None);
            }
            let room = super::link::Room {
                line: Line::Gone(Clean::literal("the client has ended; q leaves")),
                ..self.model.room.clone()
            };
            return self.fold(Msg::Hub(Update::Room(room)));
        };
        if matches!(first, Update::Began(_)) {
            self.want(Urgency::Person);
        }
        let mut next = Some(first);
        while let Some(news) = next {
            if let Some(left) = self.fold(Msg::Hub(news))? {
                return Ok(Some(left));
            }
            next = self.ends.updates.try_recv().ok();
        }
        Ok(None)
    }

    fn signal(&mut self, signal: Signal) -> io::Result<Option<Left>> {
        match signal {
            Signal::End => return Ok(Some(Left::Signalled)),
            Signal::Stop => self.stop(),
            // Somebody stopped us without asking, and a shell may have had the terminal meanwhile.
            Signal::Continued => self.again()?,
            Signal::Resized => {
                self.want(Urgency::Person);
                return self.fold(Msg::Resized(Size::now()));
            }
        }
        Ok(None)
    }

    fn stop(&mut self) {
        if signals::can_go_on_later() {
            self.stopping = true;
            return;
        }
        let words = "no shell is here that could continue this program: q leaves, and the incident goes on";
        self.model.say(Role::Warn, Clean::literal(words));
        self.want(Urgency::Person);
    }

    /// Takes the terminal again and draws everything anew.
    fn again(&mut self) -> io::Result<()> {
        self.guard.take_again()?;
        self.take_mouse()?;
        self.screen.forget();
        self.model.size = Size::now();
        self.pace = Pace::default();
        self.want(Urgency::Person);
        Ok(())
    }

    /// Nothing about the mouse is said to a terminal as long as nobody asks for it.
    fn take_mouse(&self) -> io::Result<()> {
        match self.model.pointer {
            Pointer::Ours => terminal::write(terminal::mouse(Pointer::Ours)),
            Pointer::Terminals => Ok(()),
        }
    }

    fn detached(&self) -> Left {
        let closed = self.model.incident.as_ref().is_some_and(|i| i.stage == Stage::Closed);
        if closed { Left::DetachedFromClosed } else { Left::Detached }
    }

    /// Folds a message and carries out its effects.
    fn fold(&mut self, msg: Msg) -> io::Result<Option<Left>> {
        let effects = update(&mut self.model, msg, self.clock.now());
        for effect in effects {
            match effect {
                Effect::Ask(asked) => self.ask(asked),
                Effect::Detach => return Ok(Some(self.detached())),
                Effect::Suspend => self.stop(),
                Effect::Redraw => self.screen.forget(),
                Effect::Clipboard(text) => {
                    terminal::write(clipboard::osc52(&text, self.setup.around).as_bytes())?;
                }
                Effect::Mouse => terminal::write(terminal::mouse(self.model.pointer))?,
                Effect::File(name, text) => self.keep(&name, &text),
                Effect::Bell => {
                    terminal::write(b"\x07")?;
                    if self.setup.call == Call::Notification {
                        let words = format!("backout: {}", self.model.attention.words);
                        terminal::write(clipboard::osc9(&words, self.setup.around).as_bytes())?;
                    }
                }
            }
        }
        Ok(None)
    }

    fn keep(&mut self, name: &str, text: &str) {
        let (role, said) = match keep::keep(text, name, &self.setup.folders) {
            Ok(path) => (Role::Ok, format!("written to {}", path.display())),
            Err(why) => (Role::Warn, format!("not written: {why}")),
        };
        self.model.say(role, crate::sanitize::line(said));
    }

    fn ask(&mut self, asked: Asked) {
        let act = match &asked {
            Asked::Act(id, _) => Some(*id),
            Asked::Watch(_) => None,
        };
        if let (Err(_), Some(act)) = (self.ends.asked.try_send(asked), act) {
            // Waiting here would freeze the screen; the person can press the button again.
            let how = Err(Clean::literal("this could not be sent: the client is busy or gone; try again"));
            update(&mut self.model, Msg::Hub(Update::Answered { act, how }), self.clock.now());
        }
    }
}
