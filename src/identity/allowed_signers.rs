//! Which key speaks for whom, in OpenSSH's `allowed_signers` format. Never accepts what `ssh-keygen -Y verify` refuses.

mod line;
mod lint;

use super::certificate::Certificate;
use super::key::{Presented, PublicKey};
use super::pattern::{self, Entry, Match};
use super::reject::{CertificateUse, Presence, Reject, Signed};
use super::revoked::Revoked;
use super::sshsig::{Envelope, NAMESPACES};

pub use line::{Line, LineError, LineProblem};
pub use lint::{Finding, Rule};

/// RSA keys below this many bits do not count.
pub const MIN_RSA_BITS: usize = 3072;

/// The keys of a team.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    lines: Vec<Line>,
    errors: Vec<LineError>,
}

/// How far a verdict goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// What `ssh-keygen -Y verify` asks.
    OpenSsh,
    /// That, and this program's own rules.
    Ours,
}

impl AllowedSigners {
    /// Reads a file's bytes. Lines that cannot be read let nobody in, as in OpenSSH, and are kept as [`Self::errors`].
    pub fn parse(bytes: &[u8]) -> Self {
        let mut signers = AllowedSigners::default();
        for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
            match Line::parse(index + 1, text) {
                Ok(Some(line)) => signers.lines.push(line),
                Ok(None) => {}
                Err(problem) => signers.errors.push(LineError { line: index + 1, problem }),
            }
        }
        signers
    }

    /// The lines that could be read.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The lines that could not be read, and why.
    pub fn errors(&self) -> &[LineError] {
        &self.errors
    }

    /// Everything that makes this file say something else than it seems to.
    pub fn lint(&self) -> Vec<Finding> {
        lint::lint(self)
    }

    /// Whether an armored signature over `message` counts as `principal`'s for `namespace` at that time (seconds
    /// since 1970 UTC).
    ///
    /// Stricter than `ssh-keygen -Y verify`: see [`Reject::is_stricter_than_openssh`].
    ///
    /// # Errors
    /// The first reason why it does not count.
    pub fn verify(
        &self,
        principal: &str,
        namespace: &str,
        message: &[u8],
        armored_sig: &str,
        at_unix_seconds: u64,
        revoked: &Revoked,
    ) -> Result<Signed, Reject> {
        let ask = Question { principal, namespace, message, at: at_unix_seconds, revoked };
        self.decide(Rules::Ours, &ask, armored_sig.as_bytes())
    }

    /// The verdict `ssh-keygen -Y verify` would give, without this program's own rules. For comparison only.
    ///
    /// # Errors
    /// The first reason why it does not count.
    pub fn verify_as_openssh(
        &self,
        principal: &str,
        namespace: &str,
        message: &[u8],
        armored_sig: &str,
        at_unix_seconds: u64,
        revoked: &Revoked,
    ) -> Result<Signed, Reject> {
        let ask = Question { principal, namespace, message, at: at_unix_seconds, revoked };
        self.decide(Rules::OpenSsh, &ask, armored_sig.as_bytes())
    }

    fn decide(&self, rules: Rules, ask: &Question<'_>, armored: &[u8]) -> Result<Signed, Reject> {
        let envelope = Envelope::parse_as_openssh(armored)?;
        let checked = envelope.check(ask.namespace, ask.message)?;
        let presented = envelope.presented();
        ask.revoked.check(presented)?;
        let fingerprint = presented.key().fingerprint();
        let mut refusal =
            Reject::NotListed { principal: ask.principal.to_owned(), fingerprint: fingerprint.clone() };
        for line in self.lines.iter().filter(|line| line.is_for(ask.principal) && line.names(presented)) {
            let verdict = ask.by_line(line, presented).and_then(|()| match rules {
                Rules::OpenSsh => Ok(()),
                Rules::Ours => ask.by_own_rules(line, &envelope, checked.presence),
            });
            match verdict {
                Ok(()) => {
                    return Ok(Signed {
                        fingerprint,
                        algorithm: checked.algorithm,
                        presence: checked.presence,
                        counter: checked.counter,
                        certificate: certificate_use(presented),
                        line: line.number(),
                    });
                }
                // A line that OpenSSH would have accepted says most about why this was refused.
                Err(reason) if !refusal.is_stricter_than_openssh() => refusal = reason,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    /// The keys a principal may sign with, authorities' keys included, in the file's order.
    pub fn keys_of(&self, principal: &str) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.is_for(principal)).collect()
    }

    /// Whether a key is worth asking for a signature of this person's: listed, strong enough, and for our purposes.
    ///
    /// Time is not looked at; [`Self::verify`] does.
    pub fn lists(&self, principal: &str, presented: &Presented) -> bool {
        let own = self
            .keys_of(principal)
            .into_iter()
            .filter(|line| line.names(presented) && matches!(line.presented(), Presented::Key(_)));
        let mut useful = own.filter(|line| NAMESPACES.iter().any(|namespace| line.allows(namespace)));
        let strong = presented.key().rsa_bits().is_none_or(|bits| bits >= MIN_RSA_BITS);
        let speaks = match presented {
            Presented::Key(_) => true,
            Presented::Certificate(certificate) => {
                certificate.principals().iter().any(|listed| listed == principal.as_bytes())
            }
        };
        strong && speaks && useful.any(|line| line.is_authority() || line.lists_by_name(principal))
    }

    /// The people a key or certificate speaks for, in the file's order, each once.
    pub fn principals_of(&self, presented: &Presented) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for line in self.lines.iter().filter(|line| line.names(presented)) {
            let named: Vec<&[u8]> = match presented {
                Presented::Key(_) => line.names_listed().collect(),
                Presented::Certificate(certificate) => {
                    certificate.principals().iter().map(Vec::as_slice).collect()
                }
            };
            for name in named.into_iter().filter_map(|name| std::str::from_utf8(name).ok()) {
                if self.lists(name, presented) && !found.iter().any(|known| known == name) {
                    found.push(name.to_owned());
                }
            }
        }
        found
    }
}

