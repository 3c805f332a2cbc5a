//! Links the released program smaller where this machine can: packed relative relocations (`DT_RELR`) where the C
//! library loads them, which is also less to do at every start of a supervisor, and functions with the same code
//! only once where the linker folds them.

use std::env;
use std::path::Path;
use std::process::Command;

/// The first glibc that loads them.
const SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let same = env::var("HOST").is_ok_and(|host| env::var("TARGET").is_ok_and(|target| target == host));
    let gnu = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|name| name == "gnu");
    if same && gnu && glibc().is_some_and(|version| version >= SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if same && released && links_with(FOLD) {
        println!("cargo:rustc-link-arg-bins={FOLD}");
        // Texts that end alike are kept once, too.
        println!("cargo:rustc-link-arg-bins=-Wl,-O2");
    }
}

/// `lld` knows it, and rustc links with `lld` on most machines; GNU's `ld` does not.
const FOLD: &str = "-Wl,--icf=all";

/// Whether a program that does nothing can be linked with this argument.
fn links_with(argument: &str) -> bool {
    let (Ok(rustc), Ok(dir)) = (env::var("RUSTC"), env::var("OUT_DIR")) else { return false };
    let (source, program) = (Path::new(&dir).join("empty.rs"), Path::new(&dir).join("empty"));
    let linker = env::var("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}"));
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut command = Command::new(rustc);
    command.args(linker).args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    command.arg(format!("-Clink-arg={argument}")).arg("-o").arg(program).arg(&source);
    std::fs::write(&source, "fn main() {}").is_ok()
        && command.output().is_ok_and(|output| output.status.success())
}

/// `glibc 2.36` says `getconf`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
