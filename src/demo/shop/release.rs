//! Releases on disk and the link that says which one is live. Never leaves a moment without a `current`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Shop;
use crate::error::{Failure, Result};

/// `release.json`: how a release behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// Share of checkouts that fail in the end, 0 to 1.
    pub checkout_error_share: f64,
    /// How long it takes from going live to that share.
    pub ramp_seconds: f64,
    /// Added to every checkout.
    pub extra_latency_ms: u64,
}

impl Release {
    /// A release without faults.
    pub fn healthy(version: &str) -> Self {
        Release {
            version: version.to_owned(),
            checkout_error_share: 0.0,
            ramp_seconds: 0.0,
            extra_latency_ms: 0,
        }
    }

    /// The file's content.
    pub fn to_json(&self) -> String {
        // Strings and finite numbers always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Share of checkouts that fail so long after going live.
    pub fn error_share(&self, live_for: Duration) -> f64 {
        if self.ramp_seconds <= 0.0 {
            return self.checkout_error_share;
        }
        self.checkout_error_share * (live_for.as_secs_f64() / self.ramp_seconds).min(1.0)
    }
}

/// Whether this is a version as the shop writes them; nothing else becomes part of a path.
pub fn is_version(text: &str) -> bool {
    let mut parts = 0;
    for part in text.split('.') {
        parts += 1;
        if part.is_empty() || part.len() > 4 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
    }
    parts == 3
}

/// The version `current` points at.
pub fn current(shop: &Shop) -> Option<String> {
    let target = fs::read_link(shop.current()).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// Points `current` at a release in one step: whoever looks sees the old link or the new one.
///
/// # Errors
/// When there is no such release or the link cannot be written.
pub fn switch(shop: &Shop, version: &str) -> Result<()> {
    if !is_version(version) || !shop.release(version).join("release.json").is_file() {
        return Err(Failure::usage(format!("there is no release `{version}`")).hint("look into releases/"));
    }
    let draft = shop.dir().join(format!("current.new.{}", std::process::id()));
    let target = Path::new("releases").join(version);
    // A draft left by a run that was killed is in the way of the next with the same number.
    let _ = fs::remove_file(&draft);
    symlink(target, &draft)
        .and_then(|()| fs::rename(&draft, shop.current()))
        .map_err(|e| Failure::environment(format!("cannot switch to release {version}")).because(e))
}

/// The live release, looked at again every 100 ms.
#[derive(Debug)]
pub(super) struct Live {
    looked: Option<Instant>,
    release: Option<Release>,
    since: Instant,
}

impl Live {
    pub(super) fn new(now: Instant) -> Self {
        Live { looked: None, release: None, since: now }
    }

    /// The live release and for how long it has been live. `None` while nothing readable is.
    pub(super) fn look(&mut self, shop: &Shop, now: Instant) -> Option<(&Release, Duration)> {
        let due = self.looked.is_none_or(|at| now.duration_since(at) >= Duration::from_millis(100));
        if due {
            self.looked = Some(now);
            let read = fs::read(shop.current().join("release.json")).ok();
            let release: Option<Release> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if release != self.release {
                self.release = release;
                self.since = now;
            }
        }
        self.release.as_ref().map(|r| (r, now.duration_since(self.since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::shop::{BAD, GOOD, lay_out};

    #[test]
    fn versions_are_three_numbers_and_nothing_else() {
        assert!(is_version("1.4.2"));
        for bad in ["", "1.4", "1.4.2.1", "../1", "1..2", "1.4.x", "1.4.99999"] {
            assert!(!is_version(bad), "{bad}");
        }
    }

    #[test]
    fn the_link_is_switched_and_noticed_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path()).unwrap();
        let shop = Shop::at(dir.path());
        let start = Instant::now();
        let mut live = Live::new(start);
        assert_eq!(live.look(&shop, start).unwrap().0.version, BAD);
        switch(&shop, GOOD).unwrap();
        assert_eq!(current(&shop).as_deref(), Some(GOOD));
        let later = start + Duration::from_millis(150);
        let (release, live_for) = live.look(&shop, later).unwrap();
        assert_eq!((release.version.as_str(), live_for), (GOOD, Duration::ZERO));
        assert!(switch(&shop, "9.9.9").is_err());
        assert_eq!(current(&shop).as_deref(), Some(GOOD), "a refused switch changes nothing");
    }

    #[test]
    fn the_error_share_climbs_to_its_end() {
        let bad = Release { checkout_error_share: 0.3, ramp_seconds: 15.0, ..Release::healthy(BAD) };
        assert_eq!(bad.error_share(Duration::ZERO), 0.0);
        assert!((bad.error_share(Duration::from_secs(5)) - 0.1).abs() < 1e-9);
        assert_eq!(bad.error_share(Duration::from_secs(60)), 0.3);
    }
}
