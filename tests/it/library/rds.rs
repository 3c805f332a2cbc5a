//! A managed database is cloned and switched to, against a stand-in for `aws` that is late, throttled and forgetful.

use std::os::unix::fs::PermissionsExt as _;

use super::walk::{open, until_trouble, walk, workspace};
use crate::support::{Incident, Place};

/// Answers as the real one does: throttled now and then, not heard of at first, available too early, in sync late.
/// Its state is files beside it; `mood` says what goes wrong.
const AWS: &str = r#"#!/bin/sh
set -eu
here=$(dirname "$0")
mood=$(cat "$here/mood")
arg() { name=$1; shift; while [ $# -gt 0 ]; do [ "$1" != "$name" ] || { echo "$2"; return; }; shift; done; }
id=$(arg --db-instance-identifier "$@")
query=$(arg --query "$@")
fail() { echo "An error occurred ($1) when calling the operation" >&2; exit 254; }
case "$1 $2" in
  'sts get-caller-identity') echo 123456789012 ;;
  'rds describe-db-instance-automated-backups') echo '2026-11-01T00:00:00Z 2026-11-20T12:00:00Z' ;;
  'rds restore-db-instance-to-point-in-time')
    [ ! -e "$here/new" ] || fail DBInstanceAlreadyExists
    arg --vpc-security-group-ids "$@" >"$here/group"
    arg --db-parameter-group-name "$@" >"$here/parameters"
    for word in "$@"; do case $word in Key=*) echo "$word" | sed 's/Key=//; s/,Value=/ /' ;; esac; done >"$here/new"
    echo 0 >"$here/looks"
    # The wish was taken, and the answer got lost.
    [ "$mood" != lost ] || [ -e "$here/lost" ] || { touch "$here/lost"; fail RequestTimeout; }
    echo '{}' ;;
  'rds list-tags-for-resource') cat "$here/new" ;;
  'rds describe-db-instances')
    looks=99
    if [ "$id" = shop-new ]; then
      [ -e "$here/new" ] || fail DBInstanceNotFound
      looks=$(($(cat "$here/looks") + 1))
      echo "$looks" >"$here/looks"
      [ "$looks" -gt 2 ] || fail DBInstanceNotFound
    fi
    case $query in
      *DBInstanceStatus*)
        # Too many questions at once.
        case $looks in 4 | 8 | 11) fail Throttling ;; esac
        case "$mood $looks" in
          'fails '*) [ "$id" = shop-prod ] && echo available || { [ "$looks" -lt 8 ] && echo creating || echo failed; } ;;
          'broken '[0-9] | 'broken '[0-9][0-9]) [ "$id" = shop-prod ] && echo available || echo incompatible-restore ;;
          *' 3' | *' 4' | *' 5') echo creating ;;
          *' 6') echo available ;;
          *' 7' | *' 8' | *' 9') echo modifying ;;
          *) echo available ;;
        esac ;;
      *DBInstanceIdentifier*) echo "$id" ;;
      *DBInstanceArn*) echo "arn:aws:rds:eu-west-1:123456789012:db:$id" ;;
      *Endpoint*)
        case "$id $mood" in
          'shop-new same') id=shop-prod ;;
          'shop-new none') echo None; exit 0 ;;
          'shop-new slow') sleep 1 ;;
        esac
        echo "$id.abc.eu-west-1.rds.amazonaws.com" ;;
      *ParameterApplyStatus*) echo in-sync ;;
      *VpcSecurityGroups*SubnetGroup*)
        group=sg-shop parameters=shop15
        if [ "$id" = shop-new ]; then group=$(cat "$here/group") parameters=$(cat "$here/parameters"); fi
        [ "$id $mood" != 'shop-new open' ] || group=sg-default
        echo "[[\"$group\"],\"$parameters\",\"private\",false]" ;;
      *VpcSecurityGroupId*) echo sg-shop ;;
      *DBParameterGroupName*) echo shop15 ;;
      *DBSubnetGroupName*) echo private ;;
      *DBInstanceClass*) echo db.m6g.large ;;
      *) echo "unexpected question: $query" >&2; exit 2 ;;
    esac ;;
  'route53 change-resource-record-sets')
    arg --change-batch "$@" | sed 's/.*"Value":"\([^"]*\)".*/\1/' >"$here/zone"
    echo 0 >"$here/asked"
    echo /change/C1 ;;
  'route53 get-change')
    asked=$(($(cat "$here/asked") + 1))
    echo "$asked" >"$here/asked"
    [ "$asked" != 2 ] || fail Throttling
    if [ "$asked" -le 4 ] || [ "$mood" = stuck ]; then echo PENDING
    else
      # What the zone holds is not always what resolvers serve.
      [ "$mood" = unserved ] || cp "$here/zone" "$here/served"
      echo INSYNC
    fi ;;
  *) echo "unexpected call: $*" >&2; exit 2 ;;
esac
"#;

struct Cloud {
    place: Place,
}

impl Cloud {
    fn new(mood: &str) -> Cloud {
        let cloud = Cloud { place: Place::new() };
        let aws = cloud.place.write("aws", AWS);
        std::fs::set_permissions(aws, std::fs::Permissions::from_mode(0o755)).unwrap();
        cloud.place.write("mood", mood);
        cloud.place.write("served", "shop-prod.abc.eu-west-1.rds.amazonaws.com\n");
        cloud
    }

