//! `lint`: what is wrong with runbooks, scenarios, team and workspace, where, and what to write instead. Never changes
//! a file.

pub mod rules;
pub mod workspace;

use crate::cli::args::{Args, Format, Lint};
use crate::cli::context::{self, Context};
use crate::cli::{given, print, say};
use crate::error::{self, Failure, Result};
use crate::runbook::finding::{self, Finding, Paint, Severity};
use crate::runbook::lint::{self, Person};
use crate::runbook::parse::Loaded;
use crate::runbook::redlines::ENDING;
use crate::runbook::scenario;
use crate::sanitize;
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// Runs the verb.
pub fn run(args: &Args, verb: &Lint) -> Result<()> {
    if let Some(code) = &verb.explain {
        print(&rules::explain(code)?);
        return Ok(());
    }
    if verb.rules {
        print(&rules::list(verb.format));
        return Ok(());
    }
    // Outside a workspace a runbook is judged by itself: what only a team can tell is left out.
    let context = Context::of(args)?;
    let workspace = context.workspace(verb.paths.first().map(PathBuf::as_path));
    let workspace = match (workspace, &args.workspace) {
        (Ok(workspace), _) => Some(workspace),
        (Err(failure), Some(_)) => return Err(failure),
        (Err(failure), None) => {
            if verb.paths.is_empty() {
                return Err(failure);
            }
            None
        }
    };
    let sheets = read(&everything(&verb.paths, workspace.as_ref())?, workspace.as_ref())?;
    let findings = findings(&context.state, verb, workspace.as_ref(), &sheets);
    print(&match verb.format {
        Format::Text => finding::to_text(&findings, Paint::Plain),
        Format::Json => sanitize::json(&finding::to_json(&findings)),
        Format::Sarif => sanitize::json(&finding::to_sarif(&findings, &rules::all())),
        Format::Github => finding::to_github(&findings),
    });
    let errors = findings.iter().filter(|f| f.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    let of = |kind: Kind| sheets.iter().filter(|sheet| sheet.kind == kind).count();
    let (runbooks, scenarios) = (of(Kind::Runbook), of(Kind::Scenario));
    let scenarios = if scenarios == 0 { String::new() } else { format!(", scenarios: {scenarios}") };
    say(&format!("runbooks: {runbooks}{scenarios}, errors: {errors}, warnings: {warnings}"));
    if errors > 0 || (verb.strict && warnings > 0) {
        return Err(Failure::new(error::Kind::No, "the runbooks are not fit for use"));
    }
    Ok(())
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Runbook,
    Scenario,
}

/// A file as it was found.
struct Sheet {
    label: String,
    kind: Kind,
    bytes: Vec<u8>,
}

/// The files; what stands in the folder of scenarios, or says that it is one, is a scenario.
fn read(paths: &[PathBuf], workspace: Option<&Workspace>) -> Result<Vec<Sheet>> {
    let mut out = Vec::new();
    for path in paths {
        let bytes = crate::cli::given::bytes(path)?;
        let folder = std::path::absolute(path).ok();
        let folder = folder.as_deref().and_then(Path::parent).and_then(Path::file_name);
        let is_scenario = folder.is_some_and(|name| name == scenario::FOLDER) || scenario::is_one(&bytes);
        let kind = if is_scenario { Kind::Scenario } else { Kind::Runbook };
        out.push(Sheet { label: label(path, workspace), kind, bytes });
    }
    Ok(out)
}

/// Everything wrong with these files, and, when nothing is named, with the workspace as a whole.
fn findings(state: &Path, verb: &Lint, workspace: Option<&Workspace>, sheets: &[Sheet]) -> Vec<Finding> {
    let mut findings = workspace.map(|w| w.warnings.clone()).unwrap_or_default();
    if let Some(workspace) = workspace.filter(|_| verb.paths.is_empty()) {
        findings.extend(workspace::people(workspace));
    }
    let of = |kind: Kind| sheets.iter().filter(move |sheet| sheet.kind == kind);
    let mut runbooks = Vec::new();
    for Sheet { label, bytes, .. } in of(Kind::Runbook) {
        match crate::runbook::load(label, bytes) {
            Ok(loaded) => {
                findings.extend(judge(&loaded, workspace));
                let answers = workspace.map(|w| workspace::redlines(state, w, label, &loaded));
                findings.extend(answers.unwrap_or_default());
                runbooks.push((label.clone(), loaded));
            }
            Err(broken) => findings.extend(broken),
        }
    }
    if of(Kind::Scenario).next().is_some() {
        findings.extend(rehearsals(&of(Kind::Scenario).collect::<Vec<_>>(), workspace, &runbooks));
    }
    if let Some(workspace) = workspace.filter(|_| verb.paths.is_empty()) {
        findings.extend(workspace::together(workspace, &runbooks));
    }
    findings
}

/// Everything wrong with scenarios, beside the runbooks that were named and those of the workspace.
fn rehearsals(sheets: &[&Sheet], workspace: Option<&Workspace>, named: &[(String, Loaded)]) -> Vec<Finding> {
    let paths = workspace.map(|w| files(&[], Some(w)).unwrap_or_default()).unwrap_or_default();
    let others = paths.iter().filter_map(|path| crate::cli::given::bytes(path).ok());
    let others: Vec<Loaded> = others.filter_map(|bytes| crate::runbook::load("", &bytes).ok()).collect();
    let all: Vec<_> = named.iter().map(|(_, loaded)| loaded).chain(&others).map(|l| &l.runbook).collect();
    let known = workspace.is_some() || !all.is_empty();
    let context = scenario::lint::Context { runbooks: known.then_some(&all) };
    let mut out = Vec::new();
    for sheet in sheets {
        out.extend(match scenario::load(&sheet.label, &sheet.bytes) {
            Ok(loaded) => scenario::lint::lint(&loaded, context),
            Err(broken) => broken,
        });
    }
    out
}

/// A path as it was named; one that was only found is named from the workspace on, as pipelines want it.
fn label(path: &Path, workspace: Option<&Workspace>) -> String {
    let root = workspace.map(|w| w.root.as_path());
    let inside = root.and_then(|root| path.strip_prefix(root).ok()).filter(|p| !p.as_os_str().is_empty());
    inside.unwrap_or(path).display().to_string()
}

/// Every finding about a runbook that parsed, with what the workspace knows.
pub fn judge(loaded: &Loaded, workspace: Option<&Workspace>) -> Vec<Finding> {
    let context = workspace.map_or_else(lint::Context::default, |w| lint::Context {
        people: Some(people(w)),
        channels: Some(w.config.channels.keys().cloned().collect()),
        sources: Some(w.config.sources.keys().cloned().collect()),
        today: chrono::DateTime::from_timestamp_micros(context::now().0).map(|t| t.date_naive()),
    });
    let mut findings = lint::lint(loaded, &context);
    findings.extend(workspace.map(|w| workspace::queries(w, loaded)).unwrap_or_default());
    findings
}

/// Whether a runbook can be opened: the linter's errors count, its warnings do not.
///
/// # Errors
/// Every error, with its place.
pub fn fit(path: &Path, loaded: &Loaded, workspace: Option<&Workspace>) -> Result<()> {
    let mut errors = judge(loaded, workspace);
    errors.retain(|f| f.severity == Severity::Error);
    if errors.is_empty() { Ok(()) } else { Err(unfit(&path.display().to_string(), &errors)) }
}

/// Reads a runbook: its bytes, and what they say.
///
/// # Errors
/// It cannot be read, or is none.
pub fn load(path: &Path) -> Result<(Vec<u8>, Loaded)> {
    let bytes = given::bytes(path)?;
    let label = path.display().to_string();
    let loaded = crate::runbook::load(&label, &bytes).map_err(|findings| unfit(&label, &findings))?;
    Ok((bytes, loaded))
}

/// A runbook that is none, or that cannot be opened as it is.
fn unfit(label: &str, findings: &[Finding]) -> Failure {
    let text = finding::to_text(findings, Paint::Plain);
    Failure::new(error::Kind::No, format!("{label} cannot be used")).because(format!("\n{text}"))
}

/// The team as rules and plans see it.
pub fn people(workspace: &Workspace) -> Vec<Person> {
    let person = |p: &crate::core::team::Person| Person {
        id: p.id.to_string(),
        roles: p.roles.iter().map(|r| r.to_string()).collect(),
    };
    workspace.team.people.iter().map(person).collect()
}

/// The files meant: those named, those in folders named, or the workspace's runbooks.
pub(super) fn files(paths: &[PathBuf], workspace: Option<&Workspace>) -> Result<Vec<PathBuf>> {
    let default = workspace.map(|w| w.root.join(crate::workspace::RUNBOOKS));
    let roots: Vec<PathBuf> = if paths.is_empty() { default.into_iter().collect() } else { paths.to_vec() };
    let mut found = Vec::new();
    for root in roots {
        if root.is_dir() {
            found.extend(yaml_in(&root)?);
        } else {
            found.push(root);
        }
    }
    Ok(found)
}

/// The runbooks meant, and the scenarios in the folders of runbooks.
fn everything(paths: &[PathBuf], workspace: Option<&Workspace>) -> Result<Vec<PathBuf>> {
    let mut found = files(paths, workspace)?;
    let default = workspace.map(|w| w.root.join(crate::workspace::RUNBOOKS));
    let roots: Vec<PathBuf> = if paths.is_empty() { default.into_iter().collect() } else { paths.to_vec() };
    for folder in roots.iter().map(|root| root.join(scenario::FOLDER)).filter(|folder| folder.is_dir()) {
        found.extend(yaml_in(&folder)?);
    }
    Ok(found)
}

fn yaml_in(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir)
        .map_err(|e| Failure::environment(format!("cannot read {}", dir.display())).because(e))?;
    let is_redlines = |p: &PathBuf| p.to_string_lossy().ends_with(ENDING);
    let is_yaml = |p: &PathBuf| {
        p.is_file() && p.extension().is_some_and(|e| e == "yaml" || e == "yml") && !is_redlines(p)
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_yaml).collect();
    files.sort();
    Ok(files)
}
