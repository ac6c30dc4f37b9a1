//! Conditions against facts that are made up: every rule once, then many random ones.

use super::*;
use Truth::{False, True, Unknown};

/// Facts by the question's text; anything else is `No`.
struct Made(Vec<(Question, Answer)>);

impl FactSource for Made {
    fn ask(&self, question: &Question) -> Answer {
        let found = self.0.iter().find(|(asked, _)| asked == question);
        found.map_or_else(|| Answer::No("not there".into()), |(_, answer)| answer.clone())
    }
}

fn file(name: &str) -> Question {
    Question::File(name.into())
}

fn facts() -> Made {
    Made(vec![
        (Question::Os, Answer::Text("linux".into())),
        (file("/yes"), Answer::Yes(None)),
        (file("/secret"), Answer::Unreadable("Permission denied".into())),
        (Question::Variable("SET".into()), Answer::Text("value".into())),
    ])
}

fn leaf(truth: Truth) -> Condition {
    Condition::Is(file(match truth {
        True => "/yes",
        False => "/no",
        Unknown => "/secret",
    }))
}

#[test]
fn leaves_say_what_was_read() {
    for truth in [True, False, Unknown] {
        assert_eq!(leaf(truth).evaluate(&facts()), truth);
    }
    let os = |name: &str| Condition::Equals(Question::Os, name.into()).evaluate(&facts());
    assert_eq!((os("linux"), os("macos")), (True, False));
    assert_eq!(Condition::Is(Question::Variable("SET".into())).evaluate(&facts()), True);
    assert_eq!(Condition::Equals(file("/secret"), "x".into()).evaluate(&facts()), Unknown);
    assert_eq!(Condition::Unknown("phase-of-moon".into()).evaluate(&facts()), Unknown);
}

#[test]
fn what_cannot_be_told_is_not_told_by_its_opposite_either() {
    let not = |truth| Condition::Not(Box::new(leaf(truth))).evaluate(&facts());
    assert_eq!((not(True), not(False), not(Unknown)), (False, True, Unknown));
}

#[test]
fn all_and_any_follow_three_valued_logic() {
    let values = [True, False, Unknown];
    for a in values {
        for b in values {
            let both = vec![leaf(a), leaf(b)];
            let all = if a == False || b == False {
                False
            } else if a == True && b == True {
                True
            } else {
                Unknown
            };
            let any = if a == True || b == True {
                True
            } else if a == False && b == False {
                False
            } else {
                Unknown
            };
            assert_eq!(Condition::All(both.clone()).evaluate(&facts()), all, "{a:?} and {b:?}");
            assert_eq!(Condition::Any(both).evaluate(&facts()), any, "{a:?} or {b:?}");
        }
    }
    assert_eq!(Condition::All(Vec::new()).evaluate(&facts()), True);
    assert_eq!(Condition::Any(Vec::new()).evaluate(&facts()), False);
}

#[test]
fn an_explanation_shows_every_part_in_order_with_what_was_read() {
    let condition = Condition::All(vec![
        Condition::Equals(Question::Os, "macos".into()),
        Condition::Not(Box::new(leaf(Unknown))),
        Condition::Is(Question::Variable("SET".into())),
    ]);
    let shown: Vec<String> = condition
        .explain(&facts())
        .into_iter()
        .map(|r| format!("{} {:?} {} = {}", r.depth, r.truth, r.wanted, r.read.unwrap_or_default()))
        .collect();
    assert_eq!(
        shown,
        [
            "0 False all of = ",
            "1 False operating system is `macos` = `linux`",
            "1 Unknown not = ",
            "2 Unknown file /secret = unreadable: Permission denied",
            "1 True environment variable SET = set",
        ]
    );
}

/// A small generator of numbers: the same ones in each run, so that a failure can be looked at.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn condition(&mut self, depth: u64) -> Condition {
        let many = |dice: &mut Dice| (0..dice.roll(4)).map(|_| dice.condition(depth - 1)).collect();
        match if depth == 0 { 3 + self.roll(3) } else { self.roll(6) } {
            0 => Condition::All(many(self)),
            1 => Condition::Any(many(self)),
            2 => Condition::Not(Box::new(self.condition(depth - 1))),
            3 => leaf(True),
            4 => leaf(False),
            _ => leaf(Unknown),
        }
    }
}

/// The same with every leaf that can't be told taken for `assumed`.
fn assuming(condition: &Condition, assumed: bool) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| assuming(part, assumed)),
        Condition::Any(parts) => parts.iter().any(|part| assuming(part, assumed)),
        Condition::Not(part) => !assuming(part, assumed),
        leaf => match leaf.evaluate(&facts()) {
            True => true,
            False => false,
            Unknown => assumed,
        },
    }
}

#[test]
fn a_random_condition_that_is_decided_does_not_depend_on_what_cannot_be_told() {
    let mut dice = Dice(7);
    for _ in 0..5_000 {
        let condition = dice.condition(4);
        let truth = condition.evaluate(&facts());
        let reasons = condition.explain(&facts());
        assert_eq!(reasons[0].truth, truth, "{condition:?}");
        for assumed in [true, false] {
            match truth {
                Unknown => {}
                decided => assert_eq!(assuming(&condition, assumed), decided == True, "{condition:?}"),
            }
        }
    }
}
