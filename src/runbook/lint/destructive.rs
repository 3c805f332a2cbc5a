//! Words that destroy, and words that change where only looking is meant. Never knows every command there is.

use super::case::{Case, Report};
use super::starts::{self, Purpose};
use regex::Regex;
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::borrow::Cow;
use std::sync::LazyLock;

/// What each pattern is called in a finding, and the pattern.
const DESTRUCTIVE: &[(&str, &str)] = &[
    ("rm -r", r"(?:^|[\s;&|(`/])rm\s+(?:-\S+\s+)*-(?:\w*r\w*|-recursive)(?:\s|$)"),
    ("find -delete", r"\bfind\b.*\s-delete\b"),
    (
        "drop",
        r"\bdrop\s+(?:table|database|schema|column|index|view|materialized|type|role|user|sequence|tablespace|owned|keyspace|constraint)\b",
    ),
    ("truncate", r"\btruncate\s+\S"),
    ("delete from", r"\bdelete\s+from\b"),
    ("dropdb", r"\b(?:dropdb|dropuser|pg_dropcluster)\b"),
    ("db.dropDatabase", r"\bdropdatabase\("),
    ("--force", r"(?:^|\s)--force(?:\s|=|$)"),
    ("git push -f", r"\bgit\s+push\b.*\s(?:-f\b|--force|\+\w)"),
    ("git reset --hard", r"\bgit\s+reset\s+--hard\b"),
    ("git clean", r"\bgit\s+clean\s+-\S*f"),
    ("mkfs", r"\b(?:mkfs|wipefs|shred|blkdiscard)\b"),
    ("dd of=", r"\bdd\s.*\bof="),
    ("lvremove", r"\b(?:lvremove|vgremove|pvremove)\b"),
    ("zfs destroy", r"\bzfs\s+(?:destroy|rollback)\b"),
    ("kubectl delete", r"\b(?:kubectl|oc)\s(?:.*\s)?delete\s"),
    ("helm uninstall", r"\bhelm\s(?:.*\s)?(?:uninstall|delete)\s"),
    ("terraform destroy", r"\b(?:terraform|tofu)\s(?:.*\s)?destroy\b"),
    ("docker prune", r"\b(?:docker|podman)\s.*\b(?:prune|volume\s+rm)\b"),
    ("aws delete", r"\baws\s.*\s(?:delete|terminate)-\S+"),
    ("aws s3 rm", r"\baws\s+s3\s+(?:rm|rb)\b"),
    ("gcloud delete", r"\b(?:gcloud|gsutil|az)\s.*\s(?:delete|rm)\b"),
    ("rsync --delete", r"\brsync\s.*--delete"),
    ("flushall", r"\bflush(?:all|db)\b"),
    ("pg_resetwal", r"\bpg_reset(?:wal|xlog)\b"),
    ("etcdctl del", r"\betcdctl\s(?:.*\s)?del\s"),
    ("userdel", r"\b(?:userdel|groupdel)\b"),
    ("purge", r"\b(?:apt|apt-get)\s+(?:.*\s)?purge\b"),
];

/// Words that change something, beyond those that destroy it.
const CHANGING: &[(&str, &str)] = &[
    ("insert into", r"\binsert\s+into\b"),
    ("update … set", r"\bupdate\s+\S+\s+set\b"),
    ("alter", r"\balter\s+(?:table|database|system|role|user|schema|index|sequence)\b"),
    ("create", r"\bcreate\s+(?:table|database|schema|role|user|index|unique|extension|or\s+replace)\b"),
    ("grant", r"\b(?:grant|revoke)\s+\w+.*\b(?:on|to|from)\b"),
    ("vacuum", r"\b(?:vacuum|reindex)\s+\S"),
    (
        "pg_promote",
        r"\bpg_(?:promote|wal_replay_resume|wal_replay_pause|terminate_backend|cancel_backend|reload_conf|logical_slot_get_changes)\s*\(",
    ),
    ("pg_ctl", r"\bpg_ctl\s(?:.*\s)?(?:start|stop|restart|promote|reload)\b"),
    ("systemctl", r"\b(?:systemctl|service)\s(?:.*\s)?(?:start|stop|restart|reload|enable|disable|mask)\b"),
    (
        "kubectl",
        r"\b(?:kubectl|oc)\s(?:.*\s)?(?:apply|patch|scale|create|replace|edit|drain|cordon|uncordon|rollout\s+(?:undo|restart|pause|resume))\b",
    ),
    ("helm", r"\bhelm\s(?:.*\s)?(?:upgrade|install|rollback)\b"),
    ("curl -X", r"\bcurl\s.*(?:-X\s*|--request[ =])(?:post|put|patch|delete)\b"),
    ("git", r"\bgit\s(?:.*\s)?(?:push|commit|checkout|merge|rebase)\b"),
    ("kill", r"(?:^|[\s;&|(])(?:kill|pkill|killall)\s"),
];

/// Commands that name a change and make none: whether it is allowed, what it would do. Each reaches to where the shell
/// begins another command, so that what is really done beside it is still seen.
static ONLY_ASKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let here = r"[^;&|\n`]*";
    let tried = format!(
        r"(?:kubectl|oc|helm|git|rsync|apt-get)\s{here}\s--dry-run(?:=(?:client|server|true))?(?:\s|$){here}"
    );
    let asked = format!(
        r"(?:kubectl|oc)\s(?:{here}\s)?(?:auth\s+can-i|diff|explain)\s{here}|helm\s(?:{here}\s)?diff\s{here}"
    );
    Regex::new(&format!(r"(?is)\b(?:{asked}|{tried})")).ok()
});

