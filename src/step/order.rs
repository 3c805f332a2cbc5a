//! What a supervisor hears and says: orders come as lines on its standard input, single bytes go back on its standard
//! output. Never touches a file: an order holds the values of variables, and they may be secrets.
//!
//! ```text
//! hub         order ⏎                                 order ⏎            (end of the stream: go)
//! supervisor           + it runs    . wait for more            +. it was short
//! ```
//!
//! A supervisor that ends instead of saying `.` will not be given another order; words instead of `+` say why.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::record::JobFile;

/// The command runs, or the record says why it does not. No sentence begins so.
pub const READY: u8 = b'+';
/// The attempt is over, its record durable, and nothing of it is left.
pub const FREE: u8 = b'.';
/// A longer order is none. The kernel takes far less as arguments and environment of one command (`execve(2)`).
pub const LONGEST: usize = 16 * 1024 * 1024;

/// One attempt to supervise.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its place, where its story begins with this job.
    pub attempt: PathBuf,
    /// What to run.
    pub job: JobFile,
    /// Variables set for the command.
    pub env: BTreeMap<String, String>,
    /// What must not be in the output.
    pub hidden: Vec<String>,
}

impl Order {
    /// Its line, with the line feed.
    ///
    /// # Errors
    /// A path that is no text.
    pub fn line(&self) -> serde_json::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// It is no order.
    pub fn parse(line: &[u8]) -> serde_json::Result<Order> {
        serde_json::from_slice(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_line_whatever_is_in_it() {
        let job = JobFile {
            argv: vec!["printf".to_owned(), "a\nb\u{0}\r".to_owned()],
            cwd: "/a\nb".into(),
            env: vec!["NAME".to_owned()],
            timeout_ms: u64::MAX,
            grace_ms: 0,
            output_cap: 1,
            boot_id: "b".to_owned(),
        };
        let env = [("NAME".to_owned(), "one\ntwo\u{2028}".to_owned())].into();
        let order = Order { attempt: "/steps/x.1".into(), job, env, hidden: vec!["\n".to_owned()] };
        let line = order.line().unwrap();
        let (last, before) = line.split_last().unwrap();
        assert_eq!(*last, b'\n');
        assert!(!before.contains(&b'\n'));
        assert!(Order::parse(before).unwrap() == order);
        assert!(Order::parse(b"{}").is_err());
    }
}
