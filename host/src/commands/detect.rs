//! `detect`: which backend serves here, and why.

use anysvc_backend_api::{Probe, Result};

use crate::{
    environment::Fact,
    manifest::{Reason, Truth},
    output::{
        Output, Paint, error, escape,
        json::{self, Object},
    },
    selection::{self, Explained, Explanation},
    session::Session,
};

/// Runs the command.
pub fn run(session: &Session, explain: bool, out: &mut Output) -> Result<u8> {
    if !explain {
        let (backend, _) = session.answering()?;
        if out.json() {
            out.document(
                Object::new().with("backend", backend.id.as_str()).with("scope", session.scope.as_str()),
            );
        } else {
            out.line(&backend.id);
        }
        return Ok(0);
    }
    let chain = selection::explain(
        session.catalog(),
        &session.env,
        &session.config,
        session.requested(),
        session.scope,
    );
    let probe = match &chain.error {
        Some(error) => Err(error.clone()),
        None => session.answering().map(|(_, probe)| probe),
    };
    // What the store is comes with opening the backend; here it is of interest by itself.
    let state_dir = session.env.state_dir(session.config.state_dir.as_deref(), session.scope);
    let state_dir = state_dir.map(|found| found.path.display().to_string());
    if out.json() {
        out.document(document(session, &chain, &probe, state_dir.as_deref().ok()));
    } else {
        print(session, &chain, &probe, state_dir.as_deref().ok(), out);
    }
    match probe {
        Ok(_) => Ok(0),
        Err(error) => {
            out.error(&error);
            Ok(crate::output::exit_code::of(&error))
        }
    }
}

fn print(
    session: &Session,
    chain: &Explanation,
    probe: &Result<Probe>,
    state: Option<&str>,
    out: &mut Output,
) {
    match &chain.chosen {
        Some(id) => {
            out.painted(id, Paint::Header);
            out.line(&format!(" (decided by {})", chain.decided_by));
        }
        None => out.line("no backend"),
    }
    heading("candidates, in the order of asking", out);
    for candidate in &chain.candidates {
        print_candidate(candidate, chain.chosen.as_deref(), out);
    }
    print_probe(probe, out);
    heading("facts as read", out);
    for Fact { question, .. } in &chain.facts {
        out.line(&format!("  {}: {}", escape::line(&question.to_string()), shown(chain, question)));
    }
    heading("where backends were looked for", out);
    for searched in &chain.searched {
        let problem = searched.problem.as_ref().map(|p| format!(": {}", p.message)).unwrap_or_default();
        let line = format!("  {} ({}){problem}", searched.folder.display(), searched.source);
        out.line(&escape::line(&line));
    }
    heading("who asks", out);
    let caller = session.env.caller();
    let elevated = if caller.elevated() { ", with more rights than who started it" } else { "" };
    out.line(&format!("  uid {}, scope {}{elevated}", caller.euid, session.scope));
    out.line(&format!("  services are remembered in {}", escape::line(state.unwrap_or("no place"))));
    let config = session.config.path.as_ref().map(|path| path.display().to_string());
    out.line(&format!("  configuration: {}", escape::line(config.as_deref().unwrap_or("none"))));
}

fn shown(chain: &Explanation, question: &crate::environment::Question) -> String {
    let fact = chain.facts.iter().find(|fact| fact.question == *question);
    fact.map(|fact| escape::line(&fact.to_string()).into_owned()).unwrap_or_default()
}

fn heading(text: &str, out: &mut Output) {
    out.text("\n");
    out.painted(text, Paint::Header);
    out.text("\n");
}

