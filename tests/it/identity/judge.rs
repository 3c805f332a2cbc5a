//! The judge: stock `ssh-keygen`. And small helpers to make keys, certificates and envelopes for it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Reject, Revoked, Signed};
use base64::Engine as _;

/// 2026-11-20T12:00:00Z.
pub const NOON: u64 = 1_795_176_000;
pub const TEXT: &[u8] = b"backout approval v1\nstep: migrate-down attempt 1\n";

/// One of our two verdicts.
type Verify = fn(&AllowedSigners, &str, &str, &[u8], &str, u64, &Revoked) -> Result<Signed, Reject>;

/// What is put to both judges.
#[derive(Clone)]
pub struct Question<'a> {
    pub signers: &'a [u8],
    pub principal: &'a str,
    pub namespace: &'a str,
    pub text: &'a [u8],
    pub signature: &'a [u8],
    pub at: u64,
}

impl<'a> Question<'a> {
    /// Alice's approval at noon.
    pub fn new(signers: &'a str, signature: &'a str) -> Question<'a> {
        Question {
            signers: signers.as_bytes(),
            principal: "alice",
            namespace: APPROVE,
            text: TEXT,
            signature: signature.as_bytes(),
            at: NOON,
        }
    }

    /// Our verdict, with our own rules.
    pub fn ours(&self) -> Result<Signed, Reject> {
        self.ask(AllowedSigners::verify)
    }

    /// Our verdict without our own rules.
    pub fn as_openssh(&self) -> Result<Signed, Reject> {
        self.ask(AllowedSigners::verify_as_openssh)
    }

    fn ask(&self, verify: Verify) -> Result<Signed, Reject> {
        let signers = AllowedSigners::parse(self.signers);
        let signature = String::from_utf8_lossy(self.signature);
        verify(&signers, self.principal, self.namespace, self.text, &signature, self.at, &Revoked::none())
    }

    /// The verdict of the `ssh-keygen` on this machine; files go to `folder`.
    pub fn stock(&self, folder: &Path) -> bool {
        let (signers, signature) = (folder.join("allowed_signers"), folder.join("sig"));
        std::fs::write(&signers, self.signers).unwrap();
        std::fs::write(&signature, self.signature).unwrap();
        let time = chrono::DateTime::from_timestamp(i64::try_from(self.at).unwrap(), 0).unwrap();
        let mut judge = Command::new("ssh-keygen");
        judge.args(["-q", "-Y", "verify", "-f"]).arg(&signers).args(["-I", self.principal]);
        judge.args(["-n", self.namespace, "-s"]).arg(&signature);
        judge.arg(format!("-Overify-time={}", time.format("%Y%m%d%H%M%SZ")));
        let mut child =
            judge.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The judge may refuse before it has read everything; its exit code says so.
        let _ = child.stdin.take().unwrap().write_all(self.text);
        child.wait().unwrap().success()
    }
}

/// Runs `ssh-keygen` and insists that it succeeds.
pub fn keygen(arguments: &[&str]) {
    let output = Command::new("ssh-keygen").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a key file of a type; returns its path.
pub fn key(folder: &Path, name: &str, kind: &str, bits: &str) -> PathBuf {
    let path = folder.join(name);
    let mut arguments = vec!["-q", "-N", "", "-C", name, "-t", kind];
    if !bits.is_empty() {
        arguments.extend(["-b", bits]);
    }
    let file = path.to_str().unwrap().to_owned();
    arguments.extend(["-f", &file]);
    keygen(&arguments);
    path
}

/// The public line of a key file, without its comment.
pub fn public(path: &Path) -> String {
    public_of(&path.with_added_extension("pub"))
}

/// The first two words of a public file.
pub fn public_of(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// Certifies a copy of `subject.pub`, so that one key can have several certificates; returns the public line.
pub fn certify(folder: &Path, name: &str, authority: &Path, subject: &Path, options: &[&str]) -> String {
    let copy = folder.join(format!("{name}.pub"));
    std::fs::copy(subject, &copy).unwrap();
    let mut arguments = vec!["-q", "-s", authority.to_str().unwrap(), "-I", name];
    arguments.extend(options);
    arguments.push(copy.to_str().unwrap());
    keygen(&arguments);
    public_of(&folder.join(format!("{name}-cert.pub")))
}

/// A signature as `ssh-keygen -Y sign` makes it.
pub fn stock_sign(key: &Path, namespace: &str, text: &[u8], options: &[&str]) -> String {
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).args(options);
    sign.env_remove("SSH_AUTH_SOCK");
    let mut child = sign.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Appends an SSH wire string.
pub fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

/// The blob of a public line.
pub fn blob(public: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(public.split(' ').nth(1).unwrap()).unwrap()
}

/// The first two words of a public file for a blob.
pub fn line_of(blob: &[u8]) -> String {
    let length = u32::from_be_bytes(blob[..4].try_into().unwrap()) as usize;
    let name = String::from_utf8(blob[4..4 + length].to_vec()).unwrap();
    format!("{name} {}", base64::engine::general_purpose::STANDARD.encode(blob))
}

/// Armors bytes.
pub fn armor(bytes: &[u8], columns: usize) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(columns).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

/// Takes the bytes out of an armor.
pub fn dearmor(text: &str) -> Vec<u8> {
    let inside: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(inside).unwrap()
}

/// An envelope of any content.
pub fn envelope(version: u32, key: &[u8], namespace: &str, hash: &str, signature: &[u8]) -> Vec<u8> {
    let mut out = b"SSHSIG".to_vec();
    out.extend(version.to_be_bytes());
    put(&mut out, key);
    put(&mut out, namespace.as_bytes());
    put(&mut out, b"");
    put(&mut out, hash.as_bytes());
    put(&mut out, signature);
    out
}

/// The parts of an envelope: key blob, namespace, reserved, hash, signature.
pub fn parts(bytes: &[u8]) -> [Vec<u8>; 5] {
    let mut rest = &bytes[10..];
    std::array::from_fn(|_| {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let part = rest[4..4 + length].to_vec();
        rest = &rest[4 + length..];
        part
    })
}

/// The value of the RSA signature with SHA-1 that an agent makes for a client who does not ask for better.
pub fn sha1_of_agent(socket: &Path, presented: &[u8], namespace: &str, text: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut request = vec![13];
    put(&mut request, presented);
    put(&mut request, &backout::identity::sshsig::signed_data(namespace, text));
    request.extend([0; 4]);
    let mut framed = Vec::new();
    put(&mut framed, &request);
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(&framed).unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[4], 14, "the agent signed");
    let mut value = vec![0; u32::from_be_bytes(head[5..].try_into().unwrap()) as usize];
    stream.read_exact(&mut value).unwrap();
    value
}
