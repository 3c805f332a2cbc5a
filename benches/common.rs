//! What the benches share: pairs of product and floor, taken in turn within one run.
//!
//! Times on a busy machine are quantised by its scheduler and mean nothing alone. So every number that counts is a
//! ratio of two sides that ran moments apart under the same conditions, and the median of many such pairs.
//! `chrt -f 10 cargo bench` takes other programs out of the picture where it is allowed.

pub mod history;
pub mod noter;
pub mod peers;
pub mod probe;
pub mod room;
pub mod screens;
pub mod sshd;
pub mod terminal;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The program as users get it.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_backout");

/// Pairs a median is taken of.
pub const PAIRS: usize = 11;

/// A folder on the disk that the build uses: a memory file system would make every sync free.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Leaves a program almost nothing of this process's environment.
pub fn bare(command: &mut Command) {
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value that `share` (0..1) of the samples do not exceed.
pub fn percentile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort();
    let at = (samples.len() as f64 * share) as usize;
    samples[at.min(samples.len() - 1)]
}

/// One line: what, the median ratio, its spread, and the goal it is held against.
pub fn report(what: &str, mut ratios: Vec<f64>, goal: f64) {
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[ratios.len() - 1]);
    let middle = median(ratios.clone());
    let verdict = if middle <= goal { "ok" } else { "MISSED" };
    println!("{what:<44} {middle:>6.3}x  ({low:.3}..{high:.3}, n={})  goal {goal}x  {verdict}", ratios.len());
}

/// One line about something that was compared only to know where it stands.
pub fn compared(what: &str, ratios: Vec<f64>) {
    println!("{what:<44} {:>6.3}x  (n={})", median(ratios.clone()), ratios.len());
}

/// One line about a value that has a limit of its own.
pub fn absolute(what: &str, value: f64, unit: &str, goal: f64) {
    let verdict = if value <= goal { "ok" } else { "MISSED" };
    println!("{what:<44} {value:>6.2} {unit}  goal {goal:.2} {unit}  {verdict}");
}

/// Runs both sides in turn, the order changing from pair to pair; after one pair that does not count.
pub fn pairs<T>(mut floor: impl FnMut() -> T, mut product: impl FnMut() -> T) -> Vec<(T, T)> {
    let mut taken = Vec::new();
    for pair in 0..=PAIRS {
        let sides = if pair % 2 == 0 {
            let floor = floor();
            (floor, product())
        } else {
            let product = product();
            (floor(), product)
        };
        if pair > 0 {
            taken.push(sides);
        }
    }
    taken
}

/// CPU time of this process and of every child that has been waited for, theirs included.
///
/// From `/proc/self/stat`, in ticks of 10 ms: give it work that takes many.
pub fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Fields are counted behind the name, which may hold anything: user, system, and both again of the children.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields.split(' ').skip(11).take(4).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Which of a bench's parts are asked for on its command line: each that is named there, or all.
pub fn asked(parts: &'static [&'static str]) -> impl Fn(&str) -> bool {
    let named: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(other) = named.iter().find(|name| !parts.contains(&name.as_str())) {
        panic!("there is no part `{other}`, only {}", parts.join(", "));
    }
    move |part| named.is_empty() || named.iter().any(|name| name == part)
}

/// How much CPU a piece of work took.
pub fn cpu_of(work: impl FnOnce()) -> Duration {
    let before = cpu();
    work();
    cpu() - before
}

/// How long each of `n` calls took.
pub fn times(n: usize, mut call: impl FnMut()) -> Vec<Duration> {
    (0..n)
        .map(|_| {
            let begun = Instant::now();
            call();
            begun.elapsed()
        })
        .collect()
}

/// The least that a durable record costs: one write at the end of a file and one `fdatasync`.
pub struct BareLog {
    file: File,
    path: PathBuf,
}

impl BareLog {
    /// A new file in the folder.
    pub fn new(folder: &Path) -> BareLog {
        let path = folder.join("floor.log");
        let file = OpenOptions::new().create(true).truncate(false).append(true).open(&path).unwrap();
        file.set_len(0).unwrap();
        BareLog { file, path }
    }

    /// Appends and syncs.
    pub fn append(&mut self, record: &[u8]) {
        self.file.write_all(record).unwrap();
        self.file.sync_data().unwrap();
    }

    /// How many bytes are there.
    pub fn len(&self) -> u64 {
        std::fs::metadata(&self.path).unwrap().len()
    }
}