fn print_candidate(candidate: &Explained, chosen: Option<&str>, out: &mut Output) {
    let is_chosen = chosen == Some(candidate.found.id.as_str());
    out.text("  ");
    out.painted(&escape::line(&candidate.found.id), if is_chosen { Paint::Good } else { Paint::Plain });
    let rest = format!(" (priority {}): {}", candidate.priority, candidate.verdict);
    out.line(&escape::line(&rest));
    out.line(&escape::line(&format!("    manifest {}", candidate.found.path.display())));
    for reason in &candidate.reasons {
        out.line(&escape::line(&format!("    {}{}", "  ".repeat(reason.depth), sentence(reason))));
    }
    if let Some(problem) = &candidate.problem {
        out.painted(&format!("    {}", escape::line(&problem.message)), Paint::Bad);
        out.text("\n");
    }
}

/// What was wanted, what was read, and what follows.
fn sentence(reason: &Reason) -> String {
    let read = reason.read.as_ref().map(|read| format!(" — {read}")).unwrap_or_default();
    format!("[{}] {}{read}", word(reason.truth), reason.wanted)
}

fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "yes",
        Truth::False => "no",
        Truth::Unknown => "?",
    }
}

fn print_probe(probe: &Result<Probe>, out: &mut Output) {
    let Ok(probe) = probe else { return };
    heading("what its manager says", out);
    let version = probe.version.as_ref().map(|version| format!("version {version}"));
    for line in version.iter().chain(&probe.facts) {
        out.line(&format!("  {}", escape::line(line)));
    }
    for warning in &probe.warnings {
        out.text("  ");
        out.painted("warning:", Paint::Warning);
        out.line(&format!(" {}", escape::line(warning)));
    }
}

fn document(session: &Session, chain: &Explanation, probe: &Result<Probe>, state: Option<&str>) -> Object {
    let candidate = |candidate: &Explained| {
        let reason = |reason: &Reason| {
            Object::new()
                .with("depth", i64::try_from(reason.depth).unwrap_or(0))
                .with("wanted", reason.wanted.as_str())
                .maybe("read", reason.read.as_deref())
                .maybe(
                    "holds",
                    match reason.truth {
                        Truth::True => Some(true),
                        Truth::False => Some(false),
                        Truth::Unknown => None,
                    },
                )
        };
        Object::new()
            .with("id", candidate.found.id.as_str())
            .with("manifest", candidate.found.path.to_string_lossy().into_owned())
            .with("priority", candidate.priority)
            .with("verdict", candidate.verdict.as_str())
            .with("conditions", json::list(candidate.reasons.iter().map(reason)))
            .known("error", candidate.problem.as_ref().map(error::object))
    };
    let fact =
        |fact: &Fact| Object::new().with("fact", fact.question.to_string()).with("read", fact.to_string());
    let searched = |searched: &crate::discovery::Searched| {
        Object::new()
            .with("folder", searched.folder.to_string_lossy().into_owned())
            .with("source", searched.source.to_string())
            .known("error", searched.problem.as_ref().map(error::object))
    };
    let said = |probe: &Probe| {
        Object::new()
            .maybe("version", probe.version.as_deref())
            .with("facts", json::list(probe.facts.iter().map(String::as_str)))
            .with("warnings", json::list(probe.warnings.iter().map(String::as_str)))
    };
    Object::new()
        .maybe("backend", chain.chosen.as_deref())
        .with("scope", session.scope.as_str())
        .with("decided_by", chain.decided_by.as_str())
        .with("candidates", json::list(chain.candidates.iter().map(candidate)))
        .with("facts", json::list(chain.facts.iter().map(fact)))
        .with("searched", json::list(chain.searched.iter().map(searched)))
        .maybe("state_dir", state)
        .maybe("manager", probe.as_ref().ok().map(said))
        .known("error", probe.as_ref().err().map(error::object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_as_wanted_then_read() {
        let reason = Reason {
            depth: 1,
            truth: Truth::False,
            wanted: "file /x".into(),
            read: Some("no: not there".into()),
        };
        assert_eq!(sentence(&reason), "[no] file /x — no: not there");
        let open = Reason { depth: 0, truth: Truth::Unknown, wanted: "all of".into(), read: None };
        assert_eq!(sentence(&open), "[?] all of");
    }
}
