//! `stdio`: the far end of `join --via`: carries bytes between standard input and output and a hub's socket. Never reads
//! what it carries.

use crate::cli::args::{Args, Stdio};
use crate::cli::context::Context;
use crate::cli::door::Door;
use crate::client::connection::ConnectError;
use crate::error::{Failure, Result};
use crate::hub::layout;
use crate::wire::frame;
use crate::wire::message::FromHub;
use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Runs the verb. Who is at the other end hears in its own language why there is no hub.
pub fn run(args: &Args, verb: &Stdio) -> Result<()> {
    let carried = Context::of(args).and_then(|context| carry(&context.door(verb.incident.as_deref())?));
    if let Err(failure) = &carried {
        apologise(failure);
    }
    carried
}

fn carry(door: &Door) -> Result<()> {
    let Door::Folder(dir) = door else {
        return Err(Failure::usage("this carries to an incident's own hub only"));
    };
    let (path, of) = (layout::socket(dir)?, owner(dir)?);
    let shut = |why: std::io::Error| door.shut(ConnectError::NoHub { path: path.clone(), why }.into());
    let hub = UnixStream::connect(&path).map_err(shut)?;
    let held = rustix::net::sockopt::socket_peercred(&hub).map_err(|e| shut(e.into()))?.uid.as_raw();
    if held != of {
        let (uid, owner) = (format!("uid {held}"), format!("uid {of}"));
        return Err(door.shut(ConnectError::Stranger { path, uid, owner }.into()));
    }
    // Straight from the descriptors: what is kept for a line's end would be kept from the other side.
    let file = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from).map_err(shut);
    let (mut input, mut output) = (file(std::io::stdin().as_fd())?, file(std::io::stdout().as_fd())?);
    let mut to_hub = hub.try_clone().map_err(shut)?;
    std::thread::spawn(move || {
        // Whoever hangs up has nothing more to hear.
        carry_over(&mut input, &mut to_hub);
        let _ = to_hub.shutdown(Shutdown::Both);
    });
    let mut from_hub = hub;
    // A connection that ends is how this ends; the console at the far end says what it means.
    carry_over(&mut from_hub, &mut output);
    Ok(())
}

/// Until one side ends. Not `std::io::copy`: it lets the kernel move the bytes, and a wait for more of them then locks
/// the pipe that sshd reads from.
fn carry_over(from: &mut impl Read, to: &mut impl Write) {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut piece) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
            Ok(read) => read,
        };
        if to.write_all(piece.get(..read).unwrap_or_default()).is_err() {
            return;
        }
    }
}

fn owner(dir: &Path) -> Result<u32> {
    let meta = std::fs::metadata(dir);
    meta.map(|m| m.uid())
        .map_err(|e| Failure::environment(format!("cannot see {}", dir.display())).because(e))
}

/// One frame, as a hub would send it.
fn apologise(failure: &Failure) {
    let sorry = FromHub::Sorry { why: failure.to_string() };
    let Ok(content) = frame::write(&sorry, frame::FROM_HUB) else { return };
    let length = u32::try_from(content.len()).unwrap_or(0);
    let mut out = std::io::stdout().lock();
    // Nobody may be there any more.
    let _ = out
        .write_all(&length.to_be_bytes())
        .and_then(|()| out.write_all(&content))
        .and_then(|()| out.flush());
}
