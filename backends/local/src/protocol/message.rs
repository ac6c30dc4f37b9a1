//! Requests and answers of version 1, as structures of the API's own kind: what a side does not know
//! and has to understand is refused by name.

use anysvc_backend_api::{
    Deadline, Error, Result,
    abi::{AbiValue, Attr, Bag},
    wire::{Refusal, Wire as _, WireStruct},
};
use std::time::Duration;

/// What is asked for: the API's verbs by their codes, and three of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A verb of the API for each item.
    Verb(u32),
    /// All services: no items, a status each.
    List,
    /// What supervisor this is: no items, one answer.
    Who,
    /// To leave, with everything stopped: no items, an empty answer when it is about to go.
    Leave,
}

/// Codes from here on are not the API's.
const OWN: u32 = 1 << 16;

impl Ask {
    fn code(self) -> u32 {
        match self {
            Ask::Verb(code) => code,
            Ask::List => OWN,
            Ask::Who => OWN + 1,
            Ask::Leave => OWN + 2,
        }
    }

    /// What a code of a client stands for; `None` for one of a newer client.
    fn from_code(code: u32) -> Option<Ask> {
        [Ask::List, Ask::Who, Ask::Leave]
            .into_iter()
            .find(|ask| ask.code() == code)
            .or((code < OWN).then_some(Ask::Verb(code)))
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What for; `None` when a newer client asks for what is not known here.
    pub ask: Option<Ask>,
    /// For what.
    pub items: Vec<Bag>,
    /// How long the supervisor may take; `None` is for ever.
    pub time: Option<Duration>,
}

impl Request {
    /// A request that has to be answered by a deadline.
    pub fn new<T: WireStruct>(ask: Ask, items: Vec<T>, deadline: Deadline) -> Request {
        let items = items.into_iter().map(T::into_bag).collect();
        Request { ask: Some(ask), items, time: deadline.remaining() }
    }
}

/// The answer to a request: to each item, or one error for the whole of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// In the order of the items.
    pub answers: Result<Vec<Result<Bag>>>,
}

impl WireStruct for Request {
    fn into_bag(self) -> Bag {
        let items = self.items.into_iter().map(AbiValue::Bag).collect();
        let mut attrs = vec![
            attr("ask", self.ask.map_or(u32::MAX, Ask::code).into_wire()),
            attr("items", AbiValue::List(items)),
        ];
        attrs.extend(self.time.map(|time| attr("time", time.into_wire())));
        Bag { attrs: attrs.into() }
    }

    fn from_bag(bag: Bag) -> Result<Request, Refusal> {
        let (mut ask, mut items, mut time) = (None, None, None);
        for attr in bag.attrs {
            match (attr.key.as_str(), attr.value) {
                ("ask", value) => ask = Some(Ask::from_code(u32::from_wire(value)?)),
                ("items", AbiValue::List(list)) => items = Some(bags(list, "items")?),
                ("time", value) => time = Some(Duration::from_wire(value)?),
                (key, _) if attr.must => return Err(Refusal::Unknown(key.to_owned())),
                _ => (),
            }
        }
        let ask = ask.ok_or(Refusal::Missing("ask"))?;
        Ok(Request { ask, items: items.ok_or(Refusal::Missing("items"))?, time })
    }
}

impl WireStruct for Reply {
    fn into_bag(self) -> Bag {
        let one = |answer| {
            AbiValue::Bag(single(match answer {
                Ok(bag) => attr("ok", AbiValue::Bag(bag)),
                Err(error) => attr("error", AbiValue::Bag(Error::into_bag(error))),
            }))
        };
        single(match self.answers {
            Ok(answers) => attr("answers", AbiValue::List(answers.into_iter().map(one).collect())),
            Err(error) => attr("error", AbiValue::Bag(error.into_bag())),
        })
    }

    fn from_bag(bag: Bag) -> Result<Reply, Refusal> {
        for attr in bag.attrs {
            match (attr.key.as_str(), attr.value) {
                ("answers", AbiValue::List(list)) => {
                    let answers = bags(list, "answers")?.into_iter().map(answer);
                    return Ok(Reply { answers: Ok(answers.collect::<Result<_, Refusal>>()?) });
                }
                ("error", AbiValue::Bag(bag)) => return Ok(Reply { answers: Err(Error::from_bag(bag)?) }),
                (key, _) if attr.must => return Err(Refusal::Unknown(key.to_owned())),
                _ => (),
            }
        }
        Err(Refusal::Missing("answers"))
    }
}

fn answer(bag: Bag) -> Result<Result<Bag>, Refusal> {
    for attr in bag.attrs {
        match (attr.key.as_str(), attr.value) {
            ("ok", AbiValue::Bag(bag)) => return Ok(Ok(bag)),
            ("error", AbiValue::Bag(bag)) => return Ok(Err(Error::from_bag(bag)?)),
            (key, _) if attr.must => return Err(Refusal::Unknown(key.to_owned())),
            _ => (),
        }
    }
    Err(Refusal::Missing("ok"))
}

fn bags(list: impl IntoIterator<Item = AbiValue>, what: &'static str) -> Result<Vec<Bag>, Refusal> {
    let bag = |value| if let AbiValue::Bag(bag) = value { Ok(bag) } else { Err(Refusal::Malformed(what)) };
    list.into_iter().map(bag).collect()
}

fn attr(key: &'static str, value: AbiValue) -> Attr {
    Attr { key: key.into(), must: true, value }
}

fn single(attr: Attr) -> Bag {
    Bag { attrs: vec![attr].into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use anysvc_backend_api::{State, Status, Target};

    #[test]
    fn requests_and_replies_come_back_as_they_were() {
        for ask in [Ask::Verb(7), Ask::List, Ask::Who, Ask::Leave] {
            let there = Request::new(ask, vec![Target::new("a")], Deadline::after(Duration::from_secs(3)));
            assert_eq!(codec::from_bytes(&codec::to_bytes(there.clone()), "it"), Ok(there));
        }
        let status = Status::new("a", State::Running).into_bag();
        for answers in [Ok(vec![Ok(status), Err(Error::not_registered("b"))]), Err(Error::unsupported("x"))] {
            let there = Reply { answers };
            assert_eq!(codec::from_bytes(&codec::to_bytes(there.clone()), "it"), Ok(there));
        }
    }

    #[test]
    fn what_a_newer_client_asks_for_is_no_damage() {
        let bag = Bag {
            attrs: vec![attr("ask", 70_000u32.into_wire()), attr("items", AbiValue::List(Vec::new().into()))]
                .into(),
        };
        assert_eq!(Request::from_bag(bag).unwrap().ask, None);
    }
}