    fn open(&self, newest: &str) -> Option<Incident> {
        let own = Place::new();
        let change = [
            ("every: 15s", "every: 100ms"),
            ("every: 10s", "every: 100ms"),
            ("every: 2s", "every: 100ms"),
            ("hold_for: 1m", "hold_for: 1s"),
            ("within: 15m", "within: 20s"),
            ("SLACK: \"", "PAUSE: \"0.1\", TRIES: \"30\", SLACK: \""),
        ];
        let team = workspace(&own, "rds-pitr-cutover", &["runbooks/rds"], &change)?;
        let at = |name: &str| self.place.join(name).to_str().unwrap().to_owned();
        let params = [
            ("source", "shop-prod".to_owned()),
            ("new", "shop-new".to_owned()),
            ("zone", "Z123".to_owned()),
            ("name", "db.shop.example".to_owned()),
            ("lookup", format!("cat {}", at("served"))),
            ("newest", format!("echo {newest}")),
            ("freeze", "touch frozen".to_owned()),
            ("thaw", "rm frozen".to_owned()),
            ("aws", at("aws")),
        ];
        let room = open(own, team, "rds-pitr-cutover", Some("2026-11-20T10:00:00Z"), &params);
        walk(&room, &["cho send tell", "cho freeze"]);
        Some(room)
    }

    fn served(&self) -> String {
        std::fs::read_to_string(self.place.join("served")).unwrap().trim().to_owned()
    }
}

const GOOD: &str = "2026-11-20T09:59:00Z";

#[test]
fn a_clone_is_waited_for_compared_and_switched_to() {
    let cloud = Cloud::new("fine");
    let Some(room) = cloud.open(GOOD) else { return };
    walk(&room, &["ben clone", "- available", "- right-moment"]);
    let looks: u32 = std::fs::read_to_string(cloud.place.join("looks")).unwrap().trim().parse().unwrap();
    assert!(looks > 9, "it did not take the first `available` for the end");
    walk(
        &room,
        &["ben approve point-of-no-return", "ana approve point-of-no-return", "cho switch", "- leads-there"],
    );
    assert_eq!(cloud.served(), "shop-new.abc.eu-west-1.rds.amazonaws.com");
    walk(&room, &["cho thaw", "- original-kept", "cho confirm connections", "cho send say-so"]);
    room.close();
}

#[test]
fn an_answer_that_got_lost_does_not_make_a_second_clone() {
    let cloud = Cloud::new("lost");
    let Some(room) = cloud.open(GOOD) else { return };
    room.until_step("clone", "ready");
    room.ok("ben", &["start", "clone"]);
    assert!(until_trouble(&room, "clone").contains("exit code 1"));
    room.ok("ben", &["retry", "clone", "--reason", "the answer got lost"]);
    walk(&room, &["ben clone", "- right-moment"]);
}

#[test]
fn a_clone_that_is_not_what_was_asked_for_is_never_switched_to() {
    for (mood, newest, step, words) in [
        ("broken", GOOD, "available", "incompatible-restore"),
        ("open", GOOD, "same-settings", "sg-default"),
        ("fine", "2026-11-20T10:00:01Z", "right-moment", "which is after"),
        ("fine", "2026-11-20T03:00:00Z", "right-moment", "more than 300 s before"),
        // An hour of another zone, without saying so.
        ("fine", "2026-11-20 10:59:00", "right-moment", "which is after"),
        ("fine", "", "right-moment", "names no newest row"),
        ("fine", "yesterday", "right-moment", "names no newest row"),
        ("fails", GOOD, "available", "failed"),
        ("same", GOOD, "own-endpoint", "shop-prod.abc"),
        ("none", GOOD, "own-endpoint", "None"),
    ] {
        let cloud = Cloud::new(mood);
        let Some(room) = cloud.open(newest) else { return };
        room.until_step("clone", "ready");
        room.ok("ben", &["start", "clone"]);
        let said = until_trouble(&room, step);
        assert!(said.contains(words), "{mood}: {said}");
        assert_eq!(cloud.served(), "shop-prod.abc.eu-west-1.rds.amazonaws.com");
        assert_eq!(room.step("switch")["status"], "pending");
    }
}

#[test]
fn a_record_that_is_not_served_lets_nobody_write_again() {
    for (mood, step) in [("stuck", "switch"), ("unserved", "leads-there")] {
        let cloud = Cloud::new(mood);
        let Some(room) = cloud.open(GOOD) else { return };
        walk(&room, &["ben clone", "- own-endpoint", "ben approve point-of-no-return"]);
        walk(&room, &["ana approve point-of-no-return", "- point-of-no-return"]);
        room.until_step("switch", "ready");
        room.ok("cho", &["start", "switch"]);
        until_trouble(&room, step);
        assert_eq!(cloud.served(), "shop-prod.abc.eu-west-1.rds.amazonaws.com");
        assert_eq!(room.step("thaw")["status"], "pending");
        assert_eq!(room.status()["suspended"].as_array().unwrap().len(), 1, "{mood}");
        assert!(room.file("frozen").exists(), "applications are kept from writing");
    }
}

#[test]
fn a_slow_answer_is_waited_for() {
    let cloud = Cloud::new("slow");
    let Some(room) = cloud.open(GOOD) else { return };
    walk(&room, &["ben clone", "- own-endpoint"]);
}
