//! The first keys of a runbook, which hardly any test is about. Never holds a key that a test changes.

/// From `backout:` to `objectives:`, for a class. It can stand in `concat!` and in a format.
macro_rules! head {
    ($class:literal) => {
        concat!(
            "backout: 1\nid: test\ntitle: Take it back\nclass: ",
            $class,
            "\nservice: shop\nenvironment: test\nowners: [team]\nsummary: A test.\ndoes_not_undo: Nothing.\n",
            "objectives:\n  rto: 10m\n  rpo: 0s\n"
        )
    };
}
pub(crate) use head;
