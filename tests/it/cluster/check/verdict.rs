//! The verdict on one answer whose revision is known.

use std::time::Duration;

use super::{Limits, Observation, State};
use crate::cluster::{
    report::{Report, Tier},
    truth::{History, Shape},
    wire::Coding,
};

impl State {
    pub(super) fn check(&mut self, read: &Observation, limits: Limits) {
        let Self { history, shapes, report, unsettled, .. } = self;
        let shape = &mut shapes[read.shape];
        let kind = shape.question.asked.kind();
        *report.answers.entry((kind, Tier::of(&read.reply.cache_status))).or_default() += 1;
        if read.reply.status == 304 {
            report.count("304s");
        }
        let revision = read.revision;
        if unsettled.iter().any(|(_, from, until)| (*from..*until).contains(&revision)) {
            report.count("answers that could not be checked");
            return;
        }
        let mut broken: Vec<(&'static str, String)> = Vec::new();
        for (floor, rule) in [
            (read.floors.seen, "revisions seen from one replica never go back"),
            (read.floors.asked, "Min-Catalog-Revision is honoured"),
        ] {
            if revision < floor {
                broken.push((rule, format!("revision {revision} is below {floor}")));
            }
        }
        if revision < history.oldest() {
            let detail = format!("revision {revision} is older than all that is kept");
            broken.push(("answers are never older than the cap", detail));
        } else {
            let expected = shape.content(revision, history);
            if expected != read.content.digest {
                let means = shape.identify(read.content.digest, history);
                let detail = format!("it is not what revision {revision} has; {means}");
                broken.push(("an answer is of its revision", detail));
            } else if let Some(own) = read.content.revision {
                if own > revision {
                    let detail = format!("it was read at {own}, which is after {revision}");
                    broken.push(("an answer is of its revision", detail));
                } else if own >= history.oldest()
                    && shape.content(own, history) != read.content.digest
                {
                    let detail = format!("it is not what revision {own}, which it says, has");
                    broken.push(("an answer is of its revision", detail));
                }
            }
            let written = read.floors.written.min(history.head());
            if let Some(lacks) = (revision < written)
                .then(|| shape.changed_after(revision, written, history))
                .flatten()
                && !shape.has_been(read.content.digest, (written, history.head()), history)
            {
                let detail = format!("it lacks revision {lacks}; {written} was acknowledged here");
                broken.push(("a write is in every later answer of its replica", detail));
            }
            Self::age(read, limits, shape, history, report, &mut broken);
        }
        for (rule, detail) in broken {
            report.violate(rule, || {
                let expected =
                    (revision >= history.oldest()).then(|| shape.body(revision, history));
                let expected = expected.map(|body| String::from_utf8_lossy(&body).into_owned());
                let target = &shape.question.target;
                format!(
                    "{detail}\n{}\nexpected at {revision}: {}",
                    read.describe(target),
                    shorten(&expected.unwrap_or_default())
                )
            });
        }
    }

    /// Which writes an answer lacks, and since when.
    fn age(
        read: &Observation,
        limits: Limits,
        shape: &mut Shape,
        history: &History,
        report: &mut Report,
        broken: &mut Vec<(&'static str, String)>,
    ) {
        let marked = read.reply.is_marked();
        let known = history.known_at(read.sent).min(history.head());
        let lacks = if read.revision < known {
            shape.changed_after(read.revision, known, history)
        } else {
            None
        };
        let since = lacks.and_then(|lacks| history.committed(lacks));
        let age = since.map_or(Duration::ZERO, |since| read.sent.saturating_duration_since(since));
        report.aged(age, marked);
        let (limit, rule) = if marked {
            (limits.cap, "answers are never older than the cap")
        } else {
            (limits.bound, "unmarked answers have every write that is as old as the bound")
        };
        let required = read.sent.checked_sub(limit).map_or(0, |before| history.known_at(before));
        // A list may have become again what it was; nobody can tell such answers apart.
        if age >= limit
            && !shape.has_been(read.content.digest, (required.min(known), known), history)
        {
            let lacks = lacks.unwrap_or_default();
            let detail =
                format!("it lacks revision {lacks}, committed {age:?} before the request was sent");
            broken.push((rule, detail));
        } else if !marked
            && let Some(before) = read.sent.checked_sub(limits.bound)
            && read.revision < history.known_at(before)
        {
            report
                .count("unmarked answers that are right, but name a revision older than the bound");
        }
    }
}

impl Observation {
    pub(super) fn describe(&self, target: &str) -> String {
        let head = String::from_utf8_lossy(&self.reply.head);
        format!(
            "{target} from {}, sent {:?} ago, answered after {:?}; floors {:?}\n{}{head}{}",
            self.via,
            self.sent.elapsed(),
            self.arrived - self.sent,
            self.floors,
            String::from_utf8_lossy(&self.request).trim_end(),
            match self.reply.coding {
                Coding::Identity => shorten(&String::from_utf8_lossy(&self.reply.body)),
                coding => format!("({} bytes of {})", self.reply.body.len(), coding.name()),
            }
        )
    }
}

fn shorten(text: &str) -> String {
    let end = text.char_indices().nth(1_500).map_or(text.len(), |(at, _)| at);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", &text[..end])
}
