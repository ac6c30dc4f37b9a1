//! Whatever happens, in whatever order: what must hold at every moment.

use anysvc_backend_api::{RestartPolicy, State};

use super::{
    give_up::gives_up,
    rules::{killed, millis, secs, spec},
    sim::Bench,
};
use crate::engine::policy::Ending;

use RestartPolicy::{Always, Never, OnFailure};
use State::{Backoff, Failed, Running, Stopped, Stopping};

/// Numbers that only look random: the same every time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn whatever_happens_a_service_is_never_doubled_and_obeys_the_last_word() {
    for seed in 1..=150 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let policy = [Never, OnFailure, Always][dice.below(3) as usize];
        let mut spec = if dice.below(2) == 0 { gives_up(3, 20, policy) } else { spec(policy) };
        spec.restart.delay = Some(millis([0, 1, 1000, 5000][dice.below(4) as usize]));
        let mut bench = Bench::new();
        bench.add(spec, false);
        let mut wanted = false;
        for step in 0..120 {
            let event = dice.below(12);
            let runs = bench.status().pid.is_some();
            match event {
                0 => bench.verb("start"),
                1 => bench.verb("stop"),
                2 => bench.verb("restart"),
                3 => bench.world(|world| world.obedient = !world.obedient),
                4 => bench.world(|world| world.group_left = !world.group_left),
                5 => bench.world(|world| world.refuse = !world.refuse && dice.below(3) == 0),
                6..=8 if runs => {
                    let code = [0, 1, 75, 78, 9][dice.below(5) as usize];
                    bench.end(if code == 9 { killed("KILL") } else { Ending::Code(code) });
                }
                _ => bench.pass(millis(dice.below(4000))),
            }
            match event {
                0 | 2 => wanted = true,
                1 => wanted = false,
                _ => {}
            }
            let status = bench.status();
            let case = format!("seed {seed}, step {step}, event {event}: {status:?}");
            // That no service has two processes is checked by the simulated system at each launch.
            bench.world(|world| assert_eq!(world.living.is_empty(), status.pid.is_none(), "{case}"));
            let alive = matches!(status.state, Running | Stopping | State::Starting);
            assert!(status.pid.is_none() || alive, "{case}");
            if !wanted {
                assert!(matches!(status.state, Stopping | Stopped | Failed), "{case}");
                assert_eq!(status.wanted_up, Some(false), "{case}");
            }
            if status.state == Backoff {
                assert_eq!(status.wanted_up, Some(true), "{case}");
            }
        }
        // In the end it comes down when it is told to, and up when it is told to.
        bench.world(|world| (world.obedient, world.group_left, world.refuse) = (false, false, false));
        bench.verb("stop");
        bench.pass(secs(11));
        assert!(bench.supervisor.is_idle() && bench.supervisor.timeout().is_none(), "seed {seed}");
        bench.verb("start");
        assert_eq!(bench.state(), Running, "seed {seed}");
    }
}
