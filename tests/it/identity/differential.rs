//! Random files, signatures, people and times: our verdict is `ssh-keygen`'s, every time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use backout::identity::sshsig::APPROVE;
use backout::identity::{AllowedSigners, Signer};

use super::judge::{
    NOON, Question, TEXT, armor, blob, certify, dearmor, envelope, key, line_of, parts, public, stock_sign,
};
use super::soft::Token;
use crate::support::{Place, need};

const CASES: usize = 5000;
const NAMESPACES: [&str; 3] = [APPROVE, "git", "file"];
const PEOPLE: [&str; 4] = ["alice", "bob", "alice@example.com", "mallory"];

/// A small generator of random numbers (xorshift), so that case 1234 is the same everywhere and for ever.
struct Dice(u64);

impl Dice {
    fn new(case: usize) -> Dice {
        let mut dice = Dice((case as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..4 {
            dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &'a [&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// One who signs: what they present, the line that lists them, and their signatures.
struct Someone {
    /// `type base64`, or `cert-authority type base64` for a certificate's authority.
    listed: String,
    /// What they present.
    presented: String,
    /// By namespace, the armored signature over the text.
    signatures: Vec<String>,
}

/// Makes the people: every kind of key, and certificates good and bad.
fn people(place: &Place) -> Vec<Someone> {
    let folder = place.path();
    let mut found = Vec::new();
    let sign_all = |sign: &dyn Fn(&str) -> String| NAMESPACES.iter().map(|name| sign(name)).collect();
    let authority = key(folder, "ca", "ed25519", "");
    let rsa_authority = key(folder, "ca-rsa", "rsa", "3072");
    let trusted = |path: &std::path::Path| format!("cert-authority {}", public(path));
    let window = ["-n", "alice,bob", "-V", "20261120000000Z:20261121000000Z"];
    let certificates: [(&str, &std::path::Path, &[&str]); 6] = [
        ("good", &authority, &window),
        ("good-rsa", &rsa_authority, &["-n", "alice@example.com,alice"]),
        ("nobody", &authority, &[]),
        ("host", &authority, &["-h", "-n", "alice"]),
        ("forced", &authority, &["-n", "alice", "-O", "force-command=/bin/true"]),
        ("star", &authority, &["-n", "*"]),
    ];
    for (kind, bits) in [
        ("ed25519", ""),
        ("ecdsa", "256"),
        ("ecdsa", "384"),
        ("ecdsa", "521"),
        ("rsa", "3072"),
        ("rsa", "2048"),
    ] {
        let file = key(folder, &format!("{kind}{bits}"), kind, bits);
        let options: &[&str] = if bits == "384" { &["-Ohashalg=sha256"] } else { &[] };
        let signatures: Vec<String> = sign_all(&|name| stock_sign(&file, name, TEXT, options));
        for (name, by, options) in certificates.iter().filter(|_| !["384", "521", "2048"].contains(&bits)) {
            let subject = file.with_added_extension("pub");
            let presented = certify(folder, &format!("{kind}{bits}-{name}"), by, &subject, options);
            let graft = |signature: &String| {
                let [_, namespace, _, hash, value] = parts(&dearmor(signature));
                let text = |bytes| String::from_utf8(bytes).unwrap();
                armor(&envelope(1, &blob(&presented), &text(namespace), &text(hash), &value), 70)
            };
            let signatures = signatures.iter().map(graft).collect();
            found.push(Someone { listed: trusted(by), presented, signatures });
        }
        found.push(Someone { listed: public(&file), presented: public(&file), signatures });
    }
    for (token, flags) in [(Token::ed25519(), 0x01), (Token::ecdsa(), 0x05), (Token::ecdsa(), 0x00)] {
        let listed = line_of(&token.blob());
        let signatures = sign_all(&|name| token.sign(&token.blob(), flags, name, TEXT));
        found.push(Someone { presented: listed.clone(), listed, signatures });
    }
    found
}

fn principals(dice: &mut Dice, person: &str) -> String {
    let other = dice.pick(&[
        "bob",
        "carol",
        "*@example.com",
        "!mallory",
        "al?ce",
        "*",
        "a*e*",
        "!bob",
        "!*",
        "",
        "b?b",
    ]);
    match dice.below(12) {
        0..4 => person.to_owned(),
        4 => format!("{person},{other}"),
        5 => format!("{other},{person}"),
        6 => format!("\"{person}\""),
        7 => format!("\"{other},{person}\""),
        8 => format!("{}\"{}\"", &person[..2], &person[2..]),
        9 => format!("{person},{}", "x".repeat(1018 + dice.below(8))),
        10 => "*".to_owned(),
        _ => format!("{other},{}", dice.pick(&["*", "alice", "!alice"])),
    }
}

fn options(dice: &mut Dice) -> String {
    let mut chosen = Vec::new();
    for _ in 0..dice.below(3) + 1 {
        chosen.push(match dice.below(24) {
            0..3 => format!("namespaces=\"{APPROVE}\""),
            3 => "namespaces=\"git,*@backout\"".to_owned(),
            4 => format!("namespaces=\"*,!{APPROVE}\""),
            5 => "NameSpaces=\"g?t,file\"".to_owned(),
            6 => "namespaces=\"a\\\"b,*\"".to_owned(),
            7..9 => "valid-after=\"20261120115959Z\"".to_owned(),
            9 => "valid-after=\"20261120\"".to_owned(),
            10 => "valid-after=\"202611201200utc\"".to_owned(),
            11..13 => "valid-before=\"20261120120001Z\"".to_owned(),
            13 => "valid-before=\"20261131\"".to_owned(),
            14 => "VALID-BEFORE=\"20991231Z\"".to_owned(),
            15 => "valid-before=\"2026112\"".to_owned(),
            16 => "namespaces=git".to_owned(),
            17 => "touch-required".to_owned(),
            18 => String::new(),
            19 => "namespaces=\"open".to_owned(),
            20 => "cert-authority".to_owned(),
            21 => "valid-after=\"19700101Z\"".to_owned(),
            22 => "Cert-Authorityx".to_owned(),
            _ => "namespaces=\"*\"".to_owned(),
        });
    }
    chosen.join(",")
}

fn line(dice: &mut Dice, people: &[Someone], signer: &Someone, person: &str) -> String {
    let mut key = match dice.below(10) {
        0..7 => signer.listed.clone(),
        7 => signer.presented.clone(),
        8 => people[dice.below(people.len())].listed.clone(),
        _ => people[dice.below(people.len())].presented.clone(),
    };
    if dice.chance(5) {
        key = mutate_text(dice, &key);
    }
    let authority = key.starts_with("cert-authority ");
    let more = if dice.chance(35) { options(dice) } else { String::new() };
    let key = match (authority, more.is_empty()) {
        (_, true) => key,
        (true, false) if dice.chance(50) => key.replacen(' ', &format!(",{more} "), 1),
        (true, false) => format!("{more},{key}"),
        (false, false) => format!("{more} {key}"),
    };
    let before = dice.pick(&["", "", "", " ", "\t "]);
    let between = dice.pick(&[" ", " ", "  ", "\t"]);
    let after = dice.pick(&["", "", " a comment", "\t# note", " \"odd", " "]);
    let end = dice.pick(&["\n", "\n", "\n", "\r\n", "\n\n", ""]);
    format!("{before}{}{between}{key}{after}{end}", principals(dice, person))
}

fn mutate_text(dice: &mut Dice, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = dice.below(bytes.len());
    match dice.below(4) {
        0 => bytes[at] = b'A' + u8::try_from(dice.below(26)).unwrap(),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, dice.pick(&["=", " ", "\n", "A", "-", "\r", "\x0b", "\0", "\""]).as_bytes()[0]),
        _ => bytes.truncate(at),
    }
    String::from_utf8(bytes).unwrap()
}

fn mutate_signature(dice: &mut Dice, signature: &str) -> String {
    let mut bytes = dearmor(signature);
    match dice.below(12) {
        0 => signature.replace('\n', "\r\n"),
        1 => format!("\n{signature}"),
        2 => format!("{signature}trailing\n"),
        3..6 => armor(&bytes, [1, 64, 70, 76, 100_000][dice.below(5)]),
        6 => signature.replacen("\n-----END", "\n\n-----END", 1),
        7 => {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            armor(&bytes, 70)
        }
        8 => {
            bytes.push(0);
            armor(&bytes, 70)
        }
        // The head of the envelope, where version, lengths and names are.
        9 => {
            let at = dice.below(40);
            bytes[at] = u8::try_from(dice.below(4)).unwrap();
            armor(&bytes, 70)
        }
        _ => mutate_text(dice, signature),
    }
}

/// Everything about one case, for both judges and for the message if they differ.
#[derive(Debug)]
struct Case {
    signers: String,
    principal: &'static str,
    namespace: &'static str,
    text: &'static [u8],
    signature: String,
    at: u64,
}

fn case(number: usize, people: &[Someone]) -> Case {
    let mut dice = Dice::new(number);
    let dice = &mut dice;
    let signer = &people[dice.below(people.len())];
    let principal = PEOPLE[[0, 0, 0, 1, 2, 3][dice.below(6)]];
    let made_for = [0, 0, 0, 0, 1, 2][dice.below(6)];
    let namespace = if dice.chance(90) { NAMESPACES[made_for] } else { NAMESPACES[dice.below(3)] };
    let mut signature = signer.signatures[made_for].clone();
    if dice.chance(30) {
        signature = mutate_signature(dice, &signature);
    }
    let mut signers = String::new();
    for _ in 0..dice.below(3) + 1 {
        let person = if dice.chance(80) { principal } else { PEOPLE[dice.below(4)] };
        signers.push_str(&match dice.below(12) {
            0 => "# a comment\n".to_owned(),
            1 => " \t\n".to_owned(),
            _ => line(dice, people, signer, person),
        });
    }
    let hours = 3600;
    let midnight = NOON - 12 * hours;
    let at = match dice.below(12) {
        0 => NOON - 2,
        1 => NOON - 1,
        2 => NOON + 1,
        3 => NOON + 2,
        4 => midnight,
        5 => midnight - 1,
        6 => midnight + 24 * hours,
        7 => midnight + 24 * hours - 1,
        _ => NOON,
    };
    let text: &[u8] = if dice.chance(95) { TEXT } else { b"another text\n" };
    Case { signers, principal, namespace, text, signature, at }
}

impl Case {
    fn question(&self) -> Question<'_> {
        Question {
            signers: self.signers.as_bytes(),
            principal: self.principal,
            namespace: self.namespace,
            text: self.text,
            signature: self.signature.as_bytes(),
            at: self.at,
        }
    }
}

#[test]
fn thousands_of_random_cases_get_the_same_verdict_from_openssh_and_from_us() {
    let Some(_) = need("ssh-keygen") else { return };
    let place = Place::new();
    let people = people(&place);
    let (next, accepted, stricter) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let differences = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let folder = place.folder(&format!("worker{worker}"));
            let (next, accepted, stricter, people) = (&next, &accepted, &stricter, &people);
            let differences = &differences;
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CASES {
                        return;
                    }
                    let case = case(number, people);
                    let question = case.question();
                    let (stock, same, ours) = (question.stock(&folder), question.as_openssh(), question.ours());
                    // Our rules only ever take away, and say that it was they.
                    let explained = match (&same, &ours) {
                        (Ok(_), Ok(_)) | (Err(_), Err(_)) => true,
                        (Ok(_), Err(reject)) => reject.is_stricter_than_openssh(),
                        (Err(_), Ok(_)) => false,
                    };
                    if stock != same.is_ok() || !explained {
                        differences.lock().unwrap().push(format!(
                            "case {number}: ssh-keygen {stock}, we {same:?}, with our rules {ours:?}\n{case:?}"
                        ));
                    }
                    accepted.fetch_add(usize::from(stock), Ordering::Relaxed);
                    stricter.fetch_add(usize::from(same.is_ok() && ours.is_err()), Ordering::Relaxed);
                }
            });
        }
    });
    let differences = differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n\n"));
    let (accepted, stricter) = (accepted.into_inner(), stricter.into_inner());
    eprintln!("{CASES} cases: ssh-keygen accepted {accepted}, our own rules refused {stricter} of them");
    assert!(accepted > CASES / 10, "too few cases get past the first check: {accepted}");
    assert!(stricter > 20 && stricter < accepted, "our own rules are exercised: {stricter} of {accepted}");
}

#[test]
fn every_unreadable_random_line_is_reported_with_its_number() {
    let alice = Signer::generate_memory([1; 32]);
    let public = alice.public_openssh();
    let someone = [Someone { listed: public.clone(), presented: public, signatures: Vec::new() }];
    for number in 0..2000 {
        let mut dice = Dice::new(number);
        let text = line(&mut dice, &someone, &someone[0], "alice");
        let lines = text.split('\n').count();
        let signers = AllowedSigners::parse(text.as_bytes());
        for error in signers.errors() {
            assert!((1..=lines).contains(&error.line) && error.to_string().starts_with("line "), "{text:?}");
        }
        assert!(signers.lines().len() + signers.errors().len() <= lines, "{text:?}");
    }
}
