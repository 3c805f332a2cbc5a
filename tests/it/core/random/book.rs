//! Random runbooks and random teams, as data that the auditor understands by itself and as the text that the program
//! reads. Never asks the program what it makes of them.

use backout::core::id::RoleName;
use backout::core::team::{Person, Team};
use std::sync::Arc;

/// Numbers that follow from one seed alone.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

pub const ROLES: &[&str] = &["commander", "sre", "dba", "ops", "executive"];
/// What whoever starts an irreversible step has to type.
pub const TARGET: &str = "db1";

pub type Require = Vec<(String, u32)>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Authority {
    pub abort: Vec<String>,
    pub go_on: Vec<String>,
    pub no_return: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Seat {
    pub name: String,
    pub stand_in: Vec<String>,
    pub excludes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub require: Require,
    pub deny_quorum: u32,
    pub initiator: bool,
    pub executor: bool,
    pub covers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Run,
    Manual,
    Check(u32),
    Measure,
    Decide(Vec<(String, Option<String>)>),
    Wait,
    Hold(Hold),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub id: String,
    pub kind: Kind,
    pub word: String,
    pub role: Option<String>,
    pub needs: Vec<String>,
    pub irreversible: bool,
    pub undo: bool,
    pub retry: bool,
    pub on_failure: String,
    pub uses: Option<String>,
    pub suspends: Option<String>,
    pub resumes: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Phase {
    pub authority: Authority,
    pub steps: Vec<Spec>,
}

#[derive(Clone, Debug)]
pub struct Book {
    pub seats: Vec<Seat>,
    pub declare: Require,
    pub override_: Option<Require>,
    pub authority: Authority,
    pub phases: Vec<Phase>,
    pub always: Vec<Spec>,
}

fn some_roles(dice: &mut Dice, percent: usize) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    if dice.chance(percent) {
        for _ in 0..=dice.below(2) {
            let role = (*dice.pick(ROLES)).to_owned();
            if !all.contains(&role) {
                all.push(role);
            }
        }
    }
    all
}

fn require(dice: &mut Dice) -> Require {
    let mut all: Require = Vec::new();
    for _ in 0..=dice.below(2) {
        let role = *dice.pick(&ROLES[..4]);
        if all.iter().all(|(r, _)| r != role) {
            all.push((role.to_owned(), if dice.chance(25) { 2 } else { 1 }));
        }
    }
    all
}

impl Book {
    pub fn random(dice: &mut Dice) -> Book {
        let seats = ROLES.iter().map(|name| Seat {
            name: (*name).to_owned(),
            stand_in: if dice.chance(25) { vec![(*dice.pick(ROLES)).to_owned()] } else { Vec::new() },
            excludes: match dice.below(8) {
                0 => vec!["executor".to_owned()],
                1 => vec![(*dice.pick(&ROLES[1..])).to_owned()],
                _ => Vec::new(),
            },
        });
        let mut seats: Vec<Seat> = seats.collect();
        for seat in &mut seats {
            let name = seat.name.clone();
            seat.stand_in.retain(|r| *r != name);
            seat.excludes.retain(|r| *r != name);
        }
        let mut book = Book {
            seats,
            declare: require(dice),
            override_: dice.chance(30).then(|| vec![("executive".to_owned(), 1)]),
            authority: Authority {
                abort: some_roles(dice, 25),
                go_on: some_roles(dice, 25),
                no_return: Vec::new(),
            },
            phases: Vec::new(),
            always: Vec::new(),
        };
        let mut number = 0;
        for _ in 0..=dice.below(3) {
            let authority =
                Authority { abort: some_roles(dice, 15), go_on: some_roles(dice, 15), no_return: Vec::new() };
            let mut steps: Vec<Spec> = Vec::new();
            for _ in 0..2 + dice.below(4) {
                let before: Vec<String> = book
                    .phases
                    .iter()
                    .flat_map(|p: &Phase| &p.steps)
                    .chain(&steps)
                    .map(|s| s.id.clone())
                    .collect();
                steps.push(Spec::random(dice, number, &before));
                number += 1;
            }
            book.phases.push(Phase { authority, steps });
        }
        book.link(dice);
        if dice.chance(50) {
            let mut spec = Spec::plain(format!("s{number}"), Kind::Manual);
            spec.role = None;
            book.always.push(spec);
        }
        book
    }

    pub fn steps(&self) -> impl Iterator<Item = &Spec> {
        self.phases.iter().flat_map(|p| &p.steps).chain(&self.always)
    }

    pub fn step(&self, id: &str) -> Option<&Spec> {
        self.steps().find(|s| s.id == id)
    }

    pub fn phase_of(&self, id: &str) -> Option<&Phase> {
        self.phases.iter().find(|p| p.steps.iter().any(|s| s.id == id))
    }

    pub fn covering<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a Spec, &'a Hold)> {
        self.steps().filter_map(move |s| match &s.kind {
            Kind::Hold(hold) if hold.covers.iter().any(|c| c == id) => Some((s, hold)),
            _ => None,
        })
    }

    /// Fills in what leads from one step to another: covers, jumps, uses.
    fn link(&mut self, dice: &mut Dice) {
        let ids: Vec<String> = self.steps().map(|s| s.id.clone()).collect();
        let changes: Vec<String> = self
            .steps()
            .filter(|s| matches!(s.kind, Kind::Run | Kind::Manual | Kind::Check(_)))
            .map(|s| s.id.clone())
            .collect();
        let measures: Vec<String> =
            self.steps().filter(|s| s.kind == Kind::Measure).map(|s| s.id.clone()).collect();
        let mut covered: Vec<String> = Vec::new();
        for phase in &mut self.phases {
            for spec in &mut phase.steps {
                let after: Vec<String> = ids.iter().skip_while(|i| **i != spec.id).skip(1).cloned().collect();
                if let Kind::Hold(hold) = &mut spec.kind {
                    let mut could: Vec<String> =
                        changes.iter().filter(|c| after.contains(c)).cloned().collect();
                    while hold.covers.len() < 3 && !could.is_empty() {
                        let at = dice.below(could.len());
                        hold.covers.push(could.remove(at));
                        if dice.chance(50) {
                            break;
                        }
                    }
                    covered.extend(hold.covers.iter().cloned());
                    if hold.covers.is_empty() {
                        spec.kind = Kind::Manual;
                    }
                }
                if let Kind::Decide(options) = &mut spec.kind {
                    match after.is_empty() {
                        true => spec.kind = Kind::Manual,
                        false => options[0].1 = Some(dice.pick(&after).clone()),
                    }
                }
                if spec.on_failure == "goto" {
                    spec.on_failure = if after.is_empty() {
                        "pause".to_owned()
                    } else {
                        format!("{{goto: {}}}", dice.pick(&after))
                    };
                }
                let earlier: Vec<&String> = measures.iter().filter(|m| !after.contains(m)).collect();
                if spec.kind == Kind::Run && !earlier.is_empty() && dice.chance(40) {
                    spec.uses = Some((*dice.pick(&earlier)).clone());
                }
            }
        }
        for spec in self.phases.iter_mut().flat_map(|p| &mut p.steps) {
            if spec.kind == Kind::Run && covered.contains(&spec.id) && dice.chance(35) {
                spec.irreversible = true;
                spec.undo = false;
            }
        }
        if dice.chance(40) {
            self.name_who_goes_past_no_return();
        }
    }

    /// So that every such step has a hold point which asks for one of them.
    fn name_who_goes_past_no_return(&mut self) {
        let irreversible: Vec<String> =
            self.steps().filter(|s| s.irreversible).map(|s| s.id.clone()).collect();
        let mut roles: Vec<String> = Vec::new();
        for id in &irreversible {
            let first = self.covering(id).next().map(|(_, hold)| hold.require[0].0.clone());
            roles.extend(first.filter(|r| !roles.contains(r)));
        }
        self.authority.no_return = roles;
    }

    /// The same with something changed, for an amendment.
    pub fn changed(&self, dice: &mut Dice) -> Book {
        let mut book = self.clone();
        let p = dice.below(book.phases.len());
        let steps = &mut book.phases[p].steps;
        let s = dice.below(steps.len());
        let worded = matches!(steps[s].kind, Kind::Run | Kind::Manual | Kind::Check(_) | Kind::Measure);
        match dice.below(3) {
            0 if worded => steps[s].word = format!("{}x", steps[s].word),
            1 => {
                let id = format!("n{}", dice.below(1000));
                steps.push(Spec::plain(id, Kind::Manual));
            }
            _ => {
                if let Kind::Hold(hold) = &mut steps[s].kind {
                    hold.require[0].1 = 1;
                    hold.deny_quorum = 3;
                } else if worded {
                    steps[s].word.push('y');
                }
            }
        }
        book
    }

    pub fn text(&self) -> String {
        let mut out = String::from(
            "backout: 1\nid: random\ntitle: Random\nclass: deploy\nservice: web\nenvironment: staging\n\
             owners: [team]\nsummary: s\ndoes_not_undo: d\nobjectives: {rto: 10m, rpo: 0s}\nroles:\n",
        );
        for seat in &self.seats {
            out.push_str(&format!(
                "  {}: {{stand_in: [{}], excludes: [{}]}}\n",
                seat.name,
                seat.stand_in.join(", "),
                seat.excludes.join(", ")
            ));
        }
        out.push_str(&format!("declare:\n  require: {}\n  expires: 15m\n", shown(&self.declare)));
        if let Some(over) = &self.override_ {
            out.push_str(&format!("  override: {{require: {}, reason: required}}\n", shown(over)));
        }
        out.push_str(&of_authority(&self.authority, ""));
        out.push_str("phases:\n");
        for (i, phase) in self.phases.iter().enumerate() {
            out.push_str(&format!(
                "  - name: Phase {i}\n{}    steps:\n",
                of_authority(&phase.authority, "    ")
            ));
            for spec in &phase.steps {
                out.push_str(&format!("      - {}\n", spec.text(true)));
            }
        }
        if !self.always.is_empty() {
            out.push_str("always:\n");
            for spec in &self.always {
                out.push_str(&format!("  - {}\n", spec.text(false)));
            }
        }
        out
    }
}

