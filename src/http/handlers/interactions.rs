//! `POST /v1/interactions`: what people did with movies, as callers say.
//!
//! What is good is noted and answered by 202; it is stored within a second. Of many, what is bad or has no
//! room does not keep the others from being noted.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::{
    domain::{
        activity::{BATCH_MAX, Limits, Sent, UserId, read},
        invalid::{Fault, Invalid},
    },
    service::activity::{Client, Said, Wish},
};

use super::super::{
    body::{self, Accepts},
    call::Call,
    error::Problem,
    noted::Marks,
    response::{Answer, written},
    user,
};

#[derive(Serialize)]
struct Outcome {
    accepted: usize,
    ignored: usize,
    refused: usize,
    data: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl Item {
    const ACCEPTED: Self = Self { status: 202, problem: None };

    fn refused(problem: Problem) -> Self {
        Self { status: problem.kind().status().as_u16(), problem: Some(problem) }
    }
}

pub(crate) async fn send(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let user = user::of(&call)?;
    let document = body::document(call.bytes(Accepts::Json).await?).await?;
    let activity = &call.api.activity;
    let is_trusted = user::trusted(&call).is_some();
    let (values, is_batch) = values(document)?;
    let limits = activity.limits();
    let mut items = Vec::with_capacity(values.len());
    let (mut good, mut places) = (Vec::new(), Vec::new());
    for (n, value) in values.iter().enumerate() {
        match interaction(value, limits, is_trusted) {
            Ok(sent) => {
                good.push(sent);
                places.push(n);
                items.push(Item::ACCEPTED);
            }
            Err(invalid) if !is_batch => return Err(Problem::document(&invalid)),
            Err(invalid) => {
                let invalid = invalid.below(&format!("/{n}"));
                items.push(Item::refused(Problem::document(&invalid)));
            }
        }
    }
    let wish = Marks::of(&call.parts.headers).wish();
    let mut ignored = 0;
    if wish != Wish::Unsaid || !activity.records() {
        ignored = good.len();
        activity.ignore(wish, good.len() as u64);
    } else if !good.is_empty() {
        let key = user::trusted(&call).and_then(super::super::auth::Caller::number);
        let client = Client::new(call.client.address, key);
        let named = good.iter().filter_map(|sent| sent.user.clone());
        let users: Vec<UserId> = named.chain(user.clone()).collect();
        let said = activity.say(good, user, client).await?;
        // What is recommended from here on follows from what was said.
        for user in &users {
            call.api.recommender.heard_of(user);
            call.api.recommended.forget(user);
        }
        for (n, said) in places.into_iter().zip(said) {
            if said == Said::NoRoom {
                items[n] = Item::refused(no_room());
            }
        }
    }
    if !is_batch && let Some(problem) = items.first_mut().and_then(|item| item.problem.take()) {
        return Err(problem);
    }
    let refused = items.iter().filter(|item| item.problem.is_some()).count();
    let accepted = items.len() - refused - ignored;
    let status = if refused == 0 { StatusCode::ACCEPTED } else { StatusCode::MULTI_STATUS };
    Ok(Answer::Final(written(status, &Outcome { accepted, ignored, refused, data: items })))
}

fn no_room() -> Problem {
    let detail = "more is said than can be noted now; send it again later, under the same id";
    Problem::overloaded(detail, std::time::Duration::from_secs(1))
}

/// The interactions of a document, and whether it is a list of them.
fn values(document: Value) -> Result<(Vec<Value>, bool), Problem> {
    match document {
        Value::Array(values) if (1..=BATCH_MAX).contains(&values.len()) => Ok((values, true)),
        Value::Array(values) => {
            let detail = format!(
                "must be an interaction, or a list of 1 to {BATCH_MAX}, not {}",
                values.len()
            );
            Err(Problem::document(&Invalid::one(Fault::pointer("", detail))))
        }
        one => Ok((vec![one], false)),
    }
}

fn interaction(value: &Value, limits: Limits, is_trusted: bool) -> Result<Sent, Invalid> {
    let sent = read(value, limits)?;
    if sent.user.is_some() && !is_trusted {
        let detail = "is taken from callers with an API key or token only";
        return Err(Invalid::one(Fault::pointer("/user", detail)));
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::clock::Moment;

    #[test]
    fn a_document_is_one_interaction_or_up_to_500() {
        assert!(!values(json!({})).unwrap().1);
        assert_eq!(values(json!([1, 2])).unwrap().0.len(), 2);
        assert!(values(json!(vec![1; 500])).is_ok());
        assert!(values(json!(vec![1; 501])).is_err());
        assert!(values(json!([])).is_err());
    }

    #[test]
    fn only_callers_with_a_key_say_who_it_was() {
        let limits = Limits { now: Moment::from_unix_ms(10), oldest: Moment::from_unix_ms(0) };
        let value = json!({"signal": "like", "movie": 1, "user": "u"});
        assert!(interaction(&value, limits, true).is_ok());
        let invalid = interaction(&value, limits, false).unwrap_err();
        assert!(invalid.to_string().starts_with("/user: is taken from"), "{invalid}");
    }
}
