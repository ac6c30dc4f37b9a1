//! Waiting for a manager that can't be watched: asking it again and again, with growing pauses.

use std::{thread, time::Duration};

use crate::{
    backend::Backend,
    batch::Batch,
    error::{ErrorKind, Result},
    model::{Goal, State, Status, Target, WaitRequest},
};

const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// The default body of [`Backend::wait`].
pub(crate) fn wait<B: Backend>(backend: &B, batch: &Batch<WaitRequest>) -> Vec<Result<Status>> {
    let mut answers: Vec<Option<Result<Status>>> = vec![None; batch.items.len()];
    let mut pause = Duration::from_millis(1);
    loop {
        let open: Vec<usize> = (0..answers.len()).filter(|&i| answers[i].is_none()).collect();
        let items = open.iter().map(|&i| Target::new(&batch.items[i].name)).collect();
        let now = backend.status(&Batch { items, deadline: batch.deadline });
        for (&i, status) in open.iter().zip(now) {
            answers[i] = judge(&batch.items[i], status);
        }
        if answers.iter().all(Option::is_some) || batch.deadline.passed() {
            break;
        }
        thread::sleep(pause.min(batch.deadline.remaining().unwrap_or(LONGEST_PAUSE)));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let answers = answers.into_iter().zip(&batch.items);
    answers.map(|(answer, request)| answer.unwrap_or_else(|| Err(request.late()))).collect()
}

/// The answer to a request, if this status settles it.
fn judge(request: &WaitRequest, status: Result<Status>) -> Option<Result<Status>> {
    match status {
        Ok(status) if request.met_by(&status) || request.hopeless(&status) => Some(Ok(status)),
        Ok(_) => None,
        Err(error) if error.kind == ErrorKind::NotRegistered && request.goal == Goal::Gone => {
            Some(Ok(Status::new(&request.name, State::Stopped)))
        }
        Err(error) => Some(Err(error)),
    }
}
