//! `tandem doctor`: what was found, each with its cure, as a list for people or JSON; and what that means to a script.

use std::fmt::Write as _;

use serde::Serialize;

use super::Context;
use super::arguments::Doctor;
use super::exit::Exit;
use super::output::{Output, table};
use super::session;
use super::trouble::Trouble;
use super::words::count;
use crate::doctor;
use crate::domain::finding::{Finding, Findings, Verdict};

/// What a script reads.
#[derive(Serialize)]
struct Report<'a> {
    good: usize,
    untold: usize,
    warnings: usize,
    bad: usize,
    findings: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    subject: &'a str,
    check: &'static str,
    verdict: &'static str,
    says: &'a str,
    cure: Option<&'a str>,
}

/// Runs the command.
pub async fn run(arguments: &Doctor, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    context.output.progress("looking at the instances…");
    // On its own: a program that a secret comes from may take its time, and an interruption is heard meanwhile.
    let looked = tokio::spawn(async move { doctor::examine(&config).await });
    let findings = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        looked = looked => looked.map_err(|bug| Trouble::bug(bug.to_string()))?,
    };
    context.output.clear_progress();
    if context.output.json {
        Output::object(&report(&findings))?;
    } else {
        Output::result(&text(&findings, arguments.all));
    }
    Ok(exit(&findings, arguments.strict))
}

/// An instance that can't be entered is a failure to reach it; anything else that is wrong needs a person.
fn exit(findings: &Findings, is_strict: bool) -> Exit {
    let bad = || {
        findings
            .all()
            .iter()
            .filter(|one| one.verdict == Verdict::Bad)
    };
    if bad().any(|one| one.check.is_the_way_in()) {
        return Exit::Unreachable;
    }
    let is_doubtful = findings.count(Verdict::Warning) + findings.count(Verdict::Untold) > 0;
    if bad().next().is_some() || (is_strict && is_doubtful) {
        return Exit::NeedsAPerson;
    }
    Exit::Good
}

fn report(findings: &Findings) -> Report<'_> {
    Report {
        good: findings.count(Verdict::Good),
        untold: findings.count(Verdict::Untold),
        warnings: findings.count(Verdict::Warning),
        bad: findings.count(Verdict::Bad),
        findings: findings.all().iter().map(line).collect(),
    }
}

fn line(finding: &Finding) -> Line<'_> {
    Line {
        subject: &finding.subject,
        check: finding.check.word(),
        verdict: finding.verdict.word(),
        says: &finding.says,
        cure: finding.cure.as_deref(),
    }
}

/// What needs reading stands last, next to the prompt.
fn text(findings: &Findings, all: bool) -> String {
    let mut text = String::new();
    let mut good: Vec<Vec<String>> = Vec::new();
    for one in findings
        .all()
        .iter()
        .filter(|one| one.verdict == Verdict::Good)
    {
        good.push(vec![
            "ok".to_owned(),
            one.subject.clone(),
            one.check.word().to_owned(),
            one.says.clone(),
        ]);
    }
    if all && !good.is_empty() {
        text.push_str(&table(&good));
        text.push('\n');
    }
    for verdict in [Verdict::Untold, Verdict::Warning, Verdict::Bad] {
        let word = match verdict {
            Verdict::Good => "ok",
            Verdict::Untold => "?",
            Verdict::Warning => "warning",
            Verdict::Bad => "BAD",
        };
        let own = findings.all().iter().filter(|one| one.verdict == verdict);
        for one in own {
            let (subject, check) = (&one.subject, one.check.word());
            let _never = writeln!(text, "{word}: {subject}, {check}: {}", one.says);
            if let Some(cure) = &one.cure {
                let _never = writeln!(text, "    {cure}");
            }
        }
    }
    text.push_str(&summary(findings));
    text
}

fn summary(findings: &Findings) -> String {
    let of = |verdict| findings.count(verdict);
    let hint = if of(Verdict::Good) > 0 {
        " (--all lists what is well)"
    } else {
        ""
    };
    format!(
        "{} well, {} could not be told, {}, {} bad{hint}\n",
        of(Verdict::Good),
        of(Verdict::Untold),
        count(of(Verdict::Warning), "warning"),
        of(Verdict::Bad),
    )
}
