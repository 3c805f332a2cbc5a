//! `team.yaml`: who there is. Never knows keys; those stand in `allowed_signers` under the same id.

use std::collections::BTreeMap;

use crate::core::id::{PersonId, RoleName};
use crate::core::team::{Person, Team};
use crate::runbook::decode::{Fields, Item};
use crate::runbook::finding::Finding;
use crate::runbook::yaml::{Faults, Span, parse_bytes};

/// Reads the file. `path` is the label findings carry. The team is there when no finding is an error.
pub fn decode(path: &str, bytes: &[u8]) -> (Option<Team>, Vec<Finding>) {
    let node = match parse_bytes(path, bytes) {
        Ok(node) => node,
        Err(findings) => return (None, findings),
    };
    let faults = Faults::new(path);
    let team = file(Item::root(&node, &faults));
    let usable = !faults.any_error();
    let findings = faults.into_findings(&String::from_utf8_lossy(bytes));
    (team.filter(|_| usable), findings)
}

fn file(root: Item<'_>) -> Option<Team> {
    let mut fields = Fields::of(root, "the team file")?;
    let mut seen: BTreeMap<PersonId, Span> = BTreeMap::new();
    let people = fields.required("people", |list| {
        list.some(|item| {
            let (at, person) = person(item)?;
            if let Some(first) = seen.get(&person.id) {
                let message = format!("`{}` is listed twice, first on line {}", person.id, first.line);
                root.faults().error("team-duplicate", at, &message, "give every person one entry");
                return None;
            }
            seen.insert(person.id.clone(), at);
            Some(person)
        })
    });
    fields.finish();
    Some(Team { people: people? })
}

/// A person and where the id stands.
fn person(item: Item<'_>) -> Option<(Span, Person)> {
    let mut fields = Fields::of(item, "a person")?;
    let mut at = item.at();
    let id = fields.required("id", |i| {
        at = i.at();
        person_id(i)
    });
    let name = fields.required("name", person_name);
    let roles = fields.optional("roles", |i| i.list(role)).unwrap_or_default();
    let contact = fields.optional("contact", Item::text);
    let time_zone = fields.optional("time_zone", time_zone);
    fields.finish();
    Some((at, Person { id: id?, name: name?, roles, contact, time_zone }))
}

fn person_id(item: Item<'_>) -> Option<PersonId> {
    let text = item.text()?;
    // ssh-keygen takes the id as the value of an option, where a dash in front would be another option.
    let parsed = PersonId::parse(text.as_str()).ok().filter(|_| !text.starts_with('-'));
    if parsed.is_none() {
        item.refuse(
            "team-bad-id",
            "this is not an id of a person",
            "use a-z, 0-9 and . _ @ + -, as in allowed_signers",
        );
    }
    parsed
}

/// The longest name of a person, in characters.
const LONGEST_NAME: usize = 100;

/// What people are called is their own business, as long as it can be seen.
fn person_name(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    let why = match crate::sanitize::hidden(&text) {
        Some(c) => format!("there is a hidden character in this name: {}", c.escape_unicode()),
        None if text.trim().is_empty() => "this name is empty".to_owned(),
        None if text.chars().count() > LONGEST_NAME => {
            format!("this name is longer than {LONGEST_NAME} characters")
        }
        None => return Some(text),
    };
    item.refuse("team-bad-name", &why, "write the name as it is to be read");
    None
}

fn role(item: Item<'_>) -> Option<RoleName> {
    let text = item.text()?;
    let parsed = RoleName::parse(text).ok();
    if parsed.is_none() {
        item.refuse("team-bad-role", "this is not a role", "use a-z, 0-9 and _ -");
    }
    parsed
}

/// An IANA name by its shape: `UTC` or `Area/Place`. Whether this machine knows it does not matter here.
fn time_zone(item: Item<'_>) -> Option<String> {
    let text = item.text()?;
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_uppercase())
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
    };
    let fits = text == "UTC" || (text.contains('/') && text.len() <= 64 && text.split('/').all(part));
    if !fits {
        item.refuse(
            "team-bad-time-zone",
            "this is not a time zone",
            "write UTC or a name such as Europe/Lisbon",
        );
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let (team, findings) = decode("team.yaml", text.as_bytes());
        assert!(team.is_none(), "accepted: {team:?}");
        findings.into_iter().map(|f| format!("{}:{}: {}; {}", f.line, f.column, f.message, f.help)).collect()
    }

    #[test]
    fn people_have_ids_roles_and_a_place_in_the_world() {
        let text = "people:\n\
            - {id: ana@example.org, name: Ana, roles: [commander, sre], contact: '+351 1', time_zone: Europe/Lisbon}\n\
            - {id: ben, name: Ben}\n";
        let (team, findings) = decode("team.yaml", text.as_bytes());
        assert!(findings.is_empty());
        let team = team.unwrap();
        assert!(team.may_take(&PersonId::parse("ana@example.org").unwrap(), "sre"));
        assert!(!team.may_take(&PersonId::parse("ben").unwrap(), "sre"));
        assert_eq!(team.people[0].time_zone.as_deref(), Some("Europe/Lisbon"));
    }

    #[test]
    fn a_person_listed_twice_is_refused_with_both_places() {
        let found = findings("people:\n  - {id: ana, name: A}\n  - {id: ana, name: B}\n");
        assert_eq!(found, ["3:10: `ana` is listed twice, first on line 2; give every person one entry"]);
    }

    #[test]
    fn every_mistake_is_found_in_one_pass() {
        let found = findings(
            "people:\n  - {id: Ana, name: A, tz: UTC}\n  - {id: -x, name: B, roles: [a b]}\n  - {id: c, time_zone: CET!}\n",
        );
        let all = found.join("\n");
        for part in ["2:10", "unknown key `tz`", "3:10", "not a role", "has no `name`", "not a time zone"] {
            assert!(all.contains(part), "{part} is missing in\n{all}");
        }
    }

    #[test]
    fn odd_ids_are_refused_and_so_are_names_that_hide_something() {
        let long = "x".repeat(101);
        for id in
            ["\u{430}na", "ane\u{301}", "an\u{e9}", "\u{ff41}na", "ana\u{200b}", "-x", "a b", "A", "'a\"b'"]
        {
            let found = findings(&format!("people:\n  - {{id: {id}, name: Ana}}\n"));
            assert!(found.concat().contains("not an id of a person"), "{id:?}: {found:?}");
        }
        for (name, why) in [
            ("\"Ana\\u200b\"", "\\u{200b}"),
            ("\"Ana\\u202eloS\"", "\\u{202e}"),
            ("\"Ana\\e[2J\"", "\\u{1b}"),
            ("'  '", "empty"),
            (long.as_str(), "longer than 100"),
        ] {
            let found = findings(&format!("people:\n  - {{id: ana, name: {name}}}\n"));
            assert!(found.concat().contains(why), "{name:?}: {found:?}");
        }
        let text = "people:\n  - {id: ana, name: Zoë D'Arcy 李雷 Jose\u{301}}\n";
        assert!(decode("team.yaml", text.as_bytes()).0.is_some(), "other alphabets and accents are names");
    }

    #[test]
    fn an_empty_team_is_no_team() {
        assert_eq!(findings("people: []\n").len(), 1);
        assert_eq!(findings("{}\n").len(), 1);
        assert!(!findings("- ana\n").is_empty());
    }
}