fn shown(require: &Require) -> String {
    let all: Vec<String> = require.iter().map(|(r, n)| format!("{{role: {r}, count: {n}}}")).collect();
    format!("[{}]", all.join(", "))
}

fn of_authority(authority: &Authority, indent: &str) -> String {
    let lists =
        [("abort", &authority.abort), ("go_on", &authority.go_on), ("no_return", &authority.no_return)];
    let said: Vec<String> = lists
        .iter()
        .filter(|(_, roles)| !roles.is_empty())
        .map(|(key, roles)| format!("{key}: [{}]", roles.join(", ")))
        .collect();
    if said.is_empty() { String::new() } else { format!("{indent}authority: {{{}}}\n", said.join(", ")) }
}

impl Spec {
    pub fn plain(id: String, kind: Kind) -> Spec {
        Spec {
            word: format!("do-{id}"),
            id,
            kind,
            role: None,
            needs: Vec::new(),
            irreversible: false,
            undo: false,
            retry: false,
            on_failure: "pause".to_owned(),
            uses: None,
            suspends: None,
            resumes: None,
        }
    }

    fn random(dice: &mut Dice, number: usize, before: &[String]) -> Spec {
        let kind = match dice.below(20) {
            0..=5 => Kind::Run,
            6 => Kind::Manual,
            7 => Kind::Check(1 + dice.below(2) as u32),
            8 | 9 => Kind::Measure,
            10 => Kind::Decide(vec![("on".to_owned(), None), ("stop".to_owned(), None)]),
            11 => Kind::Wait,
            _ => Kind::Hold(Hold {
                require: require(dice),
                deny_quorum: 1 + dice.below(3) as u32,
                initiator: dice.chance(50),
                executor: dice.chance(60),
                covers: Vec::new(),
            }),
        };
        let mut spec = Spec::plain(format!("s{number}"), kind);
        if dice.chance(70) && !before.is_empty() {
            spec.needs.push(before[before.len() - 1].clone());
        }
        if dice.chance(20) && !before.is_empty() {
            let other = dice.pick(before).clone();
            if !spec.needs.contains(&other) {
                spec.needs.push(other);
            }
        }
        if matches!(spec.kind, Kind::Run | Kind::Manual | Kind::Check(_) | Kind::Decide(_)) && dice.chance(75)
        {
            spec.role = Some((*dice.pick(&ROLES[..4])).to_owned());
        }
        if spec.kind == Kind::Run {
            spec.undo = dice.chance(50);
            spec.retry = dice.chance(20);
            if dice.chance(15) {
                spec.suspends = Some("writes".to_owned());
            } else if dice.chance(15) {
                spec.resumes = Some("writes".to_owned());
            }
        }
        if matches!(spec.kind, Kind::Run | Kind::Check(_)) {
            spec.on_failure =
                ["pause", "pause", "pause", "continue", "abort", "goto"][dice.below(6)].to_owned();
        }
        spec
    }

