//! The themes that come with the program. Never reads a file.

use super::{Theme, load};

/// Used where there are no colours.
pub const MONO: &str = "mono";

/// Used where nobody chose one.
pub const DEFAULT: &str = "default-dark";

/// Names of the themes, the default first.
pub const NAMES: [&str; 6] = [DEFAULT, "default-light", "ansi16", "high-contrast", "colour-blind-safe", MONO];

const FILES: [&str; 6] = [
    include_str!("../../themes/default-dark.yaml"),
    include_str!("../../themes/default-light.yaml"),
    include_str!("../../themes/ansi16.yaml"),
    include_str!("../../themes/high-contrast.yaml"),
    include_str!("../../themes/colour-blind-safe.yaml"),
    include_str!("../../themes/mono.yaml"),
];

/// The file of a theme that comes with the program.
pub(super) fn source(name: &str) -> Option<&'static str> {
    NAMES.iter().position(|n| *n == name).and_then(|at| FILES.get(at)).copied()
}

/// A theme that comes with the program.
pub fn shipped(name: &str) -> Option<Theme> {
    // The test over all names keeps the files right; a broken one would be missing here, not a panic.
    load(name, source(name)?).ok()
}