fn done(command: &str) -> Cow<'_, str> {
    ONLY_ASKS.as_ref().map_or(Cow::Borrowed(command), |asks| asks.replace_all(command, " "))
}

/// Over bytes: commands are ASCII, and patterns that know all letters of the world take ten times as long to make.
fn set(patterns: &[(&str, &str)]) -> RegexSet {
    let all = patterns.iter().map(|(_, pattern)| format!("(?is){pattern}"));
    RegexSetBuilder::new(all).unicode(false).build().unwrap_or_default()
}

/// The name of the first pattern that the command matches once what only asks is taken out of it.
fn first(set: &RegexSet, named: &'static [(&str, &str)], command: &str) -> Option<&'static str> {
    if !set.is_match(command.as_bytes()) {
        return None;
    }
    let hit = set.matches(done(command).as_bytes()).into_iter().next()?;
    named.get(hit).map(|(name, _)| *name)
}

static DESTROYS: LazyLock<RegexSet> = LazyLock::new(|| set(DESTRUCTIVE));
static CHANGES: LazyLock<RegexSet> = LazyLock::new(|| set(CHANGING));

/// The first thing in a command that destroys, as findings call it.
pub fn destroys(command: &str) -> Option<&'static str> {
    first(&DESTROYS, DESTRUCTIVE, command)
}

/// The first thing in a command that changes something, as findings call it.
pub fn changes(command: &str) -> Option<&'static str> {
    destroys(command).or_else(|| first(&CHANGES, CHANGING, command))
}

pub fn destructive_words_are_marked(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in case.steps.iter().filter(|p| !p.step.irreversible) {
        for start in starts::of(placed).iter().filter(|s| s.purpose != Purpose::Looks) {
            if let Some(word) = destroys(&start.text()) {
                let id = &placed.step.id;
                report
                    .at(&start.path, &format!("`{word}` destroys something, and `{id}` is not irreversible"));
            }
        }
    }
}

pub fn looks_change_nothing(case: &Case<'_>, report: &mut Report<'_>) {
    for placed in &case.steps {
        for start in starts::of(placed).iter().filter(|s| s.purpose == Purpose::Looks) {
            if let Some(word) = changes(&start.text()) {
                let message =
                    format!("`{word}` changes something, and `{}` is only looking here", placed.step.id);
                report.at(&start.path, &message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_compiled() {
        assert_eq!(DESTROYS.len() + CHANGES.len(), DESTRUCTIVE.len() + CHANGING.len());
    }

    #[test]
    fn what_destroys_is_known() {
        for command in [
            "rm -rf /var/lib/postgresql",
            "rm --verbose -fr x",
            "sh -c cd /x; rm -r y",
            "/bin/rm -R x",
            "psql -c DROP TABLE x",
            "psql -c drop   index concurrently i",
            "psql -c TRUNCATE orders",
            "psql -c delete\nfrom orders",
            "git push origin +main",
            "git push --force origin main",
            "git push -f",
            "apply --force",
            "mkfs.ext4 /dev/sdb",
            "dd if=/dev/zero of=/dev/sda",
            "kubectl -n x delete pod y",
            "kubectl delete ns x",
            "helm -n a uninstall web",
            "redis-cli FLUSHALL",
            "pg_resetwal -f /data",
            "aws rds delete-db-instance --db x",
            "aws s3 rm s3://b/k",
            "rsync -a --delete a b",
            "etcdctl del key",
            "dropdb orders",
        ] {
            assert!(destroys(command).is_some(), "{command}");
        }
        for command in [
            "rm note.txt",
            "ls -lR x",
            "psql -c select dropped from tables",
            "git push origin main",
            "kubectl get pods",
            "aws rds describe-db-instances",
            "confirm -r x",
            "systemctl restart web",
            "cat truncate.log",
            "deployctl resume --enforce",
            "farm -rf",
        ] {
            assert_eq!(destroys(command), None, "{command}");
        }
    }

    #[test]
    fn what_changes_is_told_from_what_looks() {
        for command in [
            "psql -c insert into t values (1)",
            "psql -c update orders set paid = true",
            "psql -Atc select pg_promote()",
            "systemctl restart web",
            "kubectl -n a rollout undo deploy/x",
            "curl -s -X POST http://h/",
            "redis-cli flushdb",
            "kubectl auth can-i patch deploy && kubectl patch deploy x",
            "kubectl auth can-i patch deploy; kubectl delete pod x",
            "kubectl auth can-i patch deploy\nhelm rollback web 3",
            "kubectl apply --dry-run=none -f x.yaml",
            "kubectl apply -f dry-run.yaml",
            "echo `kubectl auth can-i get x` `kubectl scale deploy x`",
        ] {
            assert!(changes(command).is_some(), "{command}");
        }
        for command in [
            "psql -Atc select count(*) from pg_stat_activity where state = 'active'",
            "psql -Atc select last_update, granted_to from settings",
            "psql -Atc select pg_is_in_recovery()",
            "systemctl is-active web",
            "kubectl rollout status deploy/x",
            "kubectl get pods",
            "curl -fsS http://h/created",
            "git rev-parse HEAD",
            "redis-cli dbsize",
            "helm status web",
            "kubectl auth can-i patch deployments -n shop",
            "kubectl --context a auth can-i delete pods",
            "oc auth can-i create pods",
            "kubectl -n a apply --dry-run=server -f x.yaml",
            "kubectl diff -f patch.yaml",
            "helm -n a diff upgrade web ./chart",
            "helm upgrade web ./chart --dry-run",
            "git push --dry-run origin main",
        ] {
            assert_eq!(changes(command), None, "{command}");
        }
    }
}