    fn text(&self, with_needs: bool) -> String {
        let action = match &self.kind {
            Kind::Run => match &self.uses {
                Some(m) => format!("run: [{}, \"{{{{ measurements.m-{m} }}}}\"], timeout: 30s", self.word),
                None => format!("run: [{}], timeout: 30s", self.word),
            },
            Kind::Manual => format!("manual: {}", self.word),
            Kind::Check(n) => {
                format!("check: {{run: [{}], expect: {{equals: ok}}, count: {n}, interval: 1s}}", self.word)
            }
            Kind::Measure => format!("measure: {{run: [{}]}}, as: m-{}", self.word, self.id),
            Kind::Wait => "wait: 30s".to_owned(),
            Kind::Decide(options) => {
                let all: Vec<String> = options
                    .iter()
                    .map(|(name, to)| format!("{name}: {{then: {}}}", to.as_deref().unwrap_or("end")))
                    .collect();
                format!("decide: {{options: {{{}}}}}", all.join(", "))
            }
            Kind::Hold(hold) => {
                let mut duties = Vec::new();
                duties.extend(hold.initiator.then_some("initiator"));
                duties.extend(hold.executor.then_some("executor"));
                format!(
                    "approve: {{require: {}, deny_quorum: {}, expires: 10m, separation_of_duties: [{}], covers: [{}]}}",
                    shown(&hold.require),
                    hold.deny_quorum,
                    duties.join(", "),
                    hold.covers.join(", ")
                )
            }
        };
        let mut out = format!("{{id: {}, {action}", self.id);
        if with_needs {
            out.push_str(&format!(", needs: [{}]", self.needs.join(", ")));
        }
        if let Some(role) = &self.role {
            out.push_str(&format!(", role: {role}"));
        }
        if self.irreversible {
            out.push_str(&format!(", irreversible: true, target: {{run: [hostname], equals: {TARGET}}}"));
        }
        if self.undo {
            out.push_str(&format!(", undo: [undo-{}]", self.id));
        }
        if self.retry {
            out.push_str(", idempotent: true, retry: {max_attempts: 2, delay: 5s}");
        }
        if self.on_failure != "pause" {
            out.push_str(&format!(", on_failure: {}", self.on_failure));
        }
        let switched = [("suspends", &self.suspends), ("resumes", &self.resumes)];
        for (key, name) in switched.iter().filter_map(|(k, n)| n.as_ref().map(|n| (k, n))) {
            out.push_str(&format!(", {key}: {name}"));
        }
        out.push('}');
        out
    }