/// What is asked about a signature.
struct Question<'a> {
    principal: &'a str,
    namespace: &'a str,
    message: &'a [u8],
    at: u64,
    revoked: &'a Revoked,
}

impl Question<'_> {
    /// The conditions of one line, in OpenSSH's order: certificate, purpose, window.
    fn by_line(&self, line: &Line, presented: &Presented) -> Result<(), Reject> {
        let number = line.number();
        if line.is_authority()
            && let Presented::Certificate(certificate) = presented
        {
            certificate
                .speaks_for(self.principal, self.at)
                .map_err(|reason| Reject::Certificate { line: number, reason })?;
        }
        if !line.allows(self.namespace) {
            return Err(Reject::OtherPurpose { line: number, namespace: self.namespace.to_owned() });
        }
        if line.valid_after().is_some_and(|start| self.at < start) {
            return Err(Reject::NotYetValid { line: number });
        }
        if line.valid_before().is_some_and(|end| self.at > end) {
            return Err(Reject::Expired { line: number });
        }
        Ok(())
    }

    /// What this program asks beyond OpenSSH.
    fn by_own_rules(&self, line: &Line, envelope: &Envelope, presence: Presence) -> Result<(), Reject> {
        let (number, presented) = (line.number(), envelope.presented());
        let fingerprint = || presented.key().fingerprint();
        if envelope.version() != 1 {
            return Err(Reject::Version(envelope.version()));
        }
        if matches!(line.presented(), Presented::Certificate(_)) {
            return Err(Reject::CertificateAsKey { line: number });
        }
        if !line.is_authority() && !line.lists_by_name(self.principal) {
            return Err(Reject::Wildcard { line: number, principal: self.principal.to_owned() });
        }
        strong_enough(presented.key())?;
        if presence == Presence::Absent {
            return Err(Reject::NotTouched { fingerprint: fingerprint() });
        }
        if let Presented::Certificate(certificate) = presented {
            strong_enough(certificate.authority())?;
            certificate.unconditional().map_err(|reason| Reject::Certificate { line: number, reason })?;
            if certificate.demands_user_verification() && presence != Presence::Verified {
                return Err(Reject::NotVerified { fingerprint: fingerprint() });
            }
        }
        Ok(())
    }
}

fn strong_enough(key: &PublicKey) -> Result<(), Reject> {
    match key.rsa_bits() {
        Some(bits) if bits < MIN_RSA_BITS => Err(Reject::WeakRsa { fingerprint: key.fingerprint(), bits }),
        Some(_) | None => Ok(()),
    }
}

fn certificate_use(presented: &Presented) -> Option<CertificateUse> {
    match presented {
        Presented::Key(_) => None,
        Presented::Certificate(certificate) => Some(CertificateUse {
            key_id: certificate.key_id().to_owned(),
            serial: certificate.serial(),
            authority: certificate.authority().fingerprint(),
        }),
    }
}

impl Line {
    /// Whether the line's patterns cover a principal, as OpenSSH decides it.
    pub fn is_for(&self, principal: &str) -> bool {
        pattern::match_list(principal.as_bytes(), self.principals()) == Match::Listed
    }

    /// Whether the line names the principal byte for byte.
    pub fn lists_by_name(&self, principal: &str) -> bool {
        self.is_for(principal) && self.names_listed().any(|name| name == principal.as_bytes())
    }

    /// The names in the line that are not patterns.
    pub fn names_listed(&self) -> impl Iterator<Item = &[u8]> {
        pattern::entries(self.principals()).filter_map(|entry| match entry {
            Entry::Exact(name) => Some(name),
            Entry::Wild(_) | Entry::Negated(_) => None,
        })
    }

    /// Whether the line may be used for a purpose.
    pub fn allows(&self, namespace: &str) -> bool {
        self.namespaces().is_none_or(|list| pattern::match_list(namespace.as_bytes(), list) == Match::Listed)
    }

    /// Whether the line is about what a signer presents: the same key, or the authority of its certificate.
    ///
    /// A key's line does not cover a certificate over it, and an authority's line does not cover the authority's key.
    pub fn names(&self, presented: &Presented) -> bool {
        match (self.is_authority(), presented) {
            (false, _) => self.presented() == presented,
            (true, Presented::Certificate(certificate)) => {
                Certificate::authority(certificate) == self.presented().key()
            }
            (true, Presented::Key(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests;
