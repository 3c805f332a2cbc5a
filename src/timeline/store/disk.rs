//! The few file operations an append needs, behind a trait so that tests can make each of them fail.
//!
//! Never loops: a short write is reported as one.

use std::fs::File;
use std::io::{self, Write as _};

/// A file that only grows.
pub trait Disk: Send {
    /// Writes at the end; gives how many bytes were taken.
    ///
    /// # Errors
    /// The system's.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits until the data, and the size needed to read it, are on the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file, and the space reserved behind it, to this many bytes.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
    /// Makes sure there is room for `bytes` from `at` on, without changing the size.
    ///
    /// # Errors
    /// No room, or the file system cannot reserve.
    fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()>;
}

/// The real thing.
#[derive(Debug)]
pub struct FileDisk(File);

impl FileDisk {
    /// Over a file that was opened for appending.
    #[must_use]
    pub fn new(file: File) -> Self {
        FileDisk(file)
    }
}

impl Disk for FileDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn reserve(&mut self, at: u64, bytes: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::KEEP_SIZE, at, bytes)?)
    }
}