    /// What a hold point over this step is about.
    pub fn content(&self) -> String {
        format!("{:?} {} {:?}", self.kind, self.word, self.uses)
    }
}

/// People with some roles each; now and then two of them have one key.
pub struct Crowd {
    pub people: Vec<(String, Vec<String>)>,
    pub keys: Vec<Vec<String>>,
}

impl Crowd {
    pub fn random(dice: &mut Dice) -> Crowd {
        let mut people = Vec::new();
        let mut keys: Vec<Vec<String>> = Vec::new();
        for n in 0..4 + dice.below(4) {
            let mut roles: Vec<String> = Vec::new();
            if n == 0 {
                roles.push("commander".to_owned());
            }
            for _ in 0..=dice.below(3) {
                let role = (*dice.pick(ROLES)).to_owned();
                if !roles.contains(&role) {
                    roles.push(role);
                }
            }
            let mut mine = vec![format!("SHA256:k{n}")];
            if dice.chance(30) {
                mine.push(format!("SHA256:k{n}b"));
            }
            if n > 0 && dice.chance(20) {
                mine.push(format!("SHA256:k{}", dice.below(n)));
            }
            people.push((format!("p{n}"), roles));
            keys.push(mine);
        }
        Crowd { people, keys }
    }

    pub fn team(&self) -> Arc<Team> {
        let people = self.people.iter().map(|(id, roles)| Person {
            id: super::super::person(id),
            name: id.clone(),
            roles: roles.iter().map(|r| RoleName::parse(r.clone()).unwrap()).collect(),
            contact: None,
            time_zone: None,
        });
        Arc::new(Team { people: people.collect() })
    }
}
