//! Registering, which can't be repeated blindly when the supervisor is killed in the middle of it: the
//! records say what became of each service. It must not know how they are asked for.

use anysvc_backend_api::{Batch, Error, Registration, Result, Target, abi::Verb};

use super::call::{Client, ENDED, Need};
use crate::records::Records;

/// Registers services.
pub fn register(client: &Client<'_>, batch: &Batch<Registration>) -> Vec<Result<()>> {
    // What was there before is not ours to finish.
    let before = batch.each(|registration| recorded(client, registration).map(|found| found.is_some()));
    let mut answers = verb(client, Verb::Register, batch);
    for _ in 0..3 {
        if !answers.iter().any(was_interrupted) {
            break;
        }
        for ((registration, before), answer) in batch.items.iter().zip(&before).zip(&mut answers) {
            if was_interrupted(answer) && before == &Ok(false) {
                *answer = finish(client, registration, batch);
            }
        }
    }
    answers
}

/// What is still to be done for one.
fn finish(client: &Client<'_>, registration: &Registration, batch: &Batch<Registration>) -> Result<()> {
    let deadline = batch.deadline;
    let answers = match recorded(client, registration)? {
        None => verb(client, Verb::Register, &Batch { items: vec![registration.clone()], deadline }),
        // It was recorded as it is to be: a supervisor that comes back starts it.
        Some(found) if found == *registration && registration.start => {
            let items = vec![Target::new(&registration.spec.name)];
            verb(client, Verb::Start, &Batch { items, deadline })
        }
        Some(found) if found == *registration => return Ok(()),
        Some(_) => return Err(Error::already_registered(&registration.spec.name)),
    };
    answers.into_iter().next().unwrap_or(Ok(()))
}

fn recorded(client: &Client<'_>, registration: &Registration) -> Result<Option<Registration>> {
    let found = Records::open(client.place)?.one(&registration.spec.name)?;
    Ok(found.map(|(registration, _)| registration))
}

fn was_interrupted(answer: &Result<()>) -> bool {
    answer.as_ref().is_err_and(|error| error.native_code.as_deref() == Some(ENDED))
}

fn verb<T>(client: &Client<'_>, verb: Verb, batch: &Batch<T>) -> Vec<Result<()>>
where
    T: anysvc_backend_api::wire::WireStruct + anysvc_backend_api::Named + Clone,
{
    client.verb(verb, batch, Need::Start).unwrap_or_default()
}
